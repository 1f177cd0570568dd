# SPDX-License-Identifier: Apache-2.0
"""Resize, convert, pack and unpack textures, and mend their colour spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf
from pydantic import Field

from pipeline.progress import track
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.images import Picture, linear_to_srgb, resized, size_of, srgb_to_linear
from pipeline.refiners.core.looks import COLOURS, Map, each_surface, maps, write_map, write_tiles
from pipeline.refiners.core.packing import ORM, pack_maps, parsed, unpack_maps

_FLOATING = (".exr", ".hdr")
_LOSSY = (".jpg", ".jpeg", ".webp")


class TextureSettings(Settings):
    """What a texture may be."""

    max_side: int = Field(default=2048, ge=4, le=16384, description="Longer side in pixels at most.")
    min_side: int = Field(
        default=0, ge=0, le=8192, description="Longer side in pixels at least (enlarges, and says so); 0: as it is."
    )
    power_of_two: bool = Field(
        default=True, description="Round both sides to the nearest power of two that is allowed."
    )
    format: Literal["keep", "png", "jpg", "tif", "exr", "webp"] = Field(
        default="keep",
        description="File format; jpg is for colours only, data stays lossless; exr holds colours as linear light.",
    )
    bits: Literal["keep", "8", "16"] = Field(default="keep", description="Bits of a channel.")
    quality: int = Field(default=92, ge=1, le=100, description="Of jpg and webp, percent.")
    kilobytes: int = Field(
        default=0, ge=0, description="All pictures together at most: the largest are halved until they fit; 0: any."
    )
    pack: str = Field(
        default="none",
        description="none; orm: occlusion, roughness and metallic as red, green and blue of one picture (glTF); or any "
        "inputs by channel, as r=roughness,g=metallic,b=occlusion; split: each input a picture of its own.",
    )
    color_spaces: bool = Field(
        default=True, description="Tag colours as sRGB and data as raw; give normals scale and bias."
    )


def run(subject: Subject, settings: TextureSettings) -> None:
    """Treat every texture once, however many materials read it."""
    wanted = parsed(settings.pack)
    materials = [material for material, _ in each_surface(subject, lambda name: True)]
    found = [m for material in materials for m in maps(material)]
    if settings.color_spaces:
        for one in found:
            _tagged(subject, one)
    if wanted == {}:
        unpack_maps(subject, materials)
    elif wanted is not None:
        for material in materials:
            pack_maps(subject, material, wanted, "orm" if wanted == ORM else "packed")
    if wanted is not None:
        found = [m for material in materials for m in maps(material)]
    treated = Treated(subject, settings, found)
    for one in track(found, "textures"):
        treated.convert(one)
    treated.within_budget()


def _tagged(subject: Subject, one: Map) -> None:
    colour = one.input in COLOURS
    space = one.shader.GetInput("sourceColorSpace")
    now = space.Get() if space else None
    wanted = "sRGB" if colour else "raw"
    linear_file = _suffix(one.path or one.asset) in _FLOATING
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


class Treated:
    """The pictures of an asset, each converted once.

    Parameters
    ----------
    found
        Every use of every picture.
    """

    def __init__(self, subject: Subject, settings: TextureSettings, found: list[Map]) -> None:
        self.subject = subject
        self.settings = settings
        self.found = found
        self.made: dict[tuple[str, bool, bool, bool], tuple[str, str]] = {}
        # said once: what a picture is read as changes with the first material that reads the new one
        self.colours = {m.path for m in found if m.input in COLOURS}
        self.encoded = {m.path for m in found if m.path and m.input in COLOURS and m.encoded}
        self.transparent = {m.path for m in found if m.output == "a" and m.input == "opacity"}

    def convert(self, one: Map, most: int | None = None) -> bool:
        """Bring a picture, or its UDIM tiles, to what the settings say, and let the material read it.

        Parameters
        ----------
        most
            Longer side at most, instead of the settings'.
        """
        if not one.path:
            self.subject.skip(str(one.shader.GetPath()), f"{one.asset} does not resolve")
            return False
        colour, normal, encoded = one.path in self.colours, one.input == "normal", one.path in self.encoded
        key = (one.path, colour, normal, encoded)
        if key not in self.made:
            self.made[key] = self._written(one, colour, normal, encoded, most)
        asset, space = self.made[key]
        if not asset:
            return False
        one.shader.GetInput("file").Set(Sdf.AssetPath(asset))
        if space and (one.output != "a" or not colour):
            one.shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        self.subject.changed = True
        return True

    def _written(self, one: Map, colour: bool, normal: bool, encoded: bool, most: int | None) -> tuple[str, str]:
        """The asset path to author and the colour space to read it with; nothing where it is right already."""
        suffix = _suffix(one.path)
        wanted = self._format(one, colour, suffix)
        goals = {t: side_lengths(*size_of(p, str(one.shader.GetPath()))[:2], self.settings, most)
                 for t, p in one.tiles.items()}  # fmt: skip
        same = wanted == suffix or {wanted, suffix} == {".jpg", ".jpeg"}
        if same and self.settings.bits == "keep" and all(size_of(p)[:2] == goals[t] for t, p in one.tiles.items()):
            return "", ""
        bits = {t: self._bits(wanted, p.bits) for t, p in one.pictures.items()}
        if same and all(p.bits == bits[t] and _size(p) == goals[t] for t, p in one.pictures.items()):
            return "", ""
        pixels = {t: self._converted(one, t, goals[t], wanted, colour, normal, encoded) for t in one.tiles}
        self.subject.count("textures_written", len(pixels))
        space = ""
        if colour and (suffix in _FLOATING) != (wanted in _FLOATING):
            space = "raw" if wanted in _FLOATING else "sRGB"
        quality = self.settings.quality
        stem = Path(one.path.rstrip("]")).stem
        if one.udim:
            tiles = {t: (p, bits[t]) for t, p in pixels.items()}
            name = stem.removesuffix(str(min(one.tiles))).rstrip("._") or "tile"
            return write_tiles(self.subject, name, tiles, wanted, quality, colour=colour), space
        return write_map(self.subject, stem, pixels[0], bits[0], wanted, quality, colour=colour), space

    def _converted(
        self, one: Map, tile: int, goal: tuple[int, int], wanted: str, colour: bool, normal: bool, encoded: bool
    ) -> NDArray[np.float32]:
        """One picture at its new size, colours encoded as the new format holds them."""
        picture, name = one.pictures[tile], Path(one.tiles[tile].rstrip("]")).name
        if max(goal) > max(_size(picture)):
            width, height = _size(picture)
            self.subject.note(f"{name} was enlarged from {width} x {height}: it shows no more than before")
        opacity = one.path in self.transparent
        pixels = resized(picture.pixels, *goal, colour=colour and encoded, normal=normal, opacity=opacity)
        tones = 1 if pixels.shape[2] < 3 else 3
        if colour and encoded and wanted in _FLOATING:
            pixels = pixels.copy()
            pixels[:, :, :tones] = srgb_to_linear(pixels[:, :, :tones])
        elif colour and not encoded and _suffix(one.path) in _FLOATING and wanted not in _FLOATING:
            pixels = pixels.copy()
            if float(pixels[:, :, :tones].max()) > 1:
                self.subject.note(f"{name} holds light beyond white, which {wanted} cannot: it was cut off")
            pixels[:, :, :tones] = linear_to_srgb(pixels[:, :, :tones])
        return pixels

    def _format(self, one: Map, colour: bool, suffix: str) -> str:
        wanted = suffix if self.settings.format == "keep" else f".{self.settings.format}"
        if wanted in (".jpg", ".jpeg") and wanted != suffix:
            _, _, channels = size_of(one.path)
            if not colour or channels in (2, 4):
                return ".png" if suffix not in _FLOATING else suffix
        return wanted if wanted in (".png", ".tif", ".tiff", *_FLOATING, *_LOSSY) else ".png"

    def _bits(self, wanted: str, now: int) -> int:
        bits = now if self.settings.bits == "keep" else int(self.settings.bits)
        if wanted in _LOSSY:
            return 8
        if wanted in _FLOATING:
            return max(bits, 16)
        return bits if wanted in (".tif", ".tiff") else min(bits, 16)

    def within_budget(self) -> None:
        """Halve the largest pictures until all fit the budget."""
        limit = self.settings.kilobytes * 1000
        for _ in range(64):
            now: dict[str, Map] = {}
            for one in (m for material, _ in each_surface(self.subject, lambda name: True) for m in maps(material)):
                if one.path and "[" not in one.path:
                    now.setdefault(one.path, one)
            size = {p: sum(Path(t).stat().st_size for t in m.tiles.values()) for p, m in now.items()}
            total = sum(size.values())
            if not limit or total <= limit or not size:
                return
            order = sorted(size, key=lambda p: -size[p])
            chosen = next((p for p in order if max(size_of(p)[:2]) > 64), None)
            if chosen is None:
                self.subject.note(
                    f"{total / 1000:.0f} KB at 64 pixels: the budget cannot be met, try format=jpg or webp"
                )
                return
            found = [m for material, _ in each_surface(self.subject, lambda name: True) for m in maps(material)]
            again = Treated(self.subject, self.settings, found)
            half = max(size_of(chosen)[:2]) // 2
            for one in found:
                if one.path == chosen:
                    again.convert(one, half)


def _size(picture: Picture) -> tuple[int, int]:
    return picture.pixels.shape[1], picture.pixels.shape[0]


def _suffix(path: str) -> str:
    return Path(path.rstrip("]")).suffix.lower()


def side_lengths(width: int, height: int, settings: TextureSettings, most: int | None = None) -> tuple[int, int]:
    """Width and height that the settings allow, nearest to what there is; the ratio stays where it can."""
    longer = max(width, height)
    most = min(settings.max_side, most or settings.max_side)
    wanted = min(max(longer, settings.min_side), most)
    sides = [max(1, round(s * wanted / longer)) for s in (width, height)]
    if not settings.power_of_two:
        return sides[0], sides[1]
    rounded = [1 << max(0, round(float(np.log2(s)))) for s in sides]
    while max(rounded) > most:
        rounded = [max(1, s // 2) for s in rounded]
    while settings.min_side and max(rounded) < min(settings.min_side, most // 2 + 1):
        rounded = [s * 2 for s in rounded]
    return rounded[0], rounded[1]


def measure(subject: Subject) -> dict[str, Any]:
    """Pictures, the largest side, and bytes on disk."""
    found = {p for material in subject.materials() for m in maps(material) for p in m.tiles.values()}
    sides, size = [0], 0
    for path in found:
        sides.append(max(size_of(path)[:2]))
        size += Path(path).stat().st_size if Path(path).is_file() else 0
    return {"textures": len(found), "largest_side": max(sides), "bytes": size}


operation = Operation(
    name="textures",
    summary="Resize, convert, pack and unpack textures; mend colour spaces",
    settings=TextureSettings,
    run=run,
    measure=measure,
    fixes=("texture.size", "texture.power-of-two", "texture.color-space"),
)
