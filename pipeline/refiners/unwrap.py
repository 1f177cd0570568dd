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
from pipeline.refiners.core.layouts import layout_of, measured, move_textures, uv_name, with_layout

#: where the layout's settings are remembered, so that unwrapping again changes nothing
KEY = "gates:layout"


class UnwrapSettings(Settings):
    """How charts are cut and packed."""

    side: int = Field(default=1024, ge=64, le=8192, description="Side of the texture the layout is for, pixels.")
    padding: int = Field(default=4, ge=1, le=64, description="Pixels between charts.")
    stretch: float = Field(
        default=2.0, gt=0, le=64, description="Distortion a chart may gather before it is cut; more means fewer charts."
    )
    textures: Literal["move", "leave"] = Field(
        default="move", description="move: paint the textures anew for the new layout; leave: for baking afterwards."
    )
    most: int = Field(
        default=60_000, ge=1, description="Triangles at most: cutting charts takes minutes beyond, so decimate first."
    )


def run(subject: Subject, settings: UnwrapSettings) -> None:
    """Unwrap all parts into one atlas."""
    recipe = f"unwrap side={settings.side} padding={settings.padding} stretch={settings.stretch}"
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
    layouts, facts = unwrap(
        [(p.points, p.mesh.triangles) for p in parts], settings.side, settings.padding, settings.stretch
    )
    name = next((n for p in parts if (n := uv_name(p.mesh))), "st")
    olds = [layout_of(p.mesh, name) for p in parts]
    if settings.textures == "move":
        moved = [(p, old, new) for p, old, new in zip(parts, olds, layouts, strict=True) if old is not None]
        if moved:
            move_textures(subject, moved, settings.side, settings.padding, name)
    for part, layout in zip(parts, layouts, strict=True):
        mesh = with_layout(part.mesh, layout, name)
        others = {n: p for n, p in mesh.primvars.items() if n == name or "texCoord2" not in p.kind}
        subject.write(part, replace(mesh, primvars=others))
        part.prim.GetPrim().SetCustomDataByKey(KEY, f"{recipe} {len(mesh.triangles)}")
    subject.details.update(facts)


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
