# SPDX-License-Identifier: Apache-2.0
"""Complete a material's albedo, normal, roughness and metallic: confirm what is there, make what is missing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, UsdGeom, UsdShade
from pydantic import Field

from pipeline.mesh.distinct import distinct
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.core.images import linear_to_srgb, luminance
from pipeline.refiners.core.looks import (
    DEFAULTS,
    Map,
    connect_texture,
    define_surface,
    each_surface,
    input_of,
    maps,
    set_input,
    surface,
    write_map,
)

_WANTED = ("diffuseColor", "normal", "roughness", "metallic")


class PbrSettings(Settings):
    """How what is missing is made."""

    make: Literal["constants", "maps"] = Field(
        default="constants",
        description="constants: values and a flat normal map; maps: a texture for the albedo in any case, and "
        "estimates from it, said to be estimates.",
    )
    material: str = Field(default="surface", description="Name of the material that parts without one are given.")
    roughness: float = Field(default=0.6, ge=0, le=1, description="Roughness where none is said.")
    metallic: float = Field(default=0.0, ge=0, le=1, description="Metallic where none is said.")
    bump: float = Field(default=1.0, ge=0, le=10, description="For maps: strength of the estimated normal map.")


def run(subject: Subject, settings: PbrSettings) -> None:
    """Give bare parts a material, then treat each material; what is authored, by value or by texture, stays."""
    _dress(subject, settings)
    for material, shader in each_surface(subject, lambda name: True):
        read = {m.input: m for m in maps(material)}
        if settings.make == "maps" and "diffuseColor" not in read and _painted(subject, material):
            _albedo_map(subject, material)
            read = {m.input: m for m in maps(material)}
        missing = [n for n in _WANTED if not _said(shader, n)]
        if not read and "normal" in missing:
            missing.remove("normal")  # constant all over, and meant so
        for name in missing:
            _make(subject, material, shader, name, read.get("diffuseColor"), settings)
        if missing:
            subject.count("inputs_made", len(missing))


def _dress(subject: Subject, settings: PbrSettings) -> None:
    """Bind one new material to every part that has none; its albedo is the display colour of the parts."""
    groups: dict[tuple[float, ...] | None, list[Part]] = {}
    for part in subject.parts():
        if not _bare(part):
            continue
        colour = part.mesh.primvars.get("displayColor")
        constant = colour is None or len(np.unique(colour.values.reshape(-1, 3), axis=0)) == 1
        values = (0.5, 0.5, 0.5) if colour is None else tuple(float(x) for x in colour.values.reshape(-1, 3)[0])
        groups.setdefault(values if constant else None, []).append(part)
    for number, (albedo, parts) in enumerate(groups.items()):
        path = _free(subject, settings.material if number == 0 else f"{settings.material}_{number + 1}")
        material, shader = define_surface(subject, path)
        if albedo is None:
            _read_colours(subject, material, shader)
        else:
            set_input(shader, "diffuseColor", albedo)
        set_input(shader, "roughness", (settings.roughness,))
        set_input(shader, "metallic", (settings.metallic,))
        for part in parts:
            UsdShade.MaterialBindingAPI.Apply(part.prim.GetPrim()).Bind(material)
        subject.count("materials_made", 1)
        subject.count("parts_bound", len(parts))
        subject.changed = True


def _bare(part: Part) -> bool:
    """Whether some of a part has no material: neither it nor, for all its faces, its subsets."""
    prim = part.prim.GetPrim()
    if UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]:
        return False
    bound = [
        np.asarray(s.GetIndicesAttr().Get() or (), int)
        for s in UsdGeom.Subset.GetAllGeomSubsets(part.prim)
        if UsdShade.MaterialBindingAPI(s.GetPrim()).ComputeBoundMaterial()[0]
    ]
    faces = np.concatenate([*bound, np.zeros(0, int)])
    return len(distinct(faces)) < len(part.mesh.counts)


def _free(subject: Subject, name: str) -> Sdf.Path:
    path = subject.prim.GetPath().AppendPath(f"mtl/{name}")
    number = 1
    while subject.stage.GetPrimAtPath(path):
        number += 1
        path = subject.prim.GetPath().AppendPath(f"mtl/{name}_{number}")
    return path


def _read_colours(subject: Subject, material: UsdShade.Material, shader: UsdShade.Shader) -> None:
    """Albedo from the colours of points or faces."""
    reader = UsdShade.Shader.Define(subject.stage, material.GetPath().AppendChild("colours"))
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    result = reader.CreateOutput("result", Sdf.ValueTypeNames.Float3)
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(result)


def _painted(subject: Subject, material: UsdShade.Material) -> bool:
    """Whether a texture can be laid on all that the material is bound to, and its albedo is a constant."""
    if input_of(material, "diffuseColor") is None:
        return False
    shader = surface(material)
    given = shader.GetInput("diffuseColor") if shader else None
    if given and given.HasConnectedSource():
        return False
    users = [p for p in subject.parts() if material.GetPath() in _materials(p)]
    return bool(users) and all(any("texCoord" in v.kind for v in p.mesh.primvars.values()) for p in users)


def _materials(part: Part) -> set[Sdf.Path]:
    prims = [part.prim.GetPrim(), *(s.GetPrim() for s in UsdGeom.Subset.GetAllGeomSubsets(part.prim))]
    found = [UsdShade.MaterialBindingAPI(p).ComputeBoundMaterial()[0] for p in prims]
    return {m.GetPath() for m in found if m}


def _albedo_map(subject: Subject, material: UsdShade.Material) -> None:
    """The constant albedo as a small texture, to be painted over."""
    value = np.array(input_of(material, "diffuseColor"), np.float32)
    pixels = np.broadcast_to(linear_to_srgb(value[None, None]), (4, 4, 3))
    users = [p for p in subject.parts() if material.GetPath() in _materials(p)]
    uv = next(n for n, v in users[0].mesh.primvars.items() if "texCoord" in v.kind)
    label = f"{material.GetPrim().GetName()}_albedo"
    connect_texture(subject, material, "diffuseColor", write_map(subject, label, np.array(pixels)), uv=uv)
    subject.count("inputs_made", 1)


def _said(shader: UsdShade.Shader, name: str) -> bool:
    given = shader.GetInput(name)
    return bool(given) and (given.HasConnectedSource() or given.Get() is not None)


def _make(
    subject: Subject, material: UsdShade.Material, shader: UsdShade.Shader, name: str, albedo: Map | None,
    settings: PbrSettings,
) -> None:  # fmt: skip
    estimate = settings.make == "maps" and albedo is not None and bool(albedo.path) and _varies(albedo)
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


def _varies(albedo: Map) -> bool:
    return float(np.ptp(luminance(albedo.whole()))) > 1 / 255


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
