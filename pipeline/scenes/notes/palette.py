# SPDX-License-Identifier: Apache-2.0
"""Do its colours belong? Saturation and distance of each material against the project's palette.

Albedo is sampled where the faces of a material use it. Saturation is HSV of sRGB values, distance CIEDE2000 of the
mean in CIE Lab under D65.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.notes.situation import Note, Situation
from pipeline.usd.colour import (
    ciede2000,
    from_oklab,
    hex_of_srgb,
    saturation,
    to_lab,
    to_linear,
    to_oklab,
    to_srgb,
)

if TYPE_CHECKING:
    from pipeline.usd.scene import Input, Mesh, Node, Texture

__all__ = ["FAR", "PERCENTILE", "material_colours", "palette", "vividness"]

#: where a triangle is sampled, as shares of its corners
PLACES = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3], [6], [6], [6]])
#: a person judges a cloth by its strong stripes, not by the mean of all
PERCENTILE = 80
FAR = 40.0  # CIEDE2000: beyond this no colour of the palette is anywhere near


def palette(situation: Situation) -> list[Note]:
    """Notes on materials that are too saturated, or far from every colour of the palette."""
    if not situation.max_saturation and not situation.palette:
        return []
    wanted = np.array(situation.palette, float).reshape(-1, 3)
    notes = []
    for path, (colours, weights) in material_colours(situation).items():
        mean = (colours * weights[:, None]).sum(0) / weights.sum()
        vivid = vividness(colours, weights)
        if situation.max_saturation and vivid > situation.max_saturation + 1e-3:
            factor = _chroma_factor(colours, weights, situation.max_saturation)
            notes.append(
                Note(
                    kind="saturation",
                    prim=path,
                    message=f"more saturated than the scene's palette allows: scale its OKLab chroma by {factor:.2f}",
                    measured=f"{vivid:.2f} (HSV of sRGB, {PERCENTILE} % of the surface is below)",
                    expected=f"at most {situation.max_saturation:.2f}",
                    correction={f"saturation_{path.rpartition('/')[2]}": factor},
                )
            )
        if len(wanted):
            distance = float(ciede2000(to_lab(mean)[None], to_lab(wanted)).min())
            if distance > FAR:
                notes.append(
                    Note(
                        kind="palette",
                        prim=path,
                        message=f"{hex_of_srgb(to_srgb(mean))} is far from every colour of the palette",
                        measured=f"dE00 {distance:.0f}",
                        expected=f"dE00 below {FAR:.0f}",
                    )
                )
    return notes


def vividness(linear: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The HSV saturation (of sRGB values) that `PERCENTILE` % of the surface stays below."""
    values = saturation(to_srgb(linear))
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, PERCENTILE / 100)])


def _chroma_factor(linear: NDArray[np.float64], weights: NDArray[np.float64], limit: float) -> float:
    """The factor on OKLab chroma that brings the vividness to the limit, found by halving; rounded down."""
    lab = to_oklab(linear)
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        if vividness(from_oklab(lab * [1, middle, middle]), weights) > limit:
            high = middle
        else:
            low = middle
    return float(np.floor(low * 100) / 100)


def material_colours(situation: Situation) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Base colours (n, 3) linear Rec.709 and areas (n,) of each material that the asset's faces wear, by prim path.

    A texture is read where the faces use it: at four places of each triangle, weighted by its area.
    """
    from pipeline.usd.scene import read_scene

    scene = read_scene(situation.stage, root=str(situation.asset.GetPath()), clips=False)
    found: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    pictures: dict[str, NDArray[np.float64]] = {}
    for node in scene.nodes:
        if node.mesh is None:
            continue
        mesh = scene.meshes[node.mesh]
        areas = _areas(mesh)
        worn = _materials(node, mesh)
        for number in np.unique(worn[worn >= 0]):
            faces = np.flatnonzero(worn == number)
            colours = _colours(scene.materials[number].get("diffuseColor"), mesh, faces, pictures)
            found.setdefault(int(number), []).append((colours, np.tile(areas[faces] / len(PLACES), len(PLACES))))
    result = {}
    for number, parts in sorted(found.items()):
        weights = np.concatenate([w for _, w in parts])
        if weights.sum() > 0:
            result[scene.materials[number].path] = np.concatenate([c for c, _ in parts]), weights
    return result


def _areas(mesh: Mesh) -> NDArray[np.float64]:
    a, b, c = (mesh.points[mesh.triangle_vertices[:, i]].astype(np.float64) for i in range(3))
    area: NDArray[np.float64] = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return area


def _materials(node: Node, mesh: Mesh) -> NDArray[np.int64]:
    """The material number of each triangle, -1 for none."""
    numbers = np.array(node.materials or (-1,), np.int64)
    if mesh.face_slots is None:
        return np.full(len(mesh.triangles), numbers[0])
    slots: NDArray[np.int64] = numbers[mesh.face_slots[mesh.triangle_faces]]
    return slots


def _colours(
    source: Input, mesh: Mesh, faces: NDArray[np.int64], pictures: dict[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Base colours (places n, 3) of n triangles, place by place."""
    texture = source.texture
    if texture is None or not texture.path or not mesh.uvs:
        return np.tile(np.array(source.value[:3], float), (len(faces) * len(PLACES), 1))
    if texture.path not in pictures:
        pictures[texture.path] = _pixels(texture)
    picture = pictures[texture.path]
    uvs = next((u for u in mesh.uvs if u.name == texture.uv_set), mesh.uvs[0])
    corners = uvs.flat(mesh)[mesh.triangles[faces]]
    at = np.concatenate([(corners * share[None, :, None]).sum(1) for share in PLACES]) % 1.0
    height, width = picture.shape[:2]
    column = np.minimum((at[:, 0] * width).astype(int), width - 1)
    row = np.minimum(((1.0 - at[:, 1]) * height).astype(int), height - 1)
    colour: NDArray[np.float64] = picture[row, column] * np.array(texture.scale[:3]) + np.array(texture.bias[:3])
    return colour


def _pixels(texture: Texture) -> NDArray[np.float64]:
    """A texture in linear light, at most 256 pixels a side."""
    import tempfile
    from pathlib import Path

    import OpenImageIO as oiio

    from pipeline.usd.scene import read_texture

    suffix = Path(texture.asset.rstrip("]")).suffix or ".png"
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(read_texture(texture.path))
        file.flush()
        image = oiio.ImageBuf(file.name)
        spec = image.spec()
        largest = max(spec.width, spec.height)
        if largest > 256:
            roi = oiio.ROI(0, max(1, spec.width * 256 // largest), 0, max(1, spec.height * 256 // largest))
            image = oiio.ImageBufAlgo.resize(image, filtername="box", roi=roi)
        pixels = np.asarray(image.get_pixels(oiio.FLOAT), np.float64)
    if pixels.ndim != 3 or pixels.size == 0:
        return np.full((1, 1, 3), 0.18)
    colour = np.repeat(pixels[..., :1], 3, -1) if pixels.shape[-1] < 3 else pixels[..., :3]
    return colour if texture.color_space == "raw" else to_linear(colour)
