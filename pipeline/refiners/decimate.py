# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles at the same look: UVs, seams, material borders and skin weights are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import UsdGeom
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.collapse import trial
from pipeline.mesh.faces import areas
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.seams import split
from pipeline.mesh.shading import CREASE, with_normals
from pipeline.mesh.simplify import engine, simplify
from pipeline.progress import track
from pipeline.refiners.core import Operation, Part, Settings, Subject

#: triangles that even the smallest part keeps
_LEAST = 12
#: custom data of an asset that could not be reduced as far as was asked: how, and to how many
_KEY = "gates:decimate"
#: triangles up to which the parts are tried at several errors
_TRIED = 300_000
_HALVINGS = 9
#: how often the budget is shared anew among parts that can still give
_ROUNDS = 4


class DecimateSettings(Settings):
    """How many triangles are left, and what may change for it."""

    triangles: int = Field(default=8000, gt=0, description="Triangles of the whole asset afterwards.")
    seams: Literal["keep", "drop"] = Field(
        default="keep",
        description="keep: UV islands and material borders stay; drop: UVs go, for meshes that are unwrapped anew.",
    )
    fit: bool = Field(default=True, description="Move the remaining vertices to the least squares of the original.")
    lock_border: bool = Field(default=False, description="Keep open borders vertex by vertex.")
    crease: float = Field(default=CREASE, ge=0, le=180, description="Degrees from which an edge is shaded hard.")
    engine: Literal["", "meshoptimizer", "opengl-decimate"] = Field(
        default="", description="Library that collapses edges; empty: the best that is installed."
    )


def run(subject: Subject, settings: DecimateSettings) -> None:
    """Share the budget out, reduce each part, measure the error."""
    parts = [p for p in subject.parts() if not _unfit(subject, p)]
    total = sum(len(p.mesh.triangles) for p in parts)
    if total <= settings.triangles or not parts:
        return
    recipe = f"{settings.model_dump_json()} {total}"
    if subject.prim.GetCustomDataByKey(_KEY) == recipe:
        return  # as few as it goes
    subject.details["engine"] = engine(settings.engine)
    reduce_parts(subject, parts, settings)
    left = sum(len(p.mesh.triangles) for p in subject.parts() if not subject.deformed(p))
    if left > settings.triangles:
        subject.prim.SetCustomDataByKey(_KEY, f"{settings.model_dump_json()} {left}")


def reduce_parts(subject: Subject, parts: list[Part], settings: DecimateSettings) -> None:
    """Reduce parts to the budget together and write what became smaller.

    What seams and borders hold above its share, the others give up.
    """
    budget = shares_by_error(parts, settings) if _comparable(parts) else shares(parts, settings.triangles)
    now = np.array([len(p.mesh.triangles) for p in parts], np.int64)
    made: dict[int, _Reduced] = {}
    tried: dict[int, int] = {}
    for _ in range(_ROUNDS):
        for number in track(range(len(parts)), "decimate"):
            target = int(budget[number])
            if target >= now[number] or tried.get(number) == target or (number in made and made[number].stuck):
                continue
            made[number], tried[number] = _reduced(parts[number], target, settings), target
        reached = np.array([made[i].triangles if i in made and budget[i] < now[i] else now[i] for i in range(len(now))])
        over = int(reached.sum()) - settings.triangles
        free = np.array([not (i in made and made[i].stuck) for i in range(len(now))])
        room = np.where(free, np.maximum(reached - np.minimum(now, _LEAST), 0), 0)
        if over <= 0 or not room.sum():
            break
        budget = reached - np.minimum(room, np.ceil(over * room / room.sum()).astype(np.int64))
    _write(subject, parts, [made.get(i) if reached[i] < now[i] else None for i in range(len(now))], settings)
    total = int(reached.sum())
    if total > 1.02 * settings.triangles:
        why = "seams and borders hold the rest" if settings.seams == "keep" else "every shell keeps its shape"
        subject.note(
            f"{total} triangles is as few as it goes: {why}"
            + (" (seams=drop, then unwrap and bake, goes lower)" if settings.seams == "keep" else "")
        )


@dataclass(frozen=True, eq=False)
class _Reduced:
    mesh: PolygonMesh
    triangles: int
    stuck: bool


