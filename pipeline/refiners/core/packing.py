# SPDX-License-Identifier: Apache-2.0
"""Several data maps as the channels of one picture, and the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdShade

from pipeline.errors import UsageError
from pipeline.refiners.core.images import resized
from pipeline.refiners.core.looks import COLOURS, DEFAULTS, connect_texture, write_map
from pipeline.refiners.core.lookups import lookup_of, maps
from pipeline.refiners.core.subject import Subject

__all__ = ["ORM", "pack_maps", "parsed", "unpack_maps"]

#: glTF's order
ORM = {"r": "occlusion", "g": "roughness", "b": "metallic"}


def parsed(text: str) -> dict[str, str] | None:
    """Inputs by channel; empty for `split`, None for `none`.

    Raises
    ------
    UsageError
        It is no such text.
    """
    value = text.strip()
    if value in ("none", ""):
        return None
    if value == "split":
        return {}
    if value == "orm":
        return ORM
    pairs = [p.partition("=") for p in value.replace(" ", "").split(",")]
    wanted = {channel: name for channel, _, name in pairs}
    single = [n for n, v in DEFAULTS.items() if len(v) == 1]
    if set(wanted) - set("rgba") or set(wanted.values()) - set(single) or len(wanted) != len(pairs):
        raise UsageError(
            f"pack={text} is no order of channels",
            remedy=f"write orm, split, or channels such as r=roughness,g=metallic; inputs: {', '.join(single)}",
        )
    return wanted


def pack_maps(subject: Subject, material: UsdShade.Material, wanted: dict[str, str], label: str) -> None:
    """Pack what a material reads of these inputs; what it says by value fills its channel and stays a value."""
    read = {m.input: m for m in maps(material) if m.input in wanted.values() and m.path}
    if len(read) < 2:
        return
    first = next(iter(read.values()))
    if len({m.shader.GetPath() for m in read.values()}) == 1 and all(
        m.output == c for c, n in wanted.items() if (m := read.get(n))
    ):
        return
    if len({lookup_of(m) for m in read.values()}) > 1 or any(m.udim for m in read.values()):
        subject.skip(str(material.GetPath()), "its maps are laid on differently (UV set, transform, wrap or tiles)")
        return
    height, width = np.max([m.picture.pixels.shape[:2] for m in read.values()], axis=0)
    pixels: NDArray = np.zeros((height, width, 4 if "a" in wanted else 3), np.float32)
    for channel, name in wanted.items():
        number = "rgba".index(channel)
        if name in read:
            pixels[:, :, number] = resized(read[name].whole()[:, :, :1], width, height, colour=False)[:, :, 0]
        else:
            pixels[:, :, number] = DEFAULTS[name][0]
    bits = 16 if max(m.picture.bits for m in read.values()) > 8 else 8
    if float(pixels.min()) < -1e-6 or float(pixels.max()) > 1 + 1e-6:
        subject.skip(str(material.GetPath()), "its maps hold values outside 0 to 1")
        return
    asset = write_map(subject, f"{material.GetPrim().GetName()}_{label}", pixels, bits)
    place = first.shader.GetInput("st").GetConnectedSources()[0] if first.shader.GetInput("st") else []
    for channel, name in wanted.items():
        if name not in read:
            continue
        texture = connect_texture(subject, material, name, asset, channel, node=f"{label}_map", uv=first.uv)
        _plain(texture, first.wrap)
        if place:
            texture.GetInput("st").ConnectToSource(place[0])
    subject.count("packed", 1)


def unpack_maps(subject: Subject, materials: list[UsdShade.Material]) -> None:
    """Give each data input that shares its picture with others a grey picture of its own."""
    for material in materials:
        read = maps(material)
        for one in read:
            shared = [m for m in read if m.path == one.path]
            if one.input in (*COLOURS, "normal") or len(shared) < 2 or not one.path or one.udim:
                continue
            values = one.whole()[:, :, :1]
            if float(values.min()) < -1e-6 or float(values.max()) > 1 + 1e-6:
                subject.skip(str(one.shader.GetPath()), "its values lie outside 0 to 1")
                continue
            place = one.shader.GetInput("st").GetConnectedSources()[0] if one.shader.GetInput("st") else []
            bits = 16 if one.picture.bits > 8 else 8
            asset = write_map(subject, f"{material.GetPrim().GetName()}_{one.input}", values, bits)
            wrap = one.wrap
            texture = connect_texture(subject, material, one.input, asset, "r", node=f"{one.input}_only", uv=one.uv)
            _plain(texture, wrap)
            if place:
                texture.GetInput("st").ConnectToSource(place[0])
            subject.count("unpacked", 1)


def _plain(texture: UsdShade.Shader, wrap: tuple[str, str]) -> None:
    """What a picture of final values is read with."""
    for name, mode in zip(("wrapS", "wrapT"), wrap, strict=True):
        texture.CreateInput(name, Sdf.ValueTypeNames.Token).Set(mode)
    for name, value in (("scale", 1.0), ("bias", 0.0)):
        if texture.GetInput(name):
            texture.GetInput(name).Set(Gf.Vec4f(value))
