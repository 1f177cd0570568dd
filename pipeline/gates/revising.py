# SPDX-License-Identifier: Apache-2.0
"""Changing what stands in a scene: another variant, taken out, back to what weaker departments say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pipeline.errors import UsageError
from pipeline.gates.dressing import PrimResult
from pipeline.gates.scenes import find_prim, working

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["RemoveResult", "VariantResult", "choose_variants", "remove_prim"]


class VariantResult(PrimResult):
    """What is selected on a prim, by set."""

    variants: dict[str, str] = Field(default_factory=dict)


class RemoveResult(PrimResult):
    """How a prim was taken out: `deleted` where only this department had it, else `deactivated`."""

    how: Literal["deleted", "deactivated"]


def choose_variants(
    project: Project, scene: str, prim: str, variants: Mapping[str, str], *, department: str | None = None
) -> VariantResult:
    """Select variants of what stands in a scene, where it stands.

    Raises
    ------
    UsageError
        There is no such prim, set or variant.
    """
    from pipeline.scenes.references import select_variants

    with working(project, "asset", scene, department) as place:
        found = find_prim(place.stage, prim)
        select_variants(found, variants)
        sets = found.GetVariantSets()
        chosen = {n: sets.GetVariantSelection(n) for n in sets.GetNames() if sets.GetVariantSelection(n)}
        wrong = [name for name, variant in variants.items() if chosen.get(name) != variant]
        result = VariantResult(
            prim=str(found.GetPath()), scene=place.scene, department=place.department, variants=chosen
        )
        if wrong:
            raise UsageError(
                f"a stronger department selects {wrong[0]}={chosen.get(wrong[0])}",
                prim=result.prim,
                remedy="name that department with --department",
            )
    return result


def remove_prim(project: Project, scene: str, prim: str, *, department: str | None = None) -> RemoveResult:
    """Take something out of a scene; what other departments or the sequence say of it stays and is not composed.

    Raises
    ------
    UsageError
        There is no such prim, or it is one of the scene's groups.
    """
    with working(project, "asset", scene, department) as place:
        found = find_prim(place.stage, prim)
        path = found.GetPath()
        if path.pathElementCount < 3:
            raise UsageError("a scene keeps its groups", prim=str(path), remedy="name what stands in one of them")
        own = place.stage.GetEditTarget().GetLayer()
        layers = set(place.stage.GetLayerStack())
        alone = all(spec.layer == own for spec in found.GetPrimStack() if spec.layer in layers)
        result = RemoveResult(
            prim=str(path), scene=place.scene, department=place.department, how="deleted" if alone else "deactivated"
        )
        if alone:
            place.stage.RemovePrim(path)
        else:
            found.SetActive(False)
    return result
