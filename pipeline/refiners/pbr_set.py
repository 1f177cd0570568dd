# SPDX-License-Identifier: Apache-2.0
"""Complete a material's albedo, normal, roughness and metallic: confirm what is there, make what is missing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import UsdShade
from pydantic import Field

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.images import luminance
from pipeline.refiners.core.looks import (
    DEFAULTS,
    Map,
    connect_texture,
    each_surface,
    input_of,
    maps,
    set_input,
    write_map,
)

_WANTED = ("diffuseColor", "normal", "roughness", "metallic")


class PbrSettings(Settings):
    """How what is missing is made."""

    make: Literal["constants", "maps"] = Field(
        default="constants",
        description="constants: values and a flat normal map; maps: estimates from the albedo, said to be estimates.",
    )
    roughness: float = Field(default=0.6, ge=0, le=1, description="Roughness where none is said.")
    metallic: float = Field(default=0.0, ge=0, le=1, description="Metallic where none is said.")
    bump: float = Field(default=1.0, ge=0, le=10, description="For maps: strength of the estimated normal map.")


def run(subject: Subject, settings: PbrSettings) -> None:
    """Treat each material; what is authored, by value or by texture, stays."""
    for material, shader in each_surface(subject, lambda name: True):
        read = {m.input: m for m in maps(material)}
        missing = [n for n in _WANTED if not _said(shader, n)]
        if not read and "normal" in missing:
            missing.remove("normal")  # constant all over, and meant so
        for name in missing:
            _make(subject, material, shader, name, read.get("diffuseColor"), settings)
        if missing:
            subject.count("inputs_made", len(missing))


def _said(shader: UsdShade.Shader, name: str) -> bool:
    given = shader.GetInput(name)
    return bool(given) and (given.HasConnectedSource() or given.Get() is not None)


def _make(
    subject: Subject, material: UsdShade.Material, shader: UsdShade.Shader, name: str, albedo: Map | None,
    settings: PbrSettings,
) -> None:  # fmt: skip
    estimate = settings.make == "maps" and albedo is not None and bool(albedo.path)
    label = f"{material.GetPrim().GetName()}_{name}"
    if name == "normal":
        pixels = _bumps(albedo, settings.bump) if estimate and albedo else np.full((4, 4, 3), (0.5, 0.5, 1), np.float32)
        uv = albedo.uv if albedo else "st"
        connect_texture(subject, material, "normal", write_map(subject, label, pixels), uv=uv)
    elif name == "roughness" and estimate and albedo:
        light = luminance(albedo.whole())
        spread = (light - light.mean()) / max(float(light.std()), 1e-6)
        pixels = np.clip(settings.roughness - 0.08 * spread, 0.05, 1)[:, :, None].astype(np.float32)
        connect_texture(subject, material, name, write_map(subject, label, pixels), "r", uv=albedo.uv)
    else:
        value = {"roughness": (settings.roughness,), "metallic": (settings.metallic,)}.get(name, DEFAULTS[name])
        set_input(shader, name, value)
        subject.changed = True
        return
    if estimate:
        subject.note(f"{name} was estimated from the albedo: a bake or an artist's map is better")


def _bumps(albedo: Map, strength: float) -> NDArray[np.float32]:
    """A normal map (OpenGL green) that takes dark for deep."""
    height = luminance(albedo.whole())
    down, right = np.gradient(height)
    normal = np.stack([-right * strength * 4, down * strength * 4, np.ones_like(height)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return np.asarray(normal / 2 + 0.5, np.float32)


def measure(subject: Subject) -> dict[str, Any]:
    """What each material has: `map`, `value`, or nothing."""
    found = {}
    for material in subject.materials():
        shader = material.ComputeSurfaceSource()[0]
        if shader:
            found[material.GetPrim().GetName()] = {
                n: ("map" if input_of(material, n) is None else "value") if _said(shader, n) else "" for n in _WANTED
            }
    return {"materials": found}


operation = Operation(
    name="pbr-set",
    summary="Complete albedo, normal, roughness and metallic",
    settings=PbrSettings,
    run=run,
    measure=measure,
    fixes=("texture.pbr-set",),
)
