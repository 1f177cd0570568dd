# SPDX-License-Identifier: Apache-2.0
"""Work layers: what one person has changed on one branch and not committed.

A work layer is an overlay on its branch. Where something must go that an overlay cannot take away (a prim, a
property, a metadata key), the work layer is *whole*: it then holds all of the branch and stands in its place.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pxr import Sdf, Vt

from pipeline.usd.anchoring import relative
from pipeline.usd.writing import replace_text
from pipeline.versions.layout import Layout
from pipeline.versions.objects import open_copy
from pipeline.versions.version import root_metadata, set_root_metadata

__all__ = ["WorkLayer"]

_KEY = "gates"


@dataclass(frozen=True)
class WorkLayer:
    """The uncommitted work of `who` on `branch`.

    Attributes
    ----------
    who
        A person or a farm job.
    """

    layout: Layout
    who: str
    branch: str

    @property
    def path(self) -> Path:
        """The layer file."""
        return self.layout.work(self.who, self.branch)

    @property
    def lock(self) -> Path:
        """The file to lock while the work changes."""
        return self.layout.locks / f"work-{self.who}-{self.branch}.lock"

    def read(self) -> Sdf.Layer:
        """The layer as it is on the disk, shared with nobody."""
        return open_copy(self.path)

    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def clear(self, base: str, metadata: dict[str, Any]) -> None:
        """Write an empty work layer that starts from version `base`."""
        layer = Sdf.Layer.CreateAnonymous(".usda")
        set_root_metadata(layer, metadata)
        layer.customLayerData = {_KEY: {"base": base}}
        replace_text(self.path, layer.ExportToString())

    def show_person(self, metadata: dict[str, Any], whole: bool = False) -> None:
        """Write the person's stage: the project on this branch with this work on top."""
        target = self.layout.person(self.who)
        layer = Sdf.Layer.CreateAnonymous(".usda")
        set_root_metadata(layer, metadata)
        if whole:
            layer.expressionVariables = {"BRANCH": self.branch}
            layer.subLayerPaths = [relative(self.path, target.parent)]
        else:
            layer.expressionVariables = {"BRANCH": self.branch, "WORK": self.who}
            layer.subLayerPaths = ["../project.usda"]
        text = layer.ExportToString()
        if not target.exists() or target.read_text(encoding="utf-8", errors="replace") != text:
            replace_text(target, text)


def base_of(layer: Sdf.Layer) -> str:
    """The version that a work layer started from; empty where it does not say."""
    return str(layer.customLayerData.get(_KEY, {}).get("base", ""))


def is_whole(layer: Sdf.Layer) -> bool:
    """Whether a work layer stands in the place of its branch."""
    return bool(layer.customLayerData.get(_KEY, {}).get("whole", False))


def renames_of(layer: Sdf.Layer) -> tuple[str, ...]:
    """Old and new paths, in turn, of what was renamed in a work layer."""
    return tuple(layer.customLayerData.get(_KEY, {}).get("renames", ()))


def add_rename(layer: Sdf.Layer, old: str, new: str) -> None:
    """Remember in a work layer that a prim was renamed."""
    facts = dict(layer.customLayerData)
    own = dict(facts.get(_KEY, {}))
    own["renames"] = Vt.StringArray([*renames_of(layer), old, new])
    layer.customLayerData = {**facts, _KEY: own}


def mark(layer: Sdf.Layer, base: str, whole: bool) -> None:
    """Say on a work layer what it started from and whether it is whole."""
    facts = dict(layer.customLayerData)
    facts[_KEY] = {"base": base, "whole": True} if whole else {"base": base}
    layer.customLayerData = facts


def without_marks(layer: Sdf.Layer) -> None:
    """Take off a layer what only a work layer says."""
    facts = {name: value for name, value in layer.customLayerData.items() if name != _KEY}
    if facts:
        layer.customLayerData = facts
    else:
        layer.ClearCustomLayerData()


def is_empty(layer: Sdf.Layer, metadata: dict[str, Any]) -> bool:
    """Whether a work layer says nothing beyond what its branch's root says."""
    if layer.rootPrims or layer.subLayerPaths or is_whole(layer) or layer.HasRelocates():
        return False
    return all(metadata.get(name) == value for name, value in root_metadata(layer).items())
