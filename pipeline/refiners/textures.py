# SPDX-License-Identifier: Apache-2.0
"""Resize, convert and pack textures, and mend their colour spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdShade
from pydantic import Field

from pipeline.progress import track
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.images import read_picture, resized
from pipeline.refiners.core.looks import COLOURS, Map, connect_texture, each_surface, maps, write_map


class TextureSettings(Settings):
    """What a texture may be."""

    max_side: int = Field(default=2048, ge=4, le=16384, description="Longer side in pixels at most.")
    min_side: int = Field(default=0, ge=0, le=8192, description="Longer side in pixels at least; 0: as it is.")
    power_of_two: bool = Field(
        default=True, description="Round both sides to the nearest power of two that is allowed."
    )
    format: Literal["keep", "png", "jpg", "tif", "exr", "webp"] = Field(
        default="keep", description="File format; jpg is used for colours only, data stays lossless."
    )
    bits: Literal["keep", "8", "16"] = Field(default="keep", description="Bits of a channel.")
    quality: int = Field(default=92, ge=1, le=100, description="Of jpg and webp, percent.")
    pack: Literal["none", "orm"] = Field(
        default="none", description="orm: occlusion, roughness and metallic as red, green and blue of one picture."
    )
    color_spaces: bool = Field(
        default=True, description="Tag colours as sRGB and data as raw; give normals scale and bias."
    )


def run(subject: Subject, settings: TextureSettings) -> None:
    """Treat every texture once, however many materials read it."""
    found = [m for material, _ in each_surface(subject, lambda name: True) for m in maps(material)]
    if settings.color_spaces:
        for one in found:
            _tagged(subject, one)
    made: dict[tuple[str, bool, bool], str] = {}
    for one in track(found, "textures"):
        if not one.path:
            subject.skip(str(one.shader.GetPath()), f"{one.asset} does not resolve")
            continue
        _converted(subject, one, settings, made)
    if settings.pack == "orm":
        for material, _ in each_surface(subject, lambda name: True):
            _packed(subject, material)


def _tagged(subject: Subject, one: Map) -> None:
    colour = one.input in COLOURS
    space = one.shader.GetInput("sourceColorSpace")
    now = space.Get() if space else None
    wanted = "sRGB" if colour else "raw"
    linear_file = Path(one.asset.rstrip("]")).suffix.lower() in (".exr", ".hdr")
    if linear_file:
        wanted = "raw"
    # a picture that is read both as colour and as data keeps what its colour needs
    if now != wanted and not (one.output == "a" and now in ("sRGB", "auto", None)):
        one.shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(wanted)
        subject.changed = True
        subject.count("color_spaces_mended", 1)
    if one.input == "normal" and not linear_file:
        scale, bias = one.shader.GetInput("scale"), one.shader.GetInput("bias")
        if not (scale and scale.Get() is not None and bias and bias.Get() is not None):
            one.shader.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            one.shader.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
            subject.changed = True
            subject.count("normal_maps_mended", 1)


def _converted(subject: Subject, one: Map, settings: TextureSettings, made: dict[tuple[str, bool, bool], str]) -> None:
    colour, normal = one.input in COLOURS, one.input == "normal"
    key = (one.path, colour, normal)
    if key in made:
        if made[key]:
            one.shader.GetInput("file").Set(Sdf.AssetPath(made[key]))
        return
    picture = read_picture(one.path, str(one.shader.GetPath()))
    height, width = picture.pixels.shape[:2]
    goal = side_lengths(width, height, settings)
    suffix = Path(one.path.rstrip("]")).suffix.lower()
    wanted = suffix if settings.format == "keep" else f".{settings.format}"
    if wanted in (".jpg", ".jpeg", ".webp") and not colour and wanted != suffix:
        wanted = ".png"
    if wanted in (".jpg", ".jpeg") and picture.pixels.shape[2] in (2, 4):
        wanted = ".png"
    same_format = wanted == suffix or {wanted, suffix} == {".jpg", ".jpeg"}
    bits = picture.bits if settings.bits == "keep" else int(settings.bits)
    bits = bits if wanted in (".exr", ".tif", ".tiff") else min(bits, 16)
    bits = 8 if wanted in (".jpg", ".jpeg", ".webp") else bits
    if goal == (width, height) and same_format and bits == picture.bits:
        made[key] = ""
        return
    pixels = resized(picture.pixels, *goal, colour=colour and one.encoded, normal=normal)
    name = Path(one.path.rstrip("]")).stem
    made[key] = write_map(subject, name, pixels, bits, wanted, settings.quality)
    one.shader.GetInput("file").Set(Sdf.AssetPath(made[key]))
    subject.changed = True
    subject.count("textures_written", 1)


def side_lengths(width: int, height: int, settings: TextureSettings) -> tuple[int, int]:
    """Width and height that the settings allow, nearest to what there is; the ratio stays where it can."""
    longer = max(width, height)
    wanted = min(max(longer, settings.min_side), settings.max_side)
    sides = [max(1, round(s * wanted / longer)) for s in (width, height)]
    if not settings.power_of_two:
        return sides[0], sides[1]
    rounded = [1 << max(0, round(float(np.log2(s)))) for s in sides]
    while max(rounded) > settings.max_side:
        rounded = [max(1, s // 2) for s in rounded]
    return rounded[0], rounded[1]


_ORM = ("occlusion", "roughness", "metallic")


def _packed(subject: Subject, material: UsdShade.Material) -> None:
    read = {m.input: m for m in maps(material) if m.input in _ORM and m.path}
    if len(read) < 2 or len({m.shader.GetPath() for m in read.values()}) == 1:
        return
    height, width = np.max([m.picture.pixels.shape[:2] for m in read.values()], axis=0)
    pixels: NDArray = np.ones((height, width, 3), np.float32)
    for channel, name in enumerate(_ORM):
        if name in read:
            pixels[:, :, channel] = resized(read[name].whole()[:, :, :1], width, height, colour=False)[:, :, 0]
    uv = next(iter(read.values())).uv
    asset = write_map(subject, f"{material.GetPrim().GetName()}_orm", pixels)
    for channel, name in enumerate(_ORM):
        if name in read:
            connect_texture(subject, material, name, asset, "rgb"[channel], node="orm_map", uv=uv)
    subject.count("packed", 1)


def measure(subject: Subject) -> dict[str, Any]:
    """Pictures, the largest side, and bytes on disk."""
    paths = {m.path for material in subject.materials() for m in maps(material) if m.path}
    sides, size = [0], 0
    for path in paths:
        sides.append(max(read_picture(path).pixels.shape[:2]))
        size += Path(path).stat().st_size if Path(path).is_file() else 0
    return {"textures": len(paths), "largest_side": max(sides), "bytes": size}


operation = Operation(
    name="textures",
    summary="Resize, convert and pack textures; mend colour spaces",
    settings=TextureSettings,
    run=run,
    measure=measure,
    fixes=("texture.size", "texture.power-of-two", "texture.color-space"),
)
