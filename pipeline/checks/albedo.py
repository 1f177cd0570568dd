# SPDX-License-Identifier: Apache-2.0
"""The albedo as it lies on the surface: texels that are used count by the area they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.subject import Part
from pipeline.checks.textures import TextureFile
from pipeline.usd.colour import to_srgb
from pipeline.usd.scene.model import Texture

SAMPLES = 20000


@dataclass(frozen=True)
class Albedo:
    """Samples on the textured surface.

    Attributes
    ----------
    places : (k, 3) float64
        Metres.
    face : (k,) int64
        Face of the body.
    srgb : (k, 3) float64
        Albedo as encoded, 0-1.
    """

    places: NDArray[np.float64]
    face: NDArray[np.int64]
    srgb: NDArray[np.float64]


def albedo_samples(context: Context) -> Albedo:
    """Points spread over the parts of the surface that have an albedo texture."""
    result: Albedo = context.keep("albedo", lambda: _samples(context))
    return result


def albedo_at(context: Context, places: NDArray, face: NDArray) -> NDArray[np.float64]:
    """(k, 3) albedo as encoded (0-1) at points on faces of the body; NaN where no texture gives it.

    Parameters
    ----------
    places : (k, 3) float
        Metres.
    face : (k,) int
    """
    files = {f.path: f for f in context.textures if f.path}
    textured = {
        n: t
        for n, m in enumerate(context.subject.materials)
        if (t := m.texture("diffuseColor")) is not None and t.path in files and files[t.path].decoded
    }
    colour = np.full((len(face), 3), np.nan)
    body = context.body
    for part in body.parts if textured else ():
        uvs = part.shape.uvs
        mine = np.flatnonzero(body.part[face] == part.number)
        if not uvs or not len(mine):
            continue
        local = body.local[face[mine]]
        material = part.material[local]
        for number in np.unique(material):
            texture = textured.get(int(number))
            if texture is None:
                continue
            chosen = mine[material == number]
            uv = _uv(part, texture, body.local[face[chosen]], places[chosen])
            colour[chosen] = _look_up(files[texture.path], texture, uv)
    return colour


def _samples(context: Context) -> Albedo:
    places, face = context.body.samples(SAMPLES, seed=2)
    colour = albedo_at(context, places, face)
    known = np.isfinite(colour).all(axis=1)
    return Albedo(places[known], face[known], colour[known])


def _uv(part: Part, texture: Texture, triangle: NDArray, places: NDArray) -> NDArray[np.float64]:
    """(k, 2) texture coordinates of points on triangles, by barycentric coordinates in the world."""
    uvs = next((u for u in part.shape.uvs if u.name == texture.uv_set), part.shape.uvs[0])
    a, b, c = (part.points[part.shape.triangles[triangle, i]].astype(np.float64) for i in range(3))
    u, v, w = b - a, c - a, places - a
    uu, uv, vv = (np.einsum("ij,ij->i", x, y) for x, y in ((u, u), (u, v), (v, v)))
    wu, wv = np.einsum("ij,ij->i", w, u), np.einsum("ij,ij->i", w, v)
    det = uu * vv - uv * uv
    det = np.where(det > 0, det, 1)
    s, t = (vv * wu - uv * wv) / det, (uu * wv - uv * wu) / det
    p, q, r = (uvs.values[uvs.triangles[triangle, i]].astype(np.float64) for i in range(3))
    result: NDArray[np.float64] = p + s[:, None] * (q - p) + t[:, None] * (r - p)
    if texture.transform is not None:
        angle = np.radians(texture.transform.rotation)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        result = (result * texture.transform.scale) @ turn + texture.transform.translation
    return result


def _look_up(file: TextureFile, texture: Texture, uv: NDArray) -> NDArray[np.float64]:
    """(k, 3) sRGB-encoded colours, nearest texel of the small copy; NaN where it cannot be read."""
    picture = file.thumbnail
    if picture is None:
        return np.full((len(uv), 3), np.nan)
    if picture.shape[2] < 3:
        picture = np.repeat(picture[:, :, :1], 3, axis=2)
    height, width = picture.shape[:2]
    x = np.floor((uv[:, 0] % 1) * width).astype(int).clip(0, width - 1)
    y = np.floor((1 - uv[:, 1] % 1) * height).astype(int).clip(0, height - 1)
    colour = picture[y, x, :3].astype(np.float64)
    if texture.color_space == "raw" or file.bits > 8:
        colour = to_srgb(colour)
    return colour.clip(0, 1)
