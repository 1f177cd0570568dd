# SPDX-License-Identifier: Apache-2.0
"""Remarks about an asset as they are kept in the stage: open until resolved by measurement or waived by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pipeline.errors import UsageError
from pipeline.gates.board import mark, record_path
from pipeline.scenes.notes.protocol import Note
from pipeline.usd.records import Record, children, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = [
    "ContextRecord",
    "NoteRecord",
    "Remarks",
    "camera_paths",
    "keep",
    "measured_before",
    "open_notes",
    "record_name",
    "still_standing",
    "stored_notes",
    "waive",
]


class NoteRecord(Record):
    """A remark about an asset, as it is kept in the stage."""

    schema_type: ClassVar[str] = "GatesNote"

    kind: str = ""
    state: Literal["open", "resolved", "waived"] = "open"
    message: str = ""
    severity: Literal["error", "warning", "info"] = "warning"
    against: str = ""
    camera: str = ""
    measured: str = ""
    expected: str = ""
    advice: str = ""
    place: list[tuple[float, float, float]] = Field(default_factory=list)
    corrections: list[str] = Field(default_factory=list)
    factors: list[float] = Field(default_factory=list)
    by: str = ""
    time: str = ""

    @classmethod
    def of(cls, note: Note, by: str) -> NoteRecord:
        """The record of a note that somebody's measurement found just now."""
        said = {name: getattr(note, name) for name in _SHARED}
        return cls(
            **said,
            place=[note.place] if note.place else [],
            corrections=list(note.correction),
            factors=list(note.correction.values()),
            by=by,
            time=now(),
        )

    def note(self, name: str, prim: str) -> Note:
        """The note again; `prim` is what it is about, which a relationship says."""
        return Note(
            **{field: getattr(self, field) for field in _SHARED},
            prim=prim,
            place=self.place[0] if self.place else None,
            correction=dict(zip(self.corrections, self.factors, strict=False)),
            name=name,
        )


#: what a note and its record say in the same words
_SHARED = ("kind", "message", "severity", "against", "camera", "measured", "expected", "advice")


class ContextRecord(Record):
    """The last measurement: its notes hold while the digest does."""

    schema_type: ClassVar[str] = "GatesContext"

    cameras: list[str] = Field(default_factory=list)
    digest: str = ""
    by: str = ""
    time: str = ""


class Remarks(dict[str, Note]):
    """Notes by the name of their record, in the order they were found."""

    def take(self, notes: list[Note]) -> None:
        """Add notes; of two that tell the same the first stays."""
        for note in notes:
            name = record_name(note)
            self.setdefault(name, note.model_copy(update={"name": name}))


def record_name(note: Note) -> str:
    """The prim name of a remark: what, where, against what, through which camera."""
    words = (note.kind, note.prim.rpartition("/")[2], note.against, note.camera)
    return valid_name("_".join(w for w in words if w))


def measured_before(stage: Usd.Stage, asset: str) -> ContextRecord | None:
    """What is remembered of the last measurement."""
    return ContextRecord.find(stage, record_path(asset, "Context"))


def stored_notes(stage: Usd.Stage, asset: str) -> dict[str, NoteRecord]:
    """Every remark ever kept, by prim name."""
    return {p.GetName(): NoteRecord.read(p) for p in children(stage, record_path(asset, "Notes"), NoteRecord)}


def open_notes(stage: Usd.Stage, asset: str, *, info: bool = False) -> dict[str, NoteRecord]:
    """The remarks that nobody resolved or waived, by prim name; those that hold no gate only with `info`."""
    return {
        name: note
        for name, note in stored_notes(stage, asset).items()
        if note.state == "open" and (info or note.severity != "info")
    }


def still_standing(stage: Usd.Stage, asset: str) -> tuple[Remarks, int]:
    """The open remarks of the last measurement as notes, and how many are waived."""
    result, waived = Remarks(), 0
    root = record_path(asset, "Notes")
    for name, record in stored_notes(stage, asset).items():
        waived += record.state == "waived"
        if record.state != "open":
            continue
        about = stage.GetPrimAtPath(f"{root}/{name}").GetRelationship("gates:about").GetTargets()
        result[name] = record.note(name, str(about[0]) if about else "")
    return result, waived


def keep(project: Project, asset: str, found: Remarks, cameras: list[str], digest: str) -> tuple[int, int]:
    """Write what was found and tell the board; returns how many remarks were resolved, how many are waived.

    A remark that was open and is no longer found is resolved, where the camera it was seen through was looked
    through again or is gone. One that was waived stays waived.
    """
    root = record_path(asset, "Notes")
    looked = {path.rpartition("/")[2] for path in cameras}
    resolved = waived = 0
    with project.edit() as stage:
        there = {p.rpartition("/")[2] for p in camera_paths(stage)}
        for name, record in stored_notes(stage, asset).items():
            if name in found or record.state != "open":
                continue
            if not record.camera or record.camera in looked or record.camera not in there:
                record.model_copy(update={"state": "resolved", "time": now()}).author(stage, f"{root}/{name}")
                resolved += 1
        before = stored_notes(stage, asset)
        for name, note in found.items():
            old = before.get(name)
            if old and old.state == "waived":
                waived += 1
                continue
            prim = NoteRecord.of(note, project.work).author(stage, f"{root}/{name}")
            prim.GetRelationship("gates:about").SetTargets([note.prim])
        ContextRecord(cameras=cameras, digest=digest, by=project.work, time=now()).author(
            stage, record_path(asset, "Context")
        )
        tell_board(stage, asset)
    return resolved, waived


def waive(project: Project, asset: str, note: str, why: str) -> None:
    """Accept one remark as it is; who said so is kept.

    Raises
    ------
    UsageError
        There is no such remark.
    """
    path = record_path(asset, "Notes", note)
    with project.edit() as stage:
        record = NoteRecord.find(stage, path)
        if record is None:
            names = ", ".join(open_notes(stage, asset, info=True)) or "none is open"
            raise UsageError(f"no note {note!r}", prim=path, remedy=f"open notes: {names}")
        message = f"{record.message.partition(' (waived: ')[0]} (waived: {why})"
        waived = record.model_copy(update={"state": "waived", "by": project.work, "time": now(), "message": message})
        waived.author(stage, path)
        tell_board(stage, asset)


def tell_board(stage: Usd.Stage, asset: str) -> None:
    """Passed where no remark that holds the gate is open."""
    left = open_notes(stage, asset)
    kinds = ", ".join(sorted({n.kind for n in left.values()}))
    mark(stage, asset, "context", "revise" if left else "passed", f"{len(left)} open: {kinds}" if left else "")


def camera_paths(stage: Usd.Stage) -> list[str]:
    """The scene's cameras, in stage order."""
    from pxr import Usd as UsdModule
    from pxr import UsdGeom

    root = stage.GetPrimAtPath("/World/Cameras")
    return [str(p.GetPath()) for p in UsdModule.PrimRange(root) if p.IsA(UsdGeom.Camera)] if root else []
