# SPDX-License-Identifier: Apache-2.0
"""The safe fixers of geometry as fixers of USD's validation framework.

USD hands over an error and an edit target; what a fixer makes goes there as opinions, and USD saves that layer itself
when the fixer has succeeded. So the layer must be a file that may be written; a layer of its own leaves the original.
"""

from __future__ import annotations

import os
from typing import Any

from pxr import Usd, UsdValidation

from pipeline.checks.protocol import Rule

__all__ = ["fixers_of"]

#: operations that need nothing but the stage: no textures, no other files
_SAFE = {
    "fill-holes", "split-non-manifold", "orient", "remove-degenerate", "remove-duplicates", "remove-floaters",
    "remove-hidden", "decimate",
}  # fmt: skip


def fixers_of(rule: type[Rule]) -> list[Any]:
    """The fixers to register with the validator of a rule: one or none."""
    if rule.fixer not in _SAFE:
        return []
    return [UsdValidation.ValidationFixer(rule.fixer, rule.advice, _apply(rule.fixer), _can, [], "")]


def _can(error: Any, target: Usd.EditTarget, time: Usd.TimeCode) -> bool:
    """Whether the layer of the edit target may be changed and saved, and the error names a place on a stage."""
    layer = target.GetLayer()
    return bool(layer and not layer.anonymous and layer.permissionToEdit and layer.permissionToSave and _prim(error))


def _prim(error: Any) -> Usd.Prim | None:
    """What the rules judged: the prim of `GATES_PRIM`, or the default prim."""
    for site in error.GetSites():
        prim = site.GetPrim() if site.IsPrim() else None
        stage = prim.GetStage() if prim else None
        if stage:
            named = os.environ.get("GATES_PRIM")
            return stage.GetPrimAtPath(named) if named else stage.GetDefaultPrim()
    return None


def _apply(operation: str) -> Any:
    def apply(error: Any, target: Usd.EditTarget, time: Usd.TimeCode) -> bool:
        from pipeline.checks.fixers import settings_for
        from pipeline.errors import GatesError
        from pipeline.refiners import refine
        from pipeline.settings.jobs import brief_for

        prim = _prim(error)
        if prim is None:
            return False
        settings = settings_for(operation, brief_for(os.environ.get("GATES_JOB")))
        try:
            with Usd.EditContext(prim.GetStage(), target):
                return refine(prim.GetStage(), prim.GetPath(), operation, settings).changed
        except GatesError:
            return False

    return apply
