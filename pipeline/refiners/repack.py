# SPDX-License-Identifier: Apache-2.0
"""Pack existing UV islands anew: no overlap, no waste, textures moved along."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.unwrap import pack
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.layouts import layout_of, measured, move_textures, uv_name, with_layout
from pipeline.refiners.unwrap import KEY


class RepackSettings(Settings):
    """How islands are packed."""

    side: int = Field(default=1024, ge=64, le=8192, description="Side of the texture the layout is for, pixels.")
    padding: int = Field(default=4, ge=1, le=64, description="Pixels between islands.")
    equal: bool = Field(default=False, description="Give all islands the same texels per metre.")
    turn: bool = Field(default=True, description="Islands may be turned.")
    textures: Literal["move", "leave"] = Field(default="move", description="Whether textures are painted anew.")


def run(subject: Subject, settings: RepackSettings) -> None:
    """Pack all parts into one square."""
    repack(subject, settings, "repack")


def repack(subject: Subject, settings: RepackSettings, why: str) -> None:
    """Pack, unless it was done with the same settings."""
    recipe = f"{why} side={settings.side} padding={settings.padding} equal={settings.equal}"
    parts = subject.editable()
    name = next((n for p in parts if (n := uv_name(p.mesh))), None)
    if name is None:
        raise RefineError("there is no UV set to pack", prim=str(subject.prim.GetPath()), remedy="unwrap first")
    with_uv = [(p, layout) for p in parts if (layout := layout_of(p.mesh, name)) is not None]
    if all(p.prim.GetPrim().GetCustomDataByKey(KEY) == f"{recipe} {len(p.mesh.triangles)}" for p, _ in with_uv):
        return
    layouts, facts = pack(
        [(p.points, p.mesh.triangles, layout) for p, layout in with_uv],
        settings.side, settings.padding, settings.equal, settings.turn,
    )  # fmt: skip
    if settings.textures == "move":
        moved = [(p, old, new) for (p, old), new in zip(with_uv, layouts, strict=True)]
        move_textures(subject, moved, settings.side, settings.padding, name)
    for (part, _), layout in zip(with_uv, layouts, strict=True):
        mesh = with_layout(part.mesh, layout, name)
        subject.write(part, mesh)
        part.prim.GetPrim().SetCustomDataByKey(KEY, f"{recipe} {len(mesh.triangles)}")
    subject.details.update(facts)


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
