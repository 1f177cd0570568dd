# SPDX-License-Identifier: Apache-2.0
"""Gate 5, context: how does it behave in a scene?

The asset stands among its neighbours, is seen through authored cameras in authored light, and what does not fit is
measured. Every remark stays as a prim until it is resolved or waived by name; it is measured again only when something
it depends on has changed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset, require
from pipeline.gates.inspection import choose, selections
from pipeline.gates.remarks import (
    NoteRecord,
    Remarks,
    camera_paths,
    keep,
    measured_before,
    open_notes,
    still_standing,
    stored_notes,
    waive,
)
from pipeline.gates.surroundings import approved_stage, looked_at, situation_of
from pipeline.scenes.notes.protocol import Note

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project
    from pipeline.render.result import Quality
    from pipeline.scenes.notes import Measured, Situation

__all__ = [
    "ContextResult",
    "DriftRow",
    "NoteRecord",
    "lens_paths",
    "measure_context",
    "measure_in_scene",
    "open_notes",
    "picture",
    "show_drift",
    "waive",
]

#: the word for every camera of the scene
ALL = "all"


class DriftRow(BaseModel):
    """One view of a product beside its approved version (`pipeline.render.Drift`)."""

    view: str
    colour_mean: float
    colour_95: float
    silhouette: float


class ContextResult(BaseModel):
    """What `gates context` prints.

    Attributes
    ----------
    scene
        Where it stands; empty for the project's own stage.
    camera, cameras
        What was looked through.
    notes
        Remarks that stand; waived ones are only counted.
    measured
        False where nothing had changed since the last measurement.
    failures
        Kinds that could not be measured, and why.
    drift
        The views beside the approved version, where they were asked for.
    """

    asset: str
    scene: str = ""
    camera: str | None
    cameras: list[str] = Field(default_factory=list)
    notes: list[Note] = Field(default_factory=list)
    resolved: int = 0
    waived: int = 0
    measured: bool = True
    failures: dict[str, str] = Field(default_factory=dict)
    drift: list[DriftRow] = Field(default_factory=list)
    seconds: float = 0.0
    sheet: Path | None = None


def measure_context(
    project: Project,
    asset: str,
    camera: str | Sequence[str] | None = None,
    subjects: list[dict[str, str]] | None = None,
    *,
    size: tuple[int, int] = (1920, 0),
    again: bool = False,
    sheet: Path | None = None,
) -> ContextResult:
    """Measure the asset in its scene, keep every remark, and tell the board.

    Parameters
    ----------
    camera
        One or several, or `all`; default: those of the last measurement, else the first of the scene.
    subjects
        Variant selections to measure one after the other (default: as it stands).
    size
        Pixels of the picture that will be rendered; the height follows the camera where it is 0.
    again
        Measure even where nothing changed since the last time.
    sheet
        Draw the asset with its remarks on the picture.

    Raises
    ------
    GateRefused
        An earlier required gate stands in the way.
    UsageError
        There is no such camera, or no asset to look at.
    """
    begun = time.perf_counter()
    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "context")
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim:
        raise UsageError(f"{asset} has nothing to show yet", remedy=f"gates generate {asset}")
    before = measured_before(stage, asset)
    lenses = lens_paths(stage, camera, before.cameras if before else [])
    digest = looked_at(project, stage, asset, lenses, subjects, size)
    result = ContextResult(asset=asset, camera=lenses[0] if lenses else None, cameras=lenses)
    seen: list[tuple[Situation, Measured]] = []
    if again or before is None or before.digest != digest:
        found = Remarks()
        standing = selections(prim)
        for subject in subjects or [{}]:
            choose(stage, prim, {**standing, **subject})
            seen.append(_measure(project, stage, asset, lenses, size, subject, sheet is not None))
            found.take(seen[-1][1].notes)
            result.failures |= seen[-1][1].failures
        result.resolved, result.waived = keep(project, asset, found, lenses, digest)
        waived = {n for n, r in stored_notes(project.open_stage(), asset).items() if r.state == "waived"}
        result.notes = [note for name, note in found.items() if name not in waived]
    else:
        standing_notes, result.waived = still_standing(stage, asset)
        result.notes, result.measured = list(standing_notes.values()), False
    if sheet is not None:
        from pipeline.gates.context_sheet import draw_sheet

        views = seen[0][1].views if seen else None
        result.sheet = draw_sheet(situation_of(project, stage, asset, lenses, size), result, sheet, views)
    result.seconds = round(time.perf_counter() - begun, 3)
    return result


def show_drift(project: Project, asset: str, out: Path) -> list[DriftRow]:
    """Draw the asset beside its approved version, with the wipe and the difference.

    Raises
    ------
    UsageError
        No version is approved.
    """
    from pipeline.gates.scratch import scratch
    from pipeline.render.drifting import drift_sheet
    from pipeline.scenes.notes.look.drift import seen_drift

    stage = project.open_stage()
    known_asset(stage, asset)
    situation = situation_of(project, stage, asset, [], (1920, 0))
    situation.approved = approved_stage(project, stage, asset, {})
    if situation.approved is None:
        raise UsageError(f"no version of {asset} is approved", remedy=f"gates review approve {asset}")
    with scratch(project, "drift") as folder:
        found = seen_drift(situation, folder)
        drift_sheet(found, out, folder, f"{asset}: approved and now")
    return [
        DriftRow(
            view=v.view, colour_mean=v.drift.colour_mean, colour_95=v.drift.colour_95, silhouette=v.drift.silhouette
        )
        for v in found
    ]


def lens_paths(stage: Usd.Stage, wanted: str | Sequence[str] | None, before: Sequence[str] = ()) -> list[str]:
    """Paths of the cameras to look through; empty where the scene has none and none was named.

    Raises
    ------
    UsageError
        There is no such camera.
    """
    from pxr import UsdGeom

    there = camera_paths(stage)
    if wanted is None:
        return [path for path in before if path in there] or there[:1]
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    paths: list[str] = []
    for name in names:
        if name == ALL:
            paths += there
            continue
        path = name if name.startswith("/") else f"/World/Cameras/{name}"
        if not UsdGeom.Camera(stage.GetPrimAtPath(path)):
            known = ", ".join(p.rpartition("/")[2] for p in there)
            remedy = f"use one of: {known}" if known else "gates camera NAME --subject ASSET makes one"
            raise UsageError(f"no camera {name!r}", prim=path, remedy=remedy)
        paths.append(path)
    return list(dict.fromkeys(paths))


def measure_in_scene(
    project: Project,
    scene: str,
    asset: str,
    camera: str | Sequence[str] | None = None,
    *,
    size: tuple[int, int] = (1920, 0),
    sheet: Path | None = None,
) -> ContextResult:
    """Measure what stands in a scene or shot. Nothing is kept: the board judges in the project's own stage.

    Parameters
    ----------
    asset
        Name or path of the prim in that scene.

    Raises
    ------
    UsageError
        There is no such scene, prim or camera.
    """
    from pipeline.gates.context_sheet import PIXELS, draw_sheet
    from pipeline.gates.scenes import find_prim, view
    from pipeline.scenes.notes import measure

    begun = time.perf_counter()
    stage = view(project, scene)
    prim = find_prim(stage, asset)
    lenses = lens_paths(stage, camera)
    situation = situation_of(project, stage, prim.GetName(), lenses, size, prim=prim)
    found = measure(situation, pixels=PIXELS if sheet else None)
    result = ContextResult(
        asset=prim.GetName(),
        scene=scene,
        camera=lenses[0] if lenses else None,
        cameras=lenses,
        notes=found.notes,
        failures=found.failures,
    )
    if sheet is not None:
        result.sheet = draw_sheet(situation, result, sheet, found.views)
    result.seconds = round(time.perf_counter() - begun, 3)
    return result


def picture(
    project: Project,
    asset: str,
    out: Path,
    camera: str,
    size: tuple[int, int],
    quality: Quality,
    variants: dict[str, str],
) -> str:
    """Render the scene through an authored camera with some variants of the asset; returns the renderer's name."""
    from pipeline.render import render

    stage = project.open_stage()
    known_asset(stage, asset)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    choose(stage, prim, {**selections(prim), **variants})
    (path,) = lens_paths(stage, [camera])
    result = render(stage, out, camera=path, size=size, quality=quality)
    return str(result.renderer)


def _measure(
    project: Project,
    stage: Usd.Stage,
    asset: str,
    lenses: list[str],
    size: tuple[int, int],
    subject: dict[str, str],
    large: bool,
) -> tuple[Situation, Measured]:
    from pipeline.gates.context_sheet import PIXELS
    from pipeline.scenes.notes import measure

    situation = situation_of(project, stage, asset, lenses, size, subject)
    return situation, measure(situation, pixels=PIXELS if large else None)
