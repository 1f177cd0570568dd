# SPDX-License-Identifier: Apache-2.0
"""What a surface looks like, read with pxr and Pillow alone: nothing of the refiners is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pxr import UsdGeom, UsdShade


def triangles(mesh: UsdGeom.Mesh, name: str) -> tuple[NDArray, NDArray]:
    """(t, 3, 3) positions and (t, 3, 2) UVs; quads are cut along their first diagonal."""
    counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
    index = np.array(mesh.GetFaceVertexIndicesAttr().Get())
    first = np.cumsum(counts) - counts
    corner = np.concatenate(
        [np.stack([s, s + k, s + k + 1], 1) for k in (1, 2) if len(s := first[counts > k + 1])]
    )  # fmt: skip
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar(name)
    values = np.array(primvar.ComputeFlattened(), float)
    uv = values[corner] if primvar.GetInterpolation() == "faceVarying" else values[index[corner]]
    return np.array(mesh.GetPointsAttr().Get(), float)[index[corner]], uv


def looked_up(mesh: UsdGeom.Mesh, name: str, count: int = 4000) -> tuple[NDArray, NDArray]:
    """(k, 3) random places on a mesh, the same each time, and (k, 3) what the input is there; raw, or linear."""
    material = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()[0]
    shader = material.ComputeSurfaceSource()[0]
    source = shader.GetInput(name).GetConnectedSources()[0][0]
    texture = UsdShade.Shader(source.source.GetPrim())
    reader = UsdShade.Shader(texture.GetInput("st").GetConnectedSources()[0][0].source.GetPrim())
    points, uv = triangles(mesh, reader.GetInput("varname").Get())
    area = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1)
    random = np.random.default_rng(3)
    # places in space are drawn by the area, so triangles may be cut and ordered anyhow as long as they stay in order
    triangle = random.choice(len(points), count, p=area / area.sum())
    weight = random.dirichlet((1, 1, 1), count)
    place = np.einsum("ki,kic->kc", weight, uv[triangle])
    file = texture.GetInput("file").Get().resolvedPath
    colour = texture.GetInput("sourceColorSpace").Get() == "sRGB"
    value = bilinear(np.asarray(Image.open(file).convert("RGBA")) / 255.0, place)
    if colour:
        tone = value[:, :3]
        value[:, :3] = np.where(tone <= 0.04045, tone / 12.92, ((tone + 0.055) / 1.055) ** 2.4)
    for key, start in (("scale", 1.0), ("bias", 0.0)):
        given = texture.GetInput(key)
        four = np.array(given.Get() if given and given.Get() is not None else [start] * 4)
        value = value * four if key == "scale" else value + four
    if source.sourceName != "rgb":
        value = value[:, "rgba".index(source.sourceName)][:, None]
    if name == "normal":
        value = _in_space(points[triangle], uv[triangle], value[:, :3])
    return np.einsum("ki,kic->kc", weight, points[triangle]), value[:, :3]


def bilinear(pixels: NDArray, uv: NDArray) -> NDArray:
    """Samples of a repeating picture, v upward."""
    height, width = pixels.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    s, t = (x - left)[:, None], (y - top)[:, None]
    a, b = pixels[top % height, left % width], pixels[top % height, (left + 1) % width]
    c, d = pixels[(top + 1) % height, left % width], pixels[(top + 1) % height, (left + 1) % width]
    return (a * (1 - s) + b * s) * (1 - t) + (c * (1 - s) + d * s) * t


def _in_space(points: NDArray, uv: NDArray, normal: NDArray) -> NDArray:
    """Tangent-space normals in the mesh's space, by each triangle's own frame."""
    one, two = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])[:, None]
    up = np.cross(one, two)
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    along = (one * v[:, 1:] - two * u[:, 1:]) / area
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(up, along) * np.sign(area)
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return unit[:, :1] * along + unit[:, 1:2] * across + unit[:, 2:] * up
