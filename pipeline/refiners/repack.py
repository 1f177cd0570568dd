# SPDX-License-Identifier: Apache-2.0
"""Pack existing UV islands anew: no overlap, no waste, textures moved along."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.unwrap import pack
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.core.layouts import layout_of, measured, uv_name, with_layout
from pipeline.refiners.core.moving import move_textures, side_for
from pipeline.refiners.unwrap import KEY


class RepackSettings(Settings):
    """How islands are packed."""

    side: int = Field(
        default=0, ge=0, le=8192,
        description="Side of the texture the layout is for, pixels; 0: what the textures there are need, 1024 without.",
    )  # fmt: skip
    padding: int = Field(default=4, ge=1, le=64, description="Pixels between islands.")
    equal: bool = Field(default=False, description="Give all islands the same texels per metre.")
    tight: bool = Field(default=False, description="Try every place: denser by some hundredths, and slow.")
    turn: bool = Field(default=True, description="Islands may be turned; normal maps turn with them.")
    textures: Literal["move", "leave"] = Field(default="move", description="Whether textures are painted anew.")
    uv: str = Field(default="", description="The UV set; the first of each mesh where not given.")


def run(subject: Subject, settings: RepackSettings) -> None:
    """Pack all parts into one square."""
    repack(subject, settings, "repack")


def chosen(subject: Subject, settings: RepackSettings) -> list[tuple[Part, str]]:
    """The parts that have the UV set in question, with its name.

    Raises
    ------
    RefineError
        There is none.
    """
    found = []
    for part in subject.editable():
        name = settings.uv or uv_name(part.mesh)
        if name and layout_of(part.mesh, name) is not None:
            found.append((part, name))
        else:
            subject.skip(part.path, f"it has no UV set {settings.uv}".rstrip())
    if not found:
        raise RefineError("there is no UV set to pack", prim=str(subject.prim.GetPath()), remedy="unwrap first")
    return found


def repack(subject: Subject, settings: RepackSettings, why: str) -> None:
    """Pack, unless it was done with the same settings."""
    recipe = f"{why} {settings.model_dump_json(exclude={'textures'})}"
    parts = chosen(subject, settings)
    if all(p.prim.GetPrim().GetCustomDataByKey(KEY) == f"{recipe} {len(p.mesh.triangles)}" for p, _ in parts):
        return
    side = settings.side or side_for(subject, parts)
    given = [(p.points, p.mesh.triangles, layout) for p, n in parts if (layout := layout_of(p.mesh, n)) is not None]
    layouts, facts = pack(given, side, settings.padding, settings.equal, settings.turn, settings.tight)
    if settings.textures == "move":
        moved = [(p, new, name) for (p, name), new in zip(parts, layouts, strict=True)]
        move_textures(subject, moved, side, settings.padding)
    for (part, name), layout in zip(parts, layouts, strict=True):
        mesh = with_layout(part.mesh, layout, name)
        subject.write(part, mesh)
        part.prim.GetPrim().SetCustomDataByKey(KEY, f"{recipe} {len(mesh.triangles)}")
    subject.details.update(facts, side=side)


def measure(subject: Subject) -> dict[str, Any]:
    """Density and cover of the layout."""
    return measured(subject)


operation = Operation(
    name="repack",
    summary="Pack UV islands anew, textures moved along",
    settings=RepackSettings,
    run=run,
    measure=measure,
    fixes=("uv.overlap", "uv.out-of-range"),
)
