# SPDX-License-Identifier: Apache-2.0
"""Bake the original's look into textures of the asset as it is: normal, AO, albedo, roughness, metallic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdShade
from pydantic import Field

from pipeline.errors import RefineError, UsageError
from pipeline.mesh.bake import Texels, dilated, texels
from pipeline.mesh.deviation import deviation
from pipeline.progress import step
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.baking import High, Low
from pipeline.refiners.core.images import linear_to_srgb
from pipeline.refiners.core.layouts import uv_name
from pipeline.refiners.core.looks import COLOURS, connect_texture, define_surface, set_input, write_map

#: map -> (input of UsdPreviewSurface, channels, value where no texel is)
MAPS: dict[str, tuple[str, int, float]] = {
    "normal": ("normal", 3, 0.0),
    "ao": ("occlusion", 1, 1.0),
    "albedo": ("diffuseColor", 3, 0.0),
    "roughness": ("roughness", 1, 0.5),
    "metallic": ("metallic", 1, 0.0),
    "emissive": ("emissiveColor", 3, 0.0),
}

#: where the source says one value everywhere, the value serves better than a picture of it
_MAY_BE_CONSTANT = ("roughness", "metallic", "emissive")


class BakeSettings(Settings):
    """What is baked, from where, how large."""

    maps: str = Field(default="normal,ao,albedo,roughness,metallic", description="Which maps, separated by commas.")
    side: int = Field(default=1024, ge=16, le=8192, description="Side of the textures, pixels.")
    source: str = Field(
        default="", description="What is baked from: a prim path of the stage, or a USD file; empty: the original."
    )
    cage: float = Field(
        default=0.0, ge=0, description="Metres to look outward and inward; 0: half again the measured distance."
    )
    padding: int = Field(default=16, ge=0, le=256, description="Pixels around islands; 0 fills the whole picture.")
    supersample: int = Field(default=2, ge=1, le=4, description="Samples along each side of a pixel.")
    ao_rays: int = Field(default=32, ge=1, le=1024, description="Rays for ambient occlusion at each pixel.")
    ao_reach: float = Field(default=0.3, gt=0, le=10, description="How far occluders count, share of the diagonal.")
    material: str = Field(default="baked", description="Name of the material that is made and bound.")


def run(subject: Subject, settings: BakeSettings) -> None:
    """Project along the low normals, sample the high surface, write textures, bind one material."""
    wanted = [m.strip() for m in settings.maps.split(",") if m.strip()]
    unknown = [m for m in wanted if m not in MAPS]
    if unknown or not wanted:
        raise UsageError(f"no map is called {', '.join(unknown) or 'nothing'}", remedy=f"use: {', '.join(MAPS)}")
    path = subject.prim.GetPath().AppendPath(f"mtl/{settings.material}")
    recipe = _recipe(subject, settings)
    held = subject.stage.GetPrimAtPath(path)
    if held and held.GetCustomDataByKey("gates:bake") == recipe:
        return
    low = Low.of(subject)
    high = High.of(_source(subject, settings.source), low)
    if high.same_as(low):
        subject.note("the source is the asset itself: normal map flat, other maps moved to this layout")
    cage = settings.cage / subject.metres if settings.cage else _cage(low, high)
    grid = texels(low.layout.uv, low.layout.corners, settings.side * settings.supersample)
    if len(grid.index) == 0:
        raise RefineError("the UV layout covers no pixel", prim=str(subject.prim.GetPath()), remedy="unwrap first")
    if grid.shared > 0.01 * len(grid.index):
        raise RefineError(
            f"{grid.shared / len(grid.index):.0%} of the layout is used by several faces: a bake would mix them",
            prim=str(subject.prim.GetPath()), remedy="unwrap first (all parts come into one layout)",
        )  # fmt: skip
    hits = high.project(low, grid, cage)
    subject.details |= {
        "cage_m": round(cage * subject.metres, 6),
        "texels": len(grid.index),
        "missed": round(hits.missed / len(grid.index), 5),
    }
    made: dict[str, NDArray] = {}
    constants: dict[str, tuple[float, ...]] = {}
    for number, name in enumerate(wanted):
        step(f"bake {name}", number, len(wanted))
        values = high.values(name, MAPS[name][1], low, grid, hits, settings, cage)
        if values is None:
            continue
        if name in _MAY_BE_CONSTANT and np.ptp(values, axis=0).max() < 1 / 255:
            constants[MAPS[name][0]] = tuple(float(x) for x in values.mean(axis=0))
        else:
            made[name] = _picture(values, grid, settings, MAPS[name])
    _author(subject, settings, path, made, constants, recipe, low.uv)
    subject.details["maps"] = list(made)
    if constants:
        subject.details["constants"] = {name: [round(x, 4) for x in value] for name, value in constants.items()}


def _picture(
    values: NDArray, grid: Texels, settings: BakeSettings, kind: tuple[str, int, float]
) -> NDArray[np.float32]:
    """Average the samples, pad, encode; first row at the top."""
    name, channels, empty = kind
    n, side = settings.supersample, settings.side
    total = grid.grid(values.reshape(len(values), channels)).reshape(side, n, side, n, channels).sum(axis=(1, 3))
    count = grid.mask.reshape(side, n, side, n).sum(axis=(1, 3))
    average = total / np.maximum(count, 1)[:, :, None]
    if name == "normal":
        average /= np.maximum(np.linalg.norm(average, axis=2, keepdims=True), 1e-9)
    average[count == 0] = (0, 0, 1) if name == "normal" else empty
    average = dilated(average, count > 0, settings.padding)
    if name == "normal":
        average = average / 2 + 0.5
    elif name in COLOURS:
        average = linear_to_srgb(average)
    return np.asarray(average[::-1], np.float32)


def _author(
    subject: Subject,
    settings: BakeSettings,
    path: Any,
    made: dict[str, NDArray],
    constants: dict[str, tuple[float, ...]],
    recipe: str,
    uv: str,
) -> None:
    material, shader = define_surface(subject, path)
    for target, value in constants.items():
        set_input(shader, target, value)
    for name, picture in made.items():
        target, channels, _ = MAPS[name]
        asset = write_map(subject, f"{subject.prim.GetName()}_{name}", picture)
        connect_texture(subject, material, target, asset, "rgb" if channels == 3 else "r", node=f"{name}_map", uv=uv)
    for part in subject.parts():
        for subset in UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets():
            subset.GetPrim().SetActive(False)
        UsdShade.MaterialBindingAPI.Apply(part.prim.GetPrim()).Bind(material)
    material.GetPrim().SetCustomDataByKey("gates:bake", recipe)
    subject.changed = True


def _cage(low: Low, high: High) -> float:
    """Half again the largest measured distance, within a tenth of the diagonal."""
    found = deviation(low.points, low.faces, high.points, high.faces, 8000)
    return float(np.clip(1.5 * found.maximum, 2e-3 * low.size, 0.1 * low.size))


def _source(subject: Subject, name: str) -> Usd.Prim:
    if not name:
        prim = subject.original()
        if prim is None:
            return subject.prim
        return prim
    if name.startswith("/") and subject.stage.GetPrimAtPath(name):
        return subject.stage.GetPrimAtPath(name)
    stage = subject.open_stage(name)
    prim = stage.GetDefaultPrim() or stage.GetPseudoRoot()
    return prim


def _recipe(subject: Subject, settings: BakeSettings) -> str:
    """What a bake depends on: its settings, and the geometry it was made for."""
    import zlib

    crc = 0
    for part in subject.parts():
        name = uv_name(part.mesh)
        crc = zlib.crc32(np.ascontiguousarray(part.mesh.points).tobytes(), crc)
        crc = zlib.crc32(np.ascontiguousarray(part.mesh.corners).tobytes(), crc)
        if name:
            crc = zlib.crc32(np.ascontiguousarray(part.mesh.primvars[name].values).tobytes(), crc)
    return f"{settings.model_dump_json()} {crc:08x}"


def measure(subject: Subject) -> dict[str, Any]:
    """Materials and textures."""
    from pipeline.refiners.core.looks import maps

    used = [m for m in subject.materials() if m]
    return {"materials": len(used), "textures": len({x.path for m in used for x in maps(m) if x.path})}


operation = Operation(
    name="bake",
    summary="Bake the original's detail and look into textures",
    settings=BakeSettings,
    run=run,
    measure=measure,
    fixes=("texture.pbr-set",),
)
