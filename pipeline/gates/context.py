# SPDX-License-Identifier: Apache-2.0
"""Gate 5, context: how does it behave in a scene?

The asset is placed among its neighbours, seen through an authored camera under an authored light rig, and what
does not fit is measured: scale, colour, framing, contact. Every remark stays as a prim until it is resolved or
waived by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset, mark, record_path, require
from pipeline.gates.inspection import choose, selections
from pipeline.gates.intent import read_intent
from pipeline.scenes.notes import Note
from pipeline.usd.records import Record, children, now

if TYPE_CHECKING:
    from pxr import Usd, UsdGeom

    from pipeline.project import Project
    from pipeline.render.result import Quality

__all__ = [
    "ContextResult",
    "NoteRecord",
    "measure_context",
    "open_notes",
    "picture",
    "waive",
]


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
