# SPDX-License-Identifier: Apache-2.0
"""Bake the original's look into textures of the asset as it is: normal, AO, albedo, roughness, metallic."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdShade
from pydantic import Field

from pipeline.errors import RefineError, UsageError
from pipeline.mesh.polygons import Primvar
from pipeline.mesh.shading import corner_normals
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.baking import MAPS, Baked, Passes, bake
from pipeline.refiners.core.cage import Cage
from pipeline.refiners.core.high import High
from pipeline.refiners.core.images import linear_to_srgb
from pipeline.refiners.core.layouts import uv_name
from pipeline.refiners.core.looks import COLOURS, connect_texture, define_surface, maps, set_input, write_map
from pipeline.refiners.core.low import Low
from pipeline.refiners.core.part import Part

#: where the source says one value everywhere, the value serves better than a picture of it
_MAY_BE_CONSTANT = ("roughness", "metallic", "emissive")
#: where the material remembers what it was baked from, so that baking again changes nothing
KEY = "gates:bake"


class BakeSettings(Settings):
    """What is baked, from where, how large."""

    maps: str = Field(
        default="normal,ao,albedo,roughness,metallic",
        description=f"Which maps: {', '.join(MAPS)}.",
    )
    side: int = Field(default=1024, ge=1, le=8192, description="Side of the textures, pixels.")
    source: str = Field(
        default="", description="What is baked from: a prim path of the stage, or a USD file; empty: the original."
    )
    cage: float = Field(
        default=0.0, ge=0, description="Metres from the surface out to where rays start; 0: as measured, with room."
    )
    cage_mesh: str = Field(
        default="", description="A mesh to start from instead, the asset's own moved outward: a prim path or USD file."
    )
    depth: float = Field(
        default=0.0, ge=0, description="Metres that rays go on beneath the surface; 0: as far as the cage, or measured."
    )
    rays: Literal["averaged", "shading"] = Field(
        default="averaged",
        description="averaged: one direction at each vertex, no gaps at hard edges; shading: along the normals.",
    )
    padding: int = Field(default=16, ge=0, le=256, description="Pixels around islands; 0 fills the whole picture.")
    supersample: int = Field(default=2, ge=1, le=4, description="Samples along each side of a pixel.")
    ao_rays: int = Field(default=32, ge=1, le=1024, description="Rays for ambient occlusion at each pixel.")
    ao_reach: float = Field(default=0.3, gt=0, le=10, description="How far occluders count, share of the diagonal.")
    normal_bits: Literal[8, 16] = Field(default=8, description="Bits of a channel of the normal map.")
    overlap: Literal["refuse", "first"] = Field(
        default="refuse",
        description="Texels of several faces: refuse, or bake the first of them, unmirrored, within 0-1.",
    )
    material: str = Field(default="baked", description="Name of the material that is made and bound.")


def run(subject: Subject, settings: BakeSettings) -> None:
    """Project from the cage, sample the high surface, write textures, bind one material."""
    wanted = tuple(dict.fromkeys(m.strip() for m in settings.maps.split(",") if m.strip()))
    unknown = [m for m in wanted if m not in MAPS]
    if unknown or not wanted:
        raise UsageError(f"no map is called {', '.join(unknown) or 'nothing'}", remedy=f"use: {', '.join(MAPS)}")
    if not Sdf.Path.IsValidIdentifier(settings.material):
        raise UsageError(f"{settings.material!r} is no name for a prim", remedy="use letters, digits and _")
    path = subject.prim.GetPath().AppendPath(f"mtl/{settings.material}")
    parts = subject.parts()
    recipe = _recipe(parts, settings)
    held = subject.stage.GetPrimAtPath(path)
    if held and held.GetCustomDataByKey(KEY) == recipe:
        return
    low = Low.of(subject, parts)
    high = High.of(_source(subject, settings.source), low)
    same = high.same_as(low)
    if same:
        subject.note("the source is the asset itself: normal map flat, other maps moved to this layout")
    cage = _cage(subject, settings, low, high)
    baked = bake(low, high, cage, Passes(
        wanted, settings.side, settings.supersample, settings.padding, settings.ao_rays,
        settings.ao_reach * low.size, settings.overlap == "first",
    ))  # fmt: skip
    _tell(subject, baked, cage, same)
    _author(subject, settings, path, baked, low.uv)
    if "normal" in baked.pictures:
        _hold_normals(subject, parts)
    subject.stage.GetPrimAtPath(path).SetCustomDataByKey(KEY, _recipe(subject.parts(), settings))


def _cage(subject: Subject, settings: BakeSettings, low: Low, high: High) -> Cage:
    depth = settings.depth / subject.metres
    if settings.cage_mesh:
        return Cage.modelled(low, _named(subject, settings.cage_mesh), depth)
    along = low.normals if settings.rays == "shading" else low.directions
    if settings.cage:
        return Cage.even(along, settings.cage / subject.metres, depth)
    return Cage.measured(low, high, along, depth)


def _tell(subject: Subject, baked: Baked, cage: Cage, same: bool) -> None:
    """Numbers and sentences for the reader."""
    share = baked.missed / baked.samples
    subject.details |= {"texels": baked.texels, "missed": round(share, 5)}
    if not same:
        mean, most = (round(x * subject.metres, 6) for x in baked.distance)
        subject.details |= {
            "cage_m": round(cage.outward * subject.metres, 6),
            "depth_m": round(cage.inward * subject.metres, 6),
            "distance_m": {"mean": mean, "max": most},
        }
    if baked.tilt is not None:
        subject.details["tilt_deg"] = round(baked.tilt, 3)
    if baked.missed:
        subject.details["missed_by"] = {p: round(k / baked.samples, 5) for p, k in baked.missed_by.items()}
        worst = max(baked.missed_by, key=lambda p: baked.missed_by[p])
        subject.note(
            f"{share:.2%} of the texels met nothing within the cage and took the nearest place, most on <{worst}>: "
            f"widen it with cage= (now {cage.outward * subject.metres:.4g} m) or depth= "
            f"({cage.inward * subject.metres:.4g} m)"
        )
    if baked.unsaid:
        subject.note(f"the source says nothing of {', '.join(baked.unsaid)}: it has no material there")
    if baked.turned > 0.001 * baked.samples:
        subject.details["turned"] = round(baked.turned / baked.samples, 5)
        subject.note(f"{baked.turned / baked.samples:.1%} of the texels met only faces that look away: see `orient`")


def _author(subject: Subject, settings: BakeSettings, path: Sdf.Path, baked: Baked, uv: str) -> None:
    """Write the textures, make the material that reads them, bind it."""
    constants = {}
    files = {}
    for name, picture in baked.pictures.items():
        if name in _MAY_BE_CONSTANT and baked.spread[name] < 1 / 255:
            constants[name] = tuple(float(x) for x in picture.reshape(-1, picture.shape[2]).mean(axis=0))
        else:
            bits = settings.normal_bits if name == "normal" else 8
            files[name] = write_map(
                subject,
                f"{subject.prim.GetName()}_{name}",
                _encoded(name, picture),
                bits,
                colour=MAPS[name][0] in COLOURS,
            )
    material, shader = define_surface(subject, path)
    for name, value in constants.items():
        set_input(shader, MAPS[name][0], value)
    for name, asset in files.items():
        target, channels = MAPS[name]
        connect_texture(subject, material, target, asset, "rgb" if channels == 3 else "r", node=f"{name}_map", uv=uv)
    for part in subject.parts():
        for subset in UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets():
            subset.GetPrim().SetActive(False)
        UsdShade.MaterialBindingAPI.Apply(part.prim.GetPrim()).Bind(material)
    subject.details["maps"] = list(files)
    if constants:
        subject.details["constants"] = {MAPS[n][0]: [round(x, 4) for x in value] for n, value in constants.items()}
    subject.changed = True


def _encoded(name: str, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """As the file holds it; first row at the top."""
    if name == "normal":
        picture = np.asarray(picture / 2 + 0.5, np.float32)
    elif MAPS[name][0] in COLOURS:
        picture = linear_to_srgb(picture)
    return np.ascontiguousarray(picture[::-1], np.float32)


def _hold_normals(subject: Subject, parts: list[Part]) -> None:
    """Author the normals the map was baked for where there are none: each reader would make others."""
    for part in parts:
        mesh = part.mesh
        if "normals" in mesh.primvars:
            continue
        why = subject.deformed(part)
        if why:
            subject.note(f"<{part.path}> keeps no normals of its own ({why}): readers may shade it otherwise")
            continue
        corner = np.zeros((len(mesh.corners), 3), np.float32)
        corner[mesh.triangle_corners] = corner_normals(mesh)
        normals = Primvar(corner, None, "faceVarying", "normal3f[]").compact()
        subject.write(part, replace(mesh, primvars={**mesh.primvars, "normals": normals}))
        subject.count("normals_held", 1)


def _source(subject: Subject, name: str) -> Usd.Prim:
    if name:
        return _named(subject, name)
    return subject.original() or subject.prim


def _named(subject: Subject, name: str) -> Usd.Prim:
    """A prim of the stage, or what a file shows."""
    if name.startswith("/") and Sdf.Path.IsValidPathString(name):
        prim = subject.stage.GetPrimAtPath(name)
        if prim:
            return prim
        if not Path(name).is_file():
            raise RefineError(
                f"there is no prim {name} in the stage, and no such file", prim=str(subject.prim.GetPath()),
                remedy="name a prim path of the stage, or a USD file",
            )  # fmt: skip
    stage = subject.open_stage(name)
    return stage.GetDefaultPrim() or stage.GetPseudoRoot()


def _recipe(parts: list[Part], settings: BakeSettings) -> str:
    """What a bake depends on: its settings, and the geometry it was made for."""
    crc = 0
    for part in parts:
        name = uv_name(part.mesh)
        crc = zlib.crc32(np.ascontiguousarray(part.mesh.points).tobytes(), crc)
        crc = zlib.crc32(np.ascontiguousarray(part.mesh.corners).tobytes(), crc)
        if name:
            crc = zlib.crc32(np.ascontiguousarray(part.mesh.primvars[name].values).tobytes(), crc)
    return f"{settings.model_dump_json()} {crc:08x}"


def measure(subject: Subject) -> dict[str, Any]:
    """Materials and textures."""
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