def _reduced(part: Part, target: int, settings: DecimateSettings) -> _Reduced:
    found = simplify(part.mesh, target, settings.seams == "keep", settings.fit, settings.lock_border, settings.engine)
    return _Reduced(found.mesh, found.triangles, found.triangles > 1.01 * target + 1)


def _write(subject: Subject, parts: list[Part], made: list[_Reduced | None], settings: DecimateSettings) -> None:
    for part, found in zip(parts, made, strict=True):
        if found is None or found.triangles > 0.98 * len(part.mesh.triangles):
            continue
        new = with_normals(found.mesh, settings.crease)
        subject.deviation(part.mesh, new, part.to_asset)
        scheme = part.prim.GetSubdivisionSchemeAttr().Get()
        subject.write(part, new)
        if scheme != UsdGeom.Tokens.none:
            part.prim.CreateSubdivisionSchemeAttr().Set(UsdGeom.Tokens.none)


def _comparable(parts: list[Part]) -> bool:
    """Whether the parts may be tried at several errors: more than one, few enough triangles."""
    return len(parts) > 1 and sum(len(p.mesh.triangles) for p in parts) <= _TRIED


def shares_by_error(parts: list[Part], settings: DecimateSettings) -> NDArray[np.int64]:
    """(p,) triangles for each part so that all lose about as much shape, in metres, within the budget.

    The error that fits is found by halving; a part that cannot lose anything keeps what it has.
    """
    name = engine(settings.engine)
    trials = [trial(split(_placed(p), settings.seams == "keep"), name) for p in parts]
    now = np.array([len(p.mesh.triangles) for p in parts], np.int64)
    low, high = 0.0, max(float(np.ptp(p.points, axis=0).max()) for p in parts)
    best = shares(parts, settings.triangles)
    for _ in range(_HALVINGS):
        # errors of interest lie many powers of ten apart
        middle = np.sqrt(max(low, 1e-7 * high) * high)
        counts = np.array([left(middle) for left in trials], np.int64)
        if int(counts.sum()) > settings.triangles:
            low = middle
        else:
            high, best = middle, counts
    spare = settings.triangles - int(best.sum())
    if spare > 0:
        room = now - best
        best = best + np.floor(min(1.0, spare / max(int(room.sum()), 1)) * room).astype(np.int64)
    return np.maximum(best, np.minimum(now, _LEAST))


def _placed(part: Part) -> PolygonMesh:
    """The part in the asset's space, so that errors of parts compare."""
    return replace(part.mesh, points=part.points.astype(np.float32))


def shares(parts: list[Part], budget: int) -> NDArray[np.int64]:
    """(p,) triangles for each part: half by surface, half by what it has now; nobody gets more than it has."""
    now = np.array([len(p.mesh.triangles) for p in parts], np.int64)
    area = np.array([float(areas(p.points, p.mesh.triangles).sum()) for p in parts])
    weight = area / max(area.sum(), 1e-300) + now / now.sum()
    least = np.minimum(now, _LEAST)
    result = least.copy()
    for _ in range(len(parts)):
        free = budget - int(result.sum())
        hungry = result < now
        if free <= 0 or not hungry.any():
            break
        more = np.where(hungry, weight, 0)
        result = np.minimum(now, result + np.floor(free * more / more.sum()).astype(np.int64))
        if int(result.sum()) >= budget - len(parts):
            break
    if int(least.sum()) > budget:
        raise RefineError(
            f"{len(parts)} parts cannot share {budget} triangles", remedy=f"ask for {int(least.sum())} or more"
        )
    return result


def _unfit(subject: Subject, part: Part) -> bool:
    why = subject.deformed(part)
    if why:
        subject.skip(part.path, why)
    return bool(why)


def measure(subject: Subject) -> dict[str, Any]:
    """Statistics, UV sets and open edges."""
    parts = subject.parts()
    sets = {n for p in parts for n, v in p.mesh.primvars.items() if "texCoord" in v.kind}
    return {
        **subject.stats(),
        "uv_sets": len(sets),
        "open_edges": int(sum(len(p.mesh.topology.edges.open) for p in parts)),
    }


operation = Operation(
    name="decimate",
    summary="Reduce to a triangle budget, seams and borders kept",
    settings=DecimateSettings,
    run=run,
    measure=measure,
    fixes=("topology.triangle-budget",),
)
