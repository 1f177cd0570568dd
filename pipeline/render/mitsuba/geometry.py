# SPDX-License-Identifier: Apache-2.0
"""Shapes to Mitsuba's meshes, shape groups and instances."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.render.drawing import Drawing, Shape
from pipeline.render.lamps import Array
from pipeline.render.mitsuba.materials import Materials
from pipeline.render.setting import Floor


def shapes(mi: Any, drawing: Drawing, materials: Materials) -> dict[str, Any]:
    """All shapes, named, for a scene dictionary."""
    made: dict[str, Any] = {}
    for i, shape in enumerate(drawing.shapes):
        surface = drawing.surfaces[shape.surface]
        sets = {p.uv_set for p in surface.maps.values()}
        if len(sets) > 1:
            materials.notes.append((shape.path, "several UV sets on one surface", "the first one is drawn"))
        chosen = surface.maps.get("diffuseColor") or next(iter(surface.maps.values()), None)
        uv = None if chosen is None else shape.uvs.get(chosen.uv_set, next(iter(shape.uvs.values()), None))
        bsdf = materials.bsdf(surface, shape.uvs, shape.colour is not None, shape.opacity is not None)
        emitter = materials.emission(surface, shape.uvs)
        single = len(shape.matrices) == 1
        if emitter is not None and not single:
            materials.notes.append((shape.path, "emission of instances", "they glow but do not light others"))
            emitter = None
        built = mesh(mi, f"shape{i}", shape, uv, bsdf, emitter, shape.matrices[0] if single else None)
        if single:
            made[f"shape{i}"] = built
            continue
        made[f"group{i}"] = {"type": "shapegroup", "mesh": built}
        for k, matrix in enumerate(shape.matrices):
            made[f"place{i}_{k}"] = {
                "type": "instance",
                "to_world": mi.ScalarTransform4f(np.ascontiguousarray(matrix.T)),
                "group": {"type": "ref", "id": f"group{i}"},
            }
    return made


def mesh(
    mi: Any, name: str, shape: Shape, uv: Array | None, bsdf: dict[str, Any], emitter: dict[str, Any] | None,
    matrix: Array | None,
) -> Any:  # fmt: skip
    """One mesh; with a matrix its points are put in the world."""
    points, normals, triangles = shape.points, shape.normals, shape.triangles
    if matrix is not None:
        points = points @ matrix[:3, :3] + matrix[3, :3]
        if normals is not None:
            normals = normals @ np.linalg.pinv(matrix[:3, :3]).T
            normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        if np.linalg.det(matrix[:3, :3]) < 0:
            triangles = triangles[:, [0, 2, 1]]
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
        triangles=triangles.astype(np.int32), uvs={}, colour=None, opacity=None, surface=-1,
        matrices=np.eye(4)[None], double_sided=True,
    )  # fmt: skip
    return mesh(mi, "floor", disc, uv.astype(np.float32), bsdf, None, None)
