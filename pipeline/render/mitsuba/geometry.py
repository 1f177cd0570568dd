# SPDX-License-Identifier: Apache-2.0
"""Shapes to Mitsuba's meshes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.render.coarseness import within_budget
from pipeline.render.drawing import Drawing, Shape
from pipeline.render.lamps import Array
from pipeline.render.mitsuba.materials import Materials
from pipeline.render.setting import Floor


def shapes(mi: Any, drawing: Drawing, materials: Materials, pixel: float) -> dict[str, Any]:
    """All shapes, named, for a scene dictionary; each is one mesh that holds all its places."""
    made: dict[str, Any] = {}
    kept, coarser = within_budget(drawing, pixel)
    if coarser:
        materials.notes.append(("", "instances", f"{coarser} shapes drawn coarser, below a pixel"))
    for i, shape in enumerate(kept):
        surface = drawing.surfaces[shape.surface]
        sets = {p.uv_set for p in surface.maps.values()}
        if len(sets) > 1:
            materials.notes.append((shape.path, "several UV sets on one surface", "the first one is drawn"))
        chosen = surface.maps.get("diffuseColor") or next(iter(surface.maps.values()), None)
        uv = None if chosen is None else chosen.uv_set
        bsdf = materials.bsdf(surface, shape.uvs, shape.colour is not None, shape.opacity is not None)
        emitter = materials.emission(surface, shape.uvs)
        made[f"shape{i}"] = mesh(mi, f"shape{i}", at_places(shape), uv, bsdf, emitter)
    return made


def at_places(shape: Shape) -> Shape:
    """A shape whose points are in the world, at every place where it stands."""
    places, count = len(shape.matrices), len(shape.points)
    linear, move = shape.matrices[:, :3, :3], shape.matrices[:, None, 3, :3]
    points = (np.einsum("vi,kij->kvj", shape.points, linear) + move).reshape(-1, 3)
    normals = shape.normals
    if normals is not None:
        turned = np.einsum("vi,kij->kvj", normals, np.linalg.pinv(linear).transpose(0, 2, 1)).reshape(-1, 3)
        normals = (turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-20)).astype(np.float32)
    order = np.where((np.linalg.det(linear) < 0)[:, None], [0, 2, 1], [0, 1, 2])
    faces = shape.triangles[:, order].transpose(1, 0, 2) + (np.arange(places) * count)[:, None, None]
    return replace(
        shape, points=points.astype(np.float32), normals=normals, triangles=faces.reshape(-1, 3).astype(np.int32),
        uvs={name: np.tile(uv, (places, 1)) for name, uv in shape.uvs.items()},
        colour=None if shape.colour is None else np.tile(shape.colour, (places, 1)),
        opacity=None if shape.opacity is None else np.tile(shape.opacity, (places, 1)),
        matrices=np.eye(4)[None],
    )  # fmt: skip


def mesh(
    mi: Any, name: str, shape: Shape, uv_set: str | None, bsdf: dict[str, Any], emitter: dict[str, Any] | None
) -> Any:
    """One mesh with the points as they are."""
    points, normals, triangles = shape.points, shape.normals, shape.triangles
    uv = None if uv_set is None else shape.uvs.get(uv_set, next(iter(shape.uvs.values()), None))
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    if emitter is not None:
        properties["emitter"] = mi.load_dict(emitter)
    if normals is None:
        properties["face_normals"] = True
    built = mi.Mesh(
        name, len(points), len(triangles), props=properties,
        has_vertex_normals=normals is not None, has_vertex_texcoords=uv is not None,
    )  # fmt: skip
    if shape.colour is not None:
        built.add_attribute("vertex_color", 3, np.clip(shape.colour, 0, 1).ravel().astype(np.float32))
    if shape.opacity is not None:
        built.add_attribute("vertex_opacity", 1, np.clip(shape.opacity, 0, 1).ravel().astype(np.float32))
    parameters = mi.traverse(built)
    parameters["vertex_positions"] = np.ascontiguousarray(points, np.float32).ravel()
    parameters["faces"] = np.ascontiguousarray(triangles, np.uint32).ravel()
    if normals is not None:
        parameters["vertex_normals"] = np.ascontiguousarray(normals, np.float32).ravel()
    if uv is not None:
        parameters["vertex_texcoords"] = np.ascontiguousarray(uv, np.float32).ravel()
    parameters.update()
    return built


def floor_mesh(mi: Any, floor: Floor, reflectance: Array | float) -> Any:
    """The floor: a disc of one colour, or of a picture ``(n, n, 3)`` whose rows are z and columns x."""
    angles = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    rim = np.stack([np.cos(angles), np.zeros(128), -np.sin(angles)], axis=1)
    unit = np.concatenate([np.zeros((1, 3)), rim])
    k = np.arange(128)
    triangles = np.stack([np.zeros(128, np.int64), k + 1, (k + 1) % 128 + 1], axis=1)
    uv = (unit[:, [0, 2]] + 1) / 2
    colour: Any = {"type": "rgb", "value": reflectance}
    if not isinstance(reflectance, float):
        bitmap = mi.Bitmap(np.ascontiguousarray(reflectance, np.float32))
        colour = {"type": "bitmap", "bitmap": bitmap, "raw": True, "wrap_mode": "clamp"}
    bsdf = {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": colour}}
    disc = Shape(
        path="floor", points=(unit * floor.outer + floor.centre).astype(np.float32), normals=None,
        triangles=triangles.astype(np.int32), uvs={"st": uv.astype(np.float32)}, colour=None, opacity=None, surface=-1,
        matrices=np.eye(4)[None], double_sided=True,
    )  # fmt: skip
    return mesh(mi, "floor", disc, "st", bsdf, None)
