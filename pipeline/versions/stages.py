# SPDX-License-Identifier: Apache-2.0
"""The stage that everybody opens: `project.usda`."""

from __future__ import annotations

import re
from typing import Any

from pxr import Sdf

from pipeline.usd.writing import replace_text
from pipeline.versions.layout import Layout
from pipeline.versions.version import set_root_metadata

__all__ = ["root_stage_text", "show_project"]

_BRANCH = re.compile(r'string BRANCH = "([^"]+)"')


def root_stage_text(metadata: dict[str, Any], branch: str) -> str:
    """The text of `project.usda`.

    BRANCH chooses the branch; WORK, where somebody defines it, lays that person's uncommitted work on top.
    """
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, metadata)
    layer.expressionVariables = {"BRANCH": branch}
    layer.subLayerPaths = [
        '`if(defined("WORK"), "./work/${WORK}/${BRANCH}.usda")`',
        '`"./branches/${BRANCH}.usda"`',
    ]
    text: str = layer.ExportToString()
    return text


def shown_branch(layout: Layout) -> str:
    """The branch that `project.usda` shows to those who choose none."""
    found = _BRANCH.search(layout.stage.read_text(encoding="utf-8", errors="replace"))
    return found.group(1) if found else "main"


def show_project(layout: Layout, branch: str, metadata: dict[str, Any]) -> None:
    """Repeat a branch's root metadata on the stage, if it is the branch the stage shows."""
    if shown_branch(layout) != branch:
        return
    text = root_stage_text(metadata, branch)
    if layout.stage.read_text(encoding="utf-8", errors="replace") != text:
        replace_text(layout.stage, text)
