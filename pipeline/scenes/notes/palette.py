# SPDX-License-Identifier: Apache-2.0
"""Do its colours belong? Saturation and distance of each material against the project's palette.

Colour is compared as a person sees it: mean albedo per material over its faces; saturation as HSV of sRGB values,
distance as CIEDE2000 in CIE Lab under D65.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.notes.situation import Note, Situation
from pipeline.usd.colour import ciede2000, hex_of_srgb, saturation, to_lab, to_linear, to_srgb

if TYPE_CHECKING:
    from pipeline.usd.scene import Input, Mesh, Node, Texture

__all__ = ["FAR", "material_colours", "palette"]

FAR = 40.0  # CIEDE2000: beyond this no colour of the palette is anywhere near


def palette(situation: Situation) -> list[Note]:
    """Notes on materials that are too saturated, or far from every colour of the palette."""
    if not situation.max_saturation and not situation.palette:
        return []
    wanted = np.array(situation.palette, float).reshape(-1, 3)
    notes = []
    for path, linear in material_colours(situation).items():
        srgb = to_srgb(linear)
        value = float(saturation(srgb))
        if situation.max_saturation and value > situation.max_saturation + 1e-3:
            notes.append(
                Note(
                    kind="saturation",
                    prim=path,
                    message=f"more saturated than the scene's palette allows: {hex_of_srgb(srgb)}; "
                    f"desaturate to {situation.max_saturation / value:.0%}",
                    measured=f"{value:.2f} (HSV of sRGB)",
                    expected=f"at most {situation.max_saturation:.2f}",
                    correction={f"saturation:{path}": round(situation.max_saturation / value, 4)},
                )
            )
        if len(wanted):
            distance = float(ciede2000(to_lab(linear)[None], to_lab(wanted)).min())
            if distance > FAR:
                notes.append(
                    Note(
                        kind="palette",
                        prim=path,
                        message=f"{hex_of_srgb(srgb)} is far from every colour of the palette",
                        measured=f"dE00 {distance:.0f}",
                        expected=f"dE00 below {FAR:.0f}",
                    )
                )
    return notes


def material_colours(situation: Situation) -> dict[str, NDArray[np.float64]]:
    """Mean base colour (3,) linear Rec.709 of each material that the asset's faces wear, by prim path.

    A texture is read where the faces use it: at the middle of each triangle, weighted by its area.
    """
    from pipeline.usd.scene import read_scene

    scene = read_scene(situation.stage, root=str(situation.asset.GetPath()), clips=False)
    sums: dict[int, NDArray[np.float64]] = {}
    pictures: dict[str, NDArray[np.float64]] = {}
    for node in scene.nodes:
        if node.mesh is None:
            continue
        mesh = scene.meshes[node.mesh]
        areas = _areas(mesh)
        worn = _materials(node, mesh)
        for number in np.unique(worn[worn >= 0]):
            faces = np.flatnonzero(worn == number)
            colour = _colours(scene.materials[number].get("diffuseColor"), mesh, faces, pictures)
            weighted = np.append((colour * areas[faces, None]).sum(0), areas[faces].sum())
            sums[int(number)] = sums.get(int(number), np.zeros(4)) + weighted
    return {scene.materials[n].path: s[:3] / s[3] for n, s in sorted(sums.items()) if s[3] > 0}


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
    """Base colour (n, 3) of triangles."""
    texture = source.texture
    if texture is None or not texture.path or not mesh.uvs:
        return np.tile(np.array(source.value[:3], float), (len(faces), 1))
    if texture.path not in pictures:
        pictures[texture.path] = _pixels(texture)
    picture = pictures[texture.path]
    uvs = next((u for u in mesh.uvs if u.name == texture.uv_set), mesh.uvs[0])
    middle = uvs.flat(mesh)[mesh.triangles[faces]].mean(1) % 1.0
    height, width = picture.shape[:2]
    column = np.minimum((middle[:, 0] * width).astype(int), width - 1)
    row = np.minimum(((1.0 - middle[:, 1]) * height).astype(int), height - 1)
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
