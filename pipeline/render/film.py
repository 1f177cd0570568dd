# SPDX-License-Identifier: Apache-2.0
"""A finished frame to a file: what a screen shows, or scene-linear EXR with layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from pipeline.errors import RenderError
from pipeline.render import colour, cryptomatte, picture
from pipeline.render.lamps import Array
from pipeline.render.setting import Frame


def develop(frame: Frame, out: Path, view: colour.View, exposure: float, names: dict[str, list[str]]) -> Path:
    """Write a frame by the suffix of `out`.

    Parameters
    ----------
    names
        For the layers `shape` and `surface` the prim path of each number; the EXR header lists them.
    """
    if out.suffix.lower() == ".exr":
        return write_layers(frame, out, exposure, names)
    shown = frame.colour
    alpha = shown[..., 3:4]
    opaque = bool((alpha > 0.999).all())
    if not opaque:
        straight = shown[..., :3] / np.maximum(alpha, 1e-6)
        shown = np.concatenate([straight, alpha], axis=2)
    pixels = colour.display(shown, view, exposure)
    if opaque or out.suffix.lower() in {".jpg", ".jpeg"}:
        pixels = pixels[..., :3] * (1 if opaque else pixels[..., 3:4])
    return picture.write(out, pixels)


def write_layers(frame: Frame, out: Path, exposure: float, names: dict[str, list[str]]) -> Path:
    """Half-float RGBA, and further channels of the same part.

    `Z` metres along the view and `N.x N.y N.z` in the world; `id.shape` and `id.surface` count from 1 (0: nothing)
    in the order of the header entries `gates:shape` and `gates:surface`, one prim path a line; `CryptoObject` and
    `CryptoMaterial` are Cryptomattes with their manifests in the header.
    """
    height, width = frame.colour.shape[:2]
    stack = [frame.colour * np.asarray([*[2.0**exposure] * 3, 1], np.float32)]
    channels = ["R", "G", "B", "A"]
    attributes: dict[str, str] = {}

    def add(values: Array, *called: str) -> None:
        stack.append(values)
        channels.extend(called)

    if "depth" in frame.layers:
        add(frame.layers["depth"][..., None], "Z")
    if "normal" in frame.layers:
        add(frame.layers["normal"], "N.x", "N.y", "N.z")
    for layer, matte in (("shape", "CryptoObject"), ("surface", "CryptoMaterial")):
        if layer in frame.layers:
            add(np.maximum(frame.layers[layer] + 1, 0)[..., None], f"id.{layer}")
            attributes[f"gates:{layer}"] = "\n".join(names[layer])
        if f"{layer}.numbers" in frame.layers:
            coded = [frame.layers[f"{layer}.{kind}"] for kind in ("numbers", "coverage")]
            add(cryptomatte.interleaved(coded[0], coded[1], names[layer]), *cryptomatte.channels(matte))
            attributes |= cryptomatte.header(matte, names[layer])
    spec = oiio.ImageSpec(width, height, len(channels), "float")
    spec.channelnames = channels
    # ids and hashes would not survive as halves
    spec.channelformats = ["half" if c in "RGBA" or c.startswith("N.") else "float" for c in channels]
    spec.attribute("compression", "zip")
    spec.attribute("oiio:ColorSpace", "lin_rec709_scene")
    spec.attribute("Software", "Seven Gates")
    for key, value in attributes.items():
        spec.attribute(key, value)
    pixels = np.ascontiguousarray(np.concatenate([s.astype(np.float32) for s in stack], axis=2))
    with picture.whole_file(out) as temporary:
        file = oiio.ImageOutput.create(str(temporary))
        if file is None or not file.open(str(temporary), spec) or not file.write_image(pixels) or not file.close():
            raise RenderError(f"the EXR could not be written: {file.geterror() if file else oiio.geterror()}", path=out)
    return out
