# SPDX-License-Identifier: Apache-2.0
"""A new UV layout: charts without mirroring or overlap, all parts in one square."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.unwrap import unwrap
from pipeline.progress import step
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.layouts import measured, uv_name, with_layout
from pipeline.refiners.core.moving import move_textures, side_for

#: where the layout's settings are remembered, so that unwrapping again changes nothing
KEY = "gates:layout"


class UnwrapSettings(Settings):
    """How charts are cut and packed."""

    side: int = Field(
        default=0, ge=0, le=8192,
        description="Side of the texture the layout is for, pixels; 0: what the textures there are need, 1024 without.",
    )  # fmt: skip
    padding: int = Field(default=4, ge=1, le=64, description="Pixels between charts.")
    stretch: float = Field(
        default=2.0, gt=0, le=64, description="Distortion a chart may gather before it is cut; more means fewer charts."
    )
    textures: Literal["move", "leave"] = Field(
        default="move", description="move: paint the textures anew for the new layout; leave: for baking afterwards."
    )
    tight: bool = Field(default=False, description="Try every place: denser by some hundredths, and slow.")
    most: int = Field(
        default=60_000, ge=1, description="Triangles at most: cutting charts takes minutes beyond, so decimate first."
    )


def run(subject: Subject, settings: UnwrapSettings) -> None:
    """Unwrap all parts into one atlas."""
    recipe = f"unwrap side={settings.side} padding={settings.padding} stretch={settings.stretch} tight={settings.tight}"
    parts = subject.editable()
    if all(p.prim.GetPrim().GetCustomDataByKey(KEY) == f"{recipe} {len(p.mesh.triangles)}" for p in parts):
        return
    total = sum(len(p.mesh.triangles) for p in parts)
    if total > settings.most:
        raise RefineError(
            f"{total} triangles would take minutes to unwrap", prim=str(subject.prim.GetPath()),
            remedy=f"decimate first, or allow it with --set most={total}",
        )  # fmt: skip
    step("unwrap", 0, total)
    side = settings.side or side_for(subject, [(p, None) for p in parts])
    layouts, facts = unwrap(
        [(p.points, p.mesh.triangles) for p in parts], side, settings.padding, settings.stretch, settings.tight
    )
    name = next((n for p in parts if (n := uv_name(p.mesh))), "st")
    if settings.textures == "move":
        move_textures(
            subject, [(p, new, name) for p, new in zip(parts, layouts, strict=True)], side, settings.padding, name
        )
    for part, layout in zip(parts, layouts, strict=True):
        mesh = with_layout(part.mesh, layout, name)
        others = {n: p for n, p in mesh.primvars.items() if n == name or "texCoord2" not in p.kind}
        subject.write(part, replace(mesh, primvars=others))
        part.prim.GetPrim().SetCustomDataByKey(KEY, f"{recipe} {len(mesh.triangles)}")
    subject.details.update(facts, side=side)


def measure(subject: Subject) -> dict[str, Any]:
    """Density and cover of the layout."""
    return measured(subject)


operation = Operation(
    name="unwrap",
    summary="Cut and pack a new UV layout",
    settings=UnwrapSettings,
    run=run,
    measure=measure,
    fixes=("uv.missing", "uv.overlap", "uv.flipped", "uv.stretch", "uv.fragmented"),
)
