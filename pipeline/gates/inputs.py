# SPDX-License-Identifier: Apache-2.0
"""Gate 2, inputs: what guides generation?

A prompt, pictures and existing assets with roles, named by content so that a later run knows what changed.
Pictures are read by the sandboxed checker before anything else opens them, and stored in the project.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, Field

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import mark, record_path, require
from pipeline.gates.intent import read_intent
from pipeline.gates.scratch import scratch
from pipeline.usd.records import Record, children

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["ROLES", "Input", "InputResult", "add_inputs", "keep_only", "list_inputs"]

Role = Literal["shape", "material", "style", "blockout", "prompt", "negative"]
ROLES: tuple[Role, ...] = ("shape", "material", "style", "blockout", "prompt", "negative")
PICTURES = {".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".webp"}


class Input(Record):
    """One thing that guides generation; `digest` is the sha256 of the text or the file."""

    schema_type: ClassVar[str] = "GatesInput"

    role: Role = "shape"
    kind: Literal["text", "image", "asset"] = "image"
    text: str = ""
    file: str = ""
    digest: str = ""
    origin: str = ""
    licence: str = ""
    palette: list[tuple[float, float, float]] = Field(default_factory=list)


class InputRow(BaseModel):
    """One input as `gates input` prints it."""

    role: str
    kind: str
    digest: str
    text: str = ""
    file: str = ""
    origin: str = ""
    licence: str = ""


class InputResult(BaseModel):
    """The input set of one asset."""

    asset: str
    inputs: list[InputRow]


def list_inputs(stage: Usd.Stage, asset: str) -> dict[str, Input]:
    """The input set by prim name, in the order it was given."""
    return {p.GetName(): Input.read(p) for p in children(stage, record_path(asset, "Inputs"), Input)}


def add_inputs(
    project: Project,
    asset: str,
    *,
    prompt: str | None = None,
    negative: str | None = None,
    images: list[Path] | None = None,
    existing: list[Path] | None = None,
    role: Role | None = None,
    origin: str = "",
    licence: str = "",
) -> InputResult:
    """Add to the input set; a text of the same role is replaced, the same file twice is one input.

    Raises
    ------
    UsageError
        A file is missing or no picture.
    ImportRefused
        A picture does not decode within limits.
    GateRefused
        A prompt holds a word that project memory bans, or the intent gate was skipped.
    """
    stage = project.open_stage()
    if read_intent(stage, asset) is None:
        raise GateRefused(
            f"{asset} has no intent yet: gate 'inputs' stays shut",
            prim=record_path(asset, "Intent"),
            remedy=f"say what it is for: gates intent {asset} --job {project.job}",
        )
    new: list[Input] = []
    texts: tuple[tuple[Role, str | None], ...] = (("prompt", prompt), ("negative", negative))
    for text_role, text in texts:
        if text is not None:
            _refuse_banned(stage, text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            new.append(Input(role=text_role, kind="text", text=text, digest=digest, origin=origin, licence=licence))
    new += [_picture(project, image, role or "shape", origin, licence) for image in images or []]
    new += [_existing(project, file, role or "blockout", origin, licence) for file in existing or []]
    if new:
        _author(project, stage, asset, new)
    rows = list_inputs(project.open_stage() if new else stage, asset).values()
    return InputResult(asset=asset, inputs=[InputRow(**i.model_dump(exclude={"palette"})) for i in rows])


def keep_only(project: Project, asset: str, digests: set[str]) -> InputResult:
    """Switch off every input whose digest is not among these (the prim is deactivated, history keeps it)."""
    present = list_inputs(project.open_stage(), asset)
    gone = [name for name, entry in present.items() if entry.digest not in digests]
    if gone:
        with project.edit() as edit:
            for name in gone:
                edit.GetPrimAtPath(record_path(asset, "Inputs", name)).SetActive(False)
    return add_inputs(project, asset)


def _author(project: Project, stage: Usd.Stage, asset: str, new: list[Input]) -> None:
    present = list_inputs(stage, asset)
    known = {(i.role, i.digest) for i in present.values()}
    fresh = [i for i in new if (i.role, i.digest) not in known]
    if not fresh:
        return
    require(stage, project, asset, "inputs")
    with project.edit() as edit:
        for entry in fresh:
            name = entry.role if entry.kind == "text" else f"{entry.role}_{entry.digest[:8]}"
            stored = entry
            if entry.file:
                stored = entry.model_copy(update={"file": project.anchor(Path(entry.file))})
            stored.author(edit, record_path(asset, "Inputs", name)).SetActive(True)
        mark(edit, asset, "inputs", "passed")


def _picture(project: Project, image: Path, role: Role, origin: str, licence: str) -> Input:
    from pipeline.sandbox import check_image

    if not image.is_file():
        raise UsageError("there is no such picture", path=image, remedy="check the path after --image")
    if image.suffix.lower() not in PICTURES:
        raise UsageError(
            f"{image.suffix or 'a file without an ending'} is no picture format that is read here",
            path=image,
            remedy=f"use one of: {', '.join(sorted(PICTURES))}",
        )
    check_image(image)
    stored = project.objects.add_file(image)
    return Input(
        role=role,
        kind="image",
        file=str(stored),
        digest=stored.stem,
        origin=origin,
        licence=licence,
        palette=_palette(stored),
    )


def _existing(project: Project, file: Path, role: Role, origin: str, licence: str) -> Input:
    if not file.is_file():
        raise UsageError("there is no such file", path=file, remedy="check the path after --existing")
    from pipeline.importers import import_file

    with scratch(project, "gates") as folder:
        report = import_file(file, folder)
        stored = project.objects.add_layer(Path(report.folder) / report.layer)
    return Input(role=role, kind="asset", file=str(stored), digest=stored.stem, origin=origin, licence=licence)


def _palette(picture: Path) -> list[tuple[float, float, float]]:
    import numpy as np

    from pipeline.generators.embedded.palette import palette_of
    from pipeline.usd.colour import to_linear

    linear = to_linear(np.array(palette_of(picture), float).reshape(-1, 3))
    return [(r, g, b) for r, g, b in linear.tolist()]


def _refuse_banned(stage: Usd.Stage, text: str) -> None:
    from pipeline.project.memory import recall

    words = set(text.lower().split())
    for name, entry in recall(stage, "banned").items():
        hit = words & set(entry.text.lower().split())
        if hit:
            raise GateRefused(
                f"the prompt says {', '.join(sorted(hit))!r}, which this project bans",
                prim=f"/Project/Memory/{name}",
                remedy="say it otherwise, or change the project's memory",
            )
