# SPDX-License-Identifier: Apache-2.0
"""Gate 2, inputs: what guides generation?

A prompt, pictures and existing assets with roles, named by content so that a later run knows what changed.
Pictures are read by the sandboxed checker before anything else opens them, and stored in the project.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import mark, record_path, require
from pipeline.gates.intent import read_intent
from pipeline.gates.scratch import scratch
from pipeline.usd.records import Record, children

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["ROLES", "Input", "InputResult", "View", "add_inputs", "keep_only", "list_inputs", "reference_of"]

Role = Literal["shape", "material", "style", "blockout", "scene", "prompt", "negative"]
ROLES: tuple[Role, ...] = ("shape", "material", "style", "blockout", "scene", "prompt", "negative")
View = Literal["", "front", "left", "back", "right", "top", "bottom"]
PICTURES = {".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".webp"}


class Input(Record):
    """One thing that guides generation.

    Attributes
    ----------
    name
        File name as it was given.
    digest
        sha256 of the text or of `file`.
    view
        The side a picture shows, where that is known.
    size
        Width, height, depth in metres of an existing asset; zeros for anything else.
    original, original_digest, cut_by
        The picture before its background was removed, and what removed it.
    notes
        What to know of it, one sentence each.
    """

    schema_type: ClassVar[str] = "GatesInput"

    role: Role = "shape"
    kind: Literal["text", "image", "asset"] = "image"
    text: str = ""
    file: str = ""
    digest: str = ""
    origin: str = ""
    licence: str = ""
    palette: list[tuple[float, float, float]] = Field(default_factory=list)
    name: str = ""
    view: View = ""
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    original: str = ""
    original_digest: str = ""
    cut_by: str = ""
    notes: list[str] = Field(default_factory=list)


class InputRow(BaseModel):
    """One input as `gates input` prints it."""

    role: str
    kind: str
    digest: str
    text: str = ""
    file: str = ""
    origin: str = ""
    licence: str = ""
    name: str = ""
    view: str = ""
    size: tuple[float, float, float] | None = None
    palette: list[str] = Field(default_factory=list, description="#rrggbb, most frequent first")
    original_digest: str = ""
    cut_by: str = ""
    notes: list[str] = Field(default_factory=list)


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
    view: View = "",
    cut_out: str = "",
    strip: bool = False,
    origin: str = "",
    licence: str = "",
) -> InputResult:
    """Add to the input set; a text of the same role is replaced, the same file twice is one input.

    The same file given again with another origin, licence or view changes those.

    Parameters
    ----------
    view
        The side that the pictures show.
    cut_out
        Remove the pictures' background: `auto`, or an engine of `pipeline.references.foreground`; empty keeps it.
    strip
        Take words that the project bans out of the prompt instead of refusing it; the result's notes say which.

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
            said, notes = _allowed(stage, text, strip) if text_role == "prompt" else (text, [])
            digest = hashlib.sha256(said.encode()).hexdigest()
            new.append(
                Input(
                    role=text_role, kind="text", text=said, digest=digest, origin=origin, licence=licence, notes=notes
                )
            )
    about = {"origin": origin, "licence": licence}
    pictures = (_picture(project, image, role or "shape", cut_out) for image in images or [])
    new += [p.model_copy(update={"view": view, **about}) for p in pictures]
    models = (_existing(project, file, role or "blockout") for file in existing or [])
    new += [m.model_copy(update=about) for m in models]
    if new:
        _author(project, stage, asset, new)
    rows = list_inputs(project.open_stage() if new else stage, asset).values()
    return InputResult(asset=asset, inputs=[_row(i) for i in rows])


def keep_only(project: Project, asset: str, digests: set[str]) -> InputResult:
    """Switch off every input whose digest is not among these (the prim is deactivated, history keeps it)."""
    present = list_inputs(project.open_stage(), asset)
    gone = [name for name, entry in present.items() if entry.digest not in digests]
    if gone:
        with project.edit() as edit:
            for name in gone:
                edit.GetPrimAtPath(record_path(asset, "Inputs", name)).SetActive(False)
    return add_inputs(project, asset)


def _row(entry: Input) -> InputRow:
    import numpy as np

    from pipeline.usd.colour import hex_of_srgb, to_srgb

    plain = entry.model_dump(exclude={"palette", "size", "original"})
    codes = [hex_of_srgb(to_srgb(np.array(c))) for c in entry.palette]
    return InputRow(**plain, palette=codes, size=entry.size if any(entry.size) else None)


