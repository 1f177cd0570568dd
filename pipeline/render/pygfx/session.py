# SPDX-License-Identifier: Apache-2.0
"""One scene on the graphics driver, many pictures: drafts, and what an interactive viewport shows."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pygfx
import wgpu
from scipy.ndimage import gaussian_filter

from pipeline.errors import RenderError
from pipeline.render.camera import Camera
from pipeline.render.coarseness import within_budget
from pipeline.render.draft.tracing import World
from pipeline.render.drawing import Drawing, Shape
from pipeline.render.lamps import Array
from pipeline.render.layers import centres, traced_layers
from pipeline.render.mitsuba.backdrop import Backdrop
from pipeline.render.pygfx.lights import Surroundings, lights
from pipeline.render.pygfx.materials import Materials
from pipeline.render.pygfx.tangents import tangents, with_normals
from pipeline.render.pygfx.view import WindowCamera
from pipeline.render.setting import Floor, Frame, Setting
from pipeline.render.textures import Map

#: rendered pixels along the side of one that is kept
FINER = {"draft": 1, "review": 2, "final": 4}


class PygfxSession:
    """Draws one drawing in one setting.

    Attributes
    ----------
    scene
        The `pygfx.Scene`, which a viewport may show as it is.
    """

    def __init__(self, drawing: Drawing, setting: Setting, quality: str = "draft", pixel: float = 0.0) -> None:
        self.drawing, self.setting, self.pixel = drawing, setting, pixel
        self.finer = FINER[quality]
        self._held: tuple[tuple[int, int], Any] | None = None
        self.notes: list[tuple[str, str, str]] = []
        try:
            self.surroundings = Surroundings(setting.lamps)
            self.scene = self._scene()
        except (RuntimeError, wgpu.GPUError) as error:
            raise RenderError(f"the graphics driver failed: {error}", remedy="use --renderer draft") from error
        self.name = f"pygfx {pygfx.renderers.wgpu.get_shared().adapter.info['device']}".strip()
        flat = [lamp.path for lamp in setting.lamps if lamp.kind in {"rect", "disk", "cylinder"} and lamp.path]
        self.notes += [(path, "light with an extent", "drawn from a few places without one") for path in flat[:8]]

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture; with `layers` depth, normals, ids and mattes, which are traced."""
        try:
            seen = self._shot(self.scene, camera, width, height)
        except (RuntimeError, wgpu.GPUError) as error:
            raise RenderError(f"the graphics driver failed: {error}", remedy="use --renderer draft") from error
        colour, alpha = seen[..., :3], seen[..., 3:4]
        if self.setting.backdrop is not None:
            colour = colour + (1 - alpha) * np.asarray(self.setting.backdrop, np.float32)
            colour, alpha = self._backdrop.mended(colour, camera), np.ones_like(alpha)
        elif self.setting.show_dome and self.surroundings.domes:
            _, directions = camera.rays(centres(width, height), width, height)
            sky = self.surroundings.seen(directions).reshape(height, width, 3)
            colour, alpha = colour + (1 - alpha) * sky, np.ones_like(alpha)
        frame = np.concatenate([colour, alpha], axis=2).astype(np.float32)
        return Frame(frame, traced_layers(self._world, self.drawing, camera, width, height) if layers else {})

    def close(self) -> None:
        """The driver's memory goes with the scene."""

    def _scene(self) -> Any:
        scene = pygfx.Scene()
        materials = Materials(self.drawing.surfaces)
        shapes, coarser = within_budget(self.drawing, self.pixel)
        if coarser:
            self.notes.append(("", "instances", f"{coarser} shapes drawn coarser, below a pixel"))
        for shape in shapes:
            made = materials.material(shape.surface, shape.colour is not None, shape.normals is None)
            made.env_map = self.surroundings.environment
            bent = self.drawing.surfaces[shape.surface].maps.get("normal")
            scene.add(_mesh(shape, made, materials.coordinates(shape.surface), bent))
        self._light(scene)
        floor = self.setting.floor
        if floor is not None and self.setting.backdrop is not None:
            grey = np.full((2, 2, 3), 0.5, np.float32)
            shown = self._floor_from_above(floor, grey)
            white = np.clip(0.5 * np.asarray(self.setting.backdrop) / np.maximum(shown, 1e-6), 0, 1)
            scene.add(self._disc(floor, white))
        return scene

    def _light(self, scene: Any, shadows: bool = True) -> None:
        for light in lights(self.setting.lamps, self.drawing.bounds):
            light.cast_shadow = light.cast_shadow and shadows
            scene.add(light)
            if hasattr(light, "target") and light.target is not None:
                scene.add(light.target)
        if self.surroundings.ambient is not None:
            scene.add(self.surroundings.ambient)

    def _disc(self, floor: Floor, albedo: Array) -> Any:
        """The floor with a reflectance ``(n, n, 3)``, rows along z."""
        corners = np.array([[-1, 0, -1], [-1, 0, 1], [1, 0, 1], [1, 0, -1]], np.float32)
        points = corners * floor.outer + np.asarray(floor.centre, np.float32)
        pixels = np.ones((*albedo.shape[:2], 4), np.float16)
        pixels[..., :3] = albedo
        picture = pygfx.TextureMap(pygfx.Texture(pixels, dim=2, colorspace="physical"), wrap="clamp")
        geometry = pygfx.Geometry(
            positions=points, indices=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
            normals=np.tile(np.array([[0, 1, 0]], np.float32), (4, 1)), texcoords=(corners[:, [0, 2]] + 1) / 2,
        )  # fmt: skip
        made = pygfx.MeshPhysicalMaterial(color="#fff", map=picture, roughness=1.0, ior=1.0001)
        made.env_map = self.surroundings.environment
        mesh = pygfx.Mesh(geometry, made)
        mesh.receive_shadow = True
        return mesh

    def _floor_from_above(self, floor: Floor, albedo: Array, cells: int = 32) -> Array:
        """``(n, n, 3)`` what the empty floor looks like in these lights, so that it can be made even."""
        scene = pygfx.Scene()
        scene.add(self._disc(floor, albedo))
        # without anything that throws shadows their maps would stay empty, which reads as dark
        self._light(scene, shadows=False)
        matrix = np.eye(4)
        matrix[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
        matrix[3, :3] = floor.centre + np.array([0, floor.outer, 0])
        window = (-floor.outer, floor.outer, -floor.outer, floor.outer)
        above = Camera(matrix, window, True, near=floor.outer * 0.01, far=floor.outer * 4)
        seen = self._shot(scene, above, cells, cells)[..., :3]
        return np.stack([gaussian_filter(seen[..., k], 1.0, mode="nearest") for k in range(3)], axis=2)

    def _shot(self, scene: Any, camera: Camera, width: int, height: int) -> Array:
        """Premultiplied linear ``(h, w, 4)``, averaged from finer pixels."""
        n = self.finer
        renderer = self._renderer(width * n, height * n)
        renderer.render(scene, WindowCamera(camera), flush=False)
        seen = np.asarray(renderer.snapshot(), np.float32)
        if seen.shape[:2] != (height * n, width * n):
            raise RenderError("the graphics driver gave another size", remedy="use --renderer draft")
        # bright edges are averaged as they will be shown, or they stay jagged
        seen = np.concatenate([np.minimum(np.nan_to_num(seen[..., :3]), 8.0), seen[..., 3:]], axis=2)
        return np.asarray(seen.reshape(height, n, width, n, 4).mean((1, 3)))

    def _renderer(self, width: int, height: int) -> Any:
        if self._held is None or self._held[0] != (width, height):
            target = pygfx.Texture(dim=2, size=(width, height, 1), format="rgba8unorm")
            made = pygfx.renderers.WgpuRenderer(target, pixel_ratio=1, ppaa="ddaa", enable_events=False)
            # what is brighter than white must survive until the display transform
            made._blender._texture_info["color"]["format"] = "rgba16float"
            self._held = ((width, height), made)
        self._held[1].clear(all=True)
        return self._held[1]

    @cached_property
    def _backdrop(self) -> Backdrop:
        return Backdrop(self.drawing, self.setting, self.pixel)

    @cached_property
    def _world(self) -> World:
        return World(self.drawing, self.setting.floor, self.pixel)


def _mesh(shape: Shape, material: Any, coordinates: list[tuple[str, tuple[float, ...]]], bent: Map | None) -> Any:
    """A shape at its places; pygfx's pictures have their origin at the upper left."""
    mirrored = np.linalg.det(shape.matrices[:, :3, :3]) < 0
    if mirrored.any() and not mirrored.all():
        group = pygfx.Group()
        for part in (mirrored, ~mirrored):
            group.add(_mesh(replace(shape, matrices=shape.matrices[part]), material, coordinates, bent))
        return group
    extra: dict[str, Any] = {}
    if bent is not None:
        shape = with_normals(shape)
        uv = shape.uvs.get(bent.uv_set, next(iter(shape.uvs.values()), None))
        if uv is not None:
            extra["tangents"] = tangents(shape, bent.coordinates(uv))
    if shape.normals is not None:
        extra["normals"] = np.ascontiguousarray(shape.normals, np.float32)
    first = next(iter(shape.uvs.values()), np.zeros((len(shape.points), 2), np.float32))
    for channel, (name, flat) in enumerate(coordinates):
        affine = np.asarray(flat).reshape(3, 2)
        st = shape.uvs.get(name, first) @ affine[:2] + affine[2]
        called = f"texcoords{channel}" if channel else "texcoords"
        extra[called] = np.stack([st[:, 0], 1 - st[:, 1]], axis=1).astype(np.float32)
    if shape.colour is not None and str(material.color_mode).endswith("vertex"):
        # colours of vertices are taken as linear
        extra["colors"] = np.ascontiguousarray(shape.colour, np.float32)
    order = [0, 2, 1] if mirrored.all() else [0, 1, 2]
    geometry = pygfx.Geometry(
        positions=np.ascontiguousarray(shape.points, np.float32),
        indices=np.ascontiguousarray(shape.triangles[:, order], np.int32), **extra,
    )  # fmt: skip
    count = len(shape.matrices)
    if count == 1:
        mesh = pygfx.Mesh(geometry, material)
        mesh.local.matrix = shape.matrices[0].T
    else:
        mesh = pygfx.InstancedMesh(geometry, material, count)
        mesh.instance_buffer.data["matrix"] = shape.matrices.astype(np.float32)
        mesh.instance_buffer.update_full()
    mesh.cast_shadow = mesh.receive_shadow = True
    return mesh
