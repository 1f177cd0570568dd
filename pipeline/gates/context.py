# SPDX-License-Identifier: Apache-2.0
"""Gate 5, context: how does it behave in a scene?

The asset is placed among its neighbours, seen through an authored camera under an authored light rig, and what
does not fit is measured: scale, colour, framing, contact. Every remark stays as a prim until it is resolved or
waived by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pxr import Sdf
from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset, mark, record_path, require
from pipeline.gates.inspection import choose, selections
from pipeline.gates.intent import read_intent
from pipeline.scenes.cameras import CameraSpec
from pipeline.scenes.notes import Note
from pipeline.usd.records import Record, children, now

if TYPE_CHECKING:
    from pxr import Usd, UsdGeom

    from pipeline.project import Project
    from pipeline.render.result import Quality

__all__ = [
    "ContextResult",
    "NoteRecord",
    "PrimResult",
    "add_camera",
    "add_lights",
    "add_set",
    "measure_context",
    "open_notes",
    "picture",
    "place_asset",
    "waive",
]

SCENE_ROOTS = ("/World/Set", "/World/Cameras", "/World/Lights")


class NoteRecord(Record):
    """A remark about an asset, as it is kept in the stage."""

    schema_type: ClassVar[str] = "GatesNote"

    kind: str = ""
    state: Literal["open", "resolved", "waived"] = "open"
    message: str = ""
    measured: str = ""
    expected: str = ""
    by: str = ""
    time: str = ""


class ContextResult(BaseModel):
    """What `gates context` prints."""

    asset: str
    camera: str | None
    notes: list[Note] = Field(default_factory=list)
    resolved: int = 0
    waived: int = 0


class PrimResult(BaseModel):
    """What `gates place`, `gates camera` and `gates light` print; lengths in metres, angles in degrees."""

    prim: str
    position_m: tuple[float, float, float] | None = None
    yaw: float | None = None
    camera: CameraSpec | None = None
    rig: str | None = None


def add_set(project: Project, name: str, layer: Path) -> PrimResult:
    """Reference a set (a blockout of the level, a stage of neighbours) below /World/Set.

    The layer and all it needs are stored in the project. A set that ships may be named by its stem.

    Raises
    ------
    UsageError
        There is no such file and no set of that name.
    """
    from pipeline.resources import folder

    source = layer if layer.exists() else folder("stages") / f"{layer}.usda"
    if not source.exists():
        known = ", ".join(sorted(p.stem for p in folder("stages").glob("*.usda")))
        raise UsageError("there is no such set", path=layer, remedy=f"give a USD file, or one of: {known}")
    stored = project.objects.add_layer(source)
    path = f"/World/Set/{name}"
    with project.edit() as stage:
        prim = stage.DefinePrim(path, "Xform")
        prim.GetReferences().ClearReferences()
        prim.GetReferences().AddReference(project.anchor(stored))
    return PrimResult(prim=path)


def place_asset(
    project: Project,
    asset: str,
    *,
    at: tuple[float, float, float] | None = None,
    yaw: float | None = None,
    ground: bool = False,
    next_to: str | None = None,
) -> PrimResult:
    """Give an asset its place in the scene (metres with Y up, degrees).

    Raises
    ------
    UsageError
        The asset or the neighbour is not there.
    """
    from pipeline.scenes.placement import place

    known_asset(project.open_stage(), asset)
    path = f"{ASSETS}/{asset}"
    with project.edit() as stage:
        prim = stage.GetPrimAtPath(path)
        if not prim:
            raise UsageError(f"{asset} has nothing to place yet", prim=path, remedy=f"gates generate {asset}")
        other = _find(stage, next_to) if next_to else None
        where = place(prim, at=at, yaw=yaw, ground=ground, next_to=other)
    return PrimResult(prim=path, position_m=where.position, yaw=where.yaw)


def add_camera(project: Project, name: str, subject: str, spec: CameraSpec) -> PrimResult:
    """Author a camera that looks at an asset or a prim."""
    from pipeline.scenes import author_camera, world_box

    path = f"/World/Cameras/{name}"
    with project.edit() as stage:
        prim = _find(stage, subject)
        box = world_box(prim)
        if box is None:
            raise UsageError("the subject shows nothing", prim=str(prim.GetPath()), remedy="select a candidate first")
        author_camera(stage, path, box, spec)
    return PrimResult(prim=path, camera=spec)


def add_lights(project: Project, rig: str) -> PrimResult:
    """Reference a light rig that ships; the other rigs are switched off."""
    from pipeline.scenes import add_light_rig

    with project.edit() as stage:
        prim = add_light_rig(stage, rig, lambda path: project.anchor(project.objects.add_layer(path)))
        path = str(prim.GetPath())
    return PrimResult(prim=path, rig=rig)


def measure_context(
    project: Project, asset: str, camera: str | None = None, subjects: list[dict[str, str]] | None = None
) -> ContextResult:
    """Measure the asset in its scene, keep every remark, and tell the board.

    `subjects` are the variant selections to measure one after the other (default: as it stands). A remark
    that was open and is no longer found is resolved; one that was waived stays waived.

    Raises
    ------
    GateRefused
        An earlier required gate stands in the way.
    """
    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "context")
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim:
        raise UsageError(f"{asset} has nothing to show yet", remedy=f"gates generate {asset}")
    standing = selections(prim)
    lens = _camera(stage, camera)
    notes: dict[str, Note] = {}
    for subject in subjects or [{}]:
        choose(stage, prim, {**standing, **subject})
        for note in _measure(stage, asset, prim, lens):
            notes.setdefault(_note_name(note), note)
    return _keep(project, asset, notes, None if lens is None else str(lens.GetPath()))


def _measure(stage: Usd.Stage, asset: str, prim: Usd.Prim, lens: UsdGeom.Camera | None) -> list[Note]:
    from pipeline.project.memory import recall
    from pipeline.scenes.notes import Situation, measure

    intent = read_intent(stage, asset)
    palettes = recall(stage, "palette").values()
    limits = [m.max_saturation for m in palettes if m.max_saturation]
    return measure(
        Situation(
            stage=stage,
            asset=prim,
            camera=lens,
            heights_m={m.text: m.height for m in recall(stage, "scale").values() if any(m.height)},
            max_saturation=min(limits) if limits else 0.0,
            palette=[c for m in palettes for c in m.palette],
            view_distance=intent.view_distance if intent else 0.0,
        )
    )


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
    lens = _camera(stage, camera)
    path = None if lens is None else str(lens.GetPath())
    result = render(stage, out, camera=path, size=size, quality=quality)
    return str(result.renderer)


def open_notes(stage: Usd.Stage, asset: str) -> dict[str, NoteRecord]:
    """The remarks that nobody resolved or waived, by prim name."""
    found = {p.GetName(): NoteRecord.read(p) for p in children(stage, record_path(asset, "Notes"), NoteRecord)}
    return {name: note for name, note in found.items() if note.state == "open"}


def waive(project: Project, asset: str, note: str, why: str) -> None:
    """Accept one remark as it is; who said so is kept."""
    path = record_path(asset, "Notes", note)
    with project.edit() as stage:
        record = NoteRecord.find(stage, path)
        if record is None:
            names = ", ".join(open_notes(stage, asset)) or "none is open"
            raise UsageError(f"no note {note!r}", prim=path, remedy=f"open notes: {names}")
        waived = record.model_copy(
            update={
                "state": "waived",
                "by": project.work,
                "time": now(),
                "message": f"{record.message} (waived: {why})",
            }
        )
        waived.author(stage, path)
        _mark(stage, asset)


def _keep(project: Project, asset: str, found: dict[str, Note], camera: str | None) -> ContextResult:
    root = record_path(asset, "Notes")
    resolved = waived = 0
    with project.edit() as stage:
        before = {p.GetName(): NoteRecord.read(p) for p in children(stage, root, NoteRecord)}
        for name, record in before.items():
            if record.state == "open" and name not in found:
                record.model_copy(update={"state": "resolved", "time": now()}).author(stage, f"{root}/{name}")
                resolved += 1
        for name, note in found.items():
            old = before.get(name)
            if old and old.state == "waived":
                waived += 1
                continue
            record = NoteRecord(
                kind=note.kind,
                message=note.message,
                measured=note.measured,
                expected=note.expected,
                by=project.work,
                time=now(),
            )
            prim = record.author(stage, f"{root}/{name}")
            prim.GetRelationship("gates:about").SetTargets([note.prim])
        _mark(stage, asset)
    return ContextResult(asset=asset, camera=camera, notes=list(found.values()), resolved=resolved, waived=waived)


def _mark(stage: Usd.Stage, asset: str) -> None:
    left = open_notes(stage, asset)
    kinds = ", ".join(sorted({n.kind for n in left.values()}))
    mark(stage, asset, "context", "revise" if left else "passed", f"{len(left)} open: {kinds}" if left else "")


def _note_name(note: Note) -> str:
    from pipeline.usd.records import valid_name

    return valid_name("_".join(w for w in (note.kind, note.prim.rpartition("/")[2], note.against) if w))


def _camera(stage: Usd.Stage, name: str | None) -> UsdGeom.Camera | None:
    from pxr import UsdGeom

    if name is None:
        cameras = stage.GetPrimAtPath("/World/Cameras")
        first = next((p for p in cameras.GetChildren() if p.IsA(UsdGeom.Camera)), None) if cameras else None
        return UsdGeom.Camera(first) if first else None
    path = name if name.startswith("/") else f"/World/Cameras/{name}"
    camera = UsdGeom.Camera(stage.GetPrimAtPath(path))
    if not camera:
        raise UsageError(f"no camera {name!r}", prim=path, remedy="gates camera NAME --subject ASSET makes one")
    return camera


def _find(stage: Usd.Stage, name: str) -> Usd.Prim:
    """A prim by path, or an asset or a set piece by name."""
    for path in (name,) if name.startswith("/") else (f"{ASSETS}/{name}", f"/World/Set/{name}"):
        prim = stage.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
        if prim:
            return prim
    for prim in stage.Traverse():
        if prim.GetName() == name and str(prim.GetPath()).startswith("/World/"):
            return prim
    raise UsageError(f"nothing called {name!r} in the scene", remedy="give an asset's name or a prim path")