def _author(project: Project, stage: Usd.Stage, asset: str, new: list[Input]) -> None:
    present = list_inputs(stage, asset)
    known = {(i.role, i.digest): i for i in present.values()}
    fresh = [i for i in new if _says_more(i, known.get((i.role, i.digest)))]
    if not fresh:
        return
    require(stage, project, asset, "inputs")
    with project.edit() as edit:
        for entry in fresh:
            name = entry.role if entry.kind == "text" else f"{entry.role}_{entry.digest[:8]}"
            anchored = {k: project.anchor(Path(v)) for k in ("file", "original") if (v := getattr(entry, k))}
            stored = entry.model_copy(update=anchored)
            old = known.get((entry.role, entry.digest))
            if old:  # what is not said again stays
                stored = stored.model_copy(
                    update={k: getattr(entry, k) or getattr(old, k) for k in ("origin", "licence", "view")}
                )
            stored.author(edit, record_path(asset, "Inputs", name)).SetActive(True)
        mark(edit, asset, "inputs", "passed")


def _says_more(entry: Input, old: Input | None) -> bool:
    told = ("origin", "licence", "view")
    return old is None or any(getattr(entry, k) and getattr(entry, k) != getattr(old, k) for k in told)


def _picture(project: Project, image: Path, role: Role, cut_out: str) -> Input:
    from pipeline.references import find_foreground
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
    entry = Input(role=role, kind="image", file=str(stored), digest=stored.stem, name=image.name)
    if cut_out:
        entry = _cut(project, stored, entry, cut_out)
    elif role == "shape":
        found = find_foreground(stored, side=256)
        entry = entry.model_copy(update={"notes": [f"no clean foreground: {d}" for d in found.doubts]})
    return entry.model_copy(update={"palette": _palette(Path(entry.file))})


def reference_of(project: Project, image: Path) -> dict[str, Any]:
    """Store a picture that the project is to remember; the fields of `Memory` that say what it is."""
    entry = _picture(project, image, "style", "")
    return {"file": entry.file, "digest": entry.digest, "palette": entry.palette}


def _cut(project: Project, original: Path, entry: Input, engine: str) -> Input:
    """The picture without its background as the input, the picture as it came beside it."""
    from pipeline.references import cut_out

    with scratch(project, "cutout") as folder:
        made = cut_out(original, folder / "cutout.png", engine)
        stored = project.objects.add_file(made.file)
    return entry.model_copy(
        update={
            "file": str(stored),
            "digest": stored.stem,
            "original": str(original),
            "original_digest": original.stem,
            "cut_by": made.found.engine,
            "notes": [f"the background may not be removed well: {d}" for d in made.found.doubts],
        }
    )


def _existing(project: Project, file: Path, role: Role) -> Input:
    if not file.is_file():
        raise UsageError("there is no such file", path=file, remedy="check the path after --existing")
    from pipeline.importers import import_file

    with scratch(project, "gates") as folder:
        report = import_file(file, folder)
        stored = project.objects.add_layer(Path(report.folder) / report.layer)
    size = (0.0, 0.0, 0.0)
    if report.bounds_m:
        low, high = report.bounds_m
        size = (high[0] - low[0], high[1] - low[1], high[2] - low[2])
    entry = Input(role=role, kind="asset", file=str(stored), digest=stored.stem, name=file.name, size=size)
    return entry.model_copy(update={"palette": _colours_of(stored)}) if role in ("scene", "style") else entry


def _colours_of(layer: Path) -> list[tuple[float, float, float]]:
    """The main colours of an existing asset or scene as it is seen, linear."""
    from pipeline.references import clustered
    from pipeline.render.portrait import Portrait
    from pipeline.usd.scene import open_stage

    colour, alpha = Portrait(open_stage(str(layer)), "/Asset").seen(35.0, 18.0)
    return _linear(clustered(colour[alpha > 0.9], 6).rgb) if (alpha > 0.9).any() else []


def _palette(picture: Path) -> list[tuple[float, float, float]]:
    import numpy as np

    from pipeline.references import palette_of

    return _linear(np.array(palette_of(picture), float).reshape(-1, 3))


def _linear(rgb: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    from pipeline.usd.colour import to_linear

    return [(r, g, b) for r, g, b in to_linear(rgb).tolist()]


def _allowed(stage: Usd.Stage, text: str, strip: bool) -> tuple[str, list[str]]:
    """A prompt without what the project bans, with a note of what was taken out.

    Raises
    ------
    GateRefused
        It says a banned word and nobody asked to strip it.
    """
    from pipeline.project.memory import banned_in
    from pipeline.settings.bans import without

    said = banned_in(stage, text)
    if not said:
        return text, []
    words = ", ".join(repr(w) for w in sorted(said))
    if strip:
        return without(text, said), [f"taken out, because the project bans it: {words}"]
    raise GateRefused(
        f"the prompt says {words}, which this project bans",
        prim=f"/Project/Memory/{next(iter(said.values()))}",
        remedy="say it otherwise, strip it with --strip-banned, or change the project's memory",
    )
