# SPDX-License-Identifier: Apache-2.0
"""One scene inside of Mitsuba, many pictures: only the sensor changes."""

from __future__ import annotations

import math
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from pipeline.errors import RenderError
from pipeline.render.camera import Camera
from pipeline.render.draft.tracing import World
from pipeline.render.drawing import Drawing
from pipeline.render.lamps import Array
from pipeline.render.layers import traced_layers
from pipeline.render.mitsuba.backdrop import Backdrop
from pipeline.render.mitsuba.emitters import emitters
from pipeline.render.mitsuba.geometry import floor_mesh, shapes
from pipeline.render.mitsuba.materials import Materials
from pipeline.render.mitsuba.variant import usable
from pipeline.render.setting import Floor, Frame, Setting

#: samples a pixel with and without denoiser
SAMPLES = {"draft": (4, 16), "review": (8, 64), "final": (48, 256)}
#: samples of albedo and normals, which have little noise
_GUIDES = 16
_DEPTH = {"draft": 4, "review": 6, "final": 10}


class MitsubaSession:
    """Draws one drawing in one setting."""

    def __init__(self, drawing: Drawing, setting: Setting, quality: str = "review", pixel: float = 0.0) -> None:
        variant = usable()
        import mitsuba as mi

        mi.set_variant(variant)
        mi.set_log_level(mi.LogLevel.Error)
        self.mi = mi
        self._render: Any = mi.render
        self.drawing, self.setting, self.pixel = drawing, setting, pixel
        self.denoises = find_spec("mitsuba_oidn") is not None
        self.name = f"mitsuba {variant}{' + OIDN' if self.denoises else ''}"
        self.samples = SAMPLES[quality][0 if self.denoises else 1]
        self.notes: list[tuple[str, str, str]] = []
        materials = Materials(mi)
        parts: dict[str, Any] = {"type": "scene"}
        try:
            parts |= shapes(mi, drawing, materials, pixel)
            lights = emitters(mi, setting.lamps, drawing.bounds, self.notes)
            parts |= lights
            if setting.floor is not None and setting.backdrop is not None:
                parts["floor"] = floor_mesh(mi, setting.floor, seamless(mi, setting.floor, setting.backdrop, lights))
            self.scene = mi.load_dict(parts)
            # with Russian roulette early, which changes no mean; bounces that carry little cost most
            path = {"type": "path", "max_depth": _DEPTH[quality], "rr_depth": 3, "hide_emitters": not setting.show_dome}
            self.integrator = mi.load_dict(path)
            # pictures of their own: inside of the path tracer's they cost more than its light
            self.guides = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal"})
        except RuntimeError as error:
            raise RenderError(
                f"Mitsuba cannot load the scene: {_last_line(error)}", remedy="use --renderer draft"
            ) from error
        self.notes += materials.notes

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture; with `layers` depth, normals and ids as well."""
        sensor = self.mi.load_dict(sensor_of(self.mi, camera, width, height))
        pixels = self._seen(self.integrator, sensor, self.samples)
        colour, alpha = pixels[..., :3], np.clip(pixels[..., 3:4], 0, 1)
        if self.setting.backdrop is not None:
            colour = colour + (1 - alpha) * np.asarray(self.setting.backdrop, np.float32)
            alpha = np.ones_like(alpha)
            colour = self._backdrop.mended(colour, camera)
        if self.denoises:
            guides = self._seen(self.guides, sensor, min(self.samples, _GUIDES))
            colour, alpha = self._denoised(colour, alpha, guides[..., -6:-3], guides[..., -3:])
        frame = np.concatenate([colour, alpha], axis=2)
        return Frame(frame, traced_layers(self._world, self.drawing, camera, width, height) if layers else {})

    def _seen(self, integrator: Any, sensor: Any, samples: int) -> Array:
        try:
            pixels = np.array(self._render(self.scene, sensor=sensor, integrator=integrator, spp=samples, seed=1))
        except RuntimeError as error:
            raise RenderError(f"Mitsuba failed: {_last_line(error)}", remedy="use --renderer draft") from error
        return np.nan_to_num(pixels.astype(np.float32), nan=0, posinf=0, neginf=0)

    def close(self) -> None:
        """Nothing outside of Python is held."""

    def _denoised(self, colour: Array, alpha: Array, albedo: Array, normal: Array) -> tuple[Array, Array]:
        mitsuba_oidn = import_module("mitsuba_oidn")

        albedo, normal = (np.ascontiguousarray(a) for a in (np.clip(albedo, 0, 1), normal))
        clean = mitsuba_oidn.denoise(np.ascontiguousarray(colour), albedo, normal, hdr=True)
        return np.asarray(clean), alpha

    @cached_property
    def _backdrop(self) -> Backdrop:
        return Backdrop(self.drawing, self.setting, self.pixel)

    @cached_property
    def _world(self) -> World:
        return World(self.drawing, self.setting.floor, self.pixel)


def seamless(mi: Any, floor: Floor, backdrop: Array, lights: dict[str, Any], cells: int = 64) -> Array:
    """The reflectance ``(n, n, 3)`` that gives the empty floor the colour of the backdrop.

    Measured by drawing the floor alone: lamps stand in the way of other lamps, which no formula here knows.
    """
    grey = 0.5
    integrator = {"type": "path", "max_depth": 2, "hide_emitters": True}
    parts = {"type": "scene", "integrator": integrator, "floor": floor_mesh(mi, floor, grey), **lights}
    scene = mi.load_dict(parts)
    matrix = np.eye(4)
    # from above: columns of the picture go with x, rows with z
    matrix[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    matrix[3, :3] = floor.centre + np.array([0, floor.outer * 0.02, 0])
    reach = floor.outer
    above = Camera(matrix, (-reach, reach, -reach, reach), True, near=floor.outer * 1e-3, far=floor.outer)
    sensor = mi.load_dict(sensor_of(mi, above, cells, cells))
    draw: Any = mi.render
    seen = np.array(draw(scene, sensor=sensor, spp=64, seed=3), np.float64)
    cover = np.maximum(gaussian_filter(seen[..., 3], 1.5), 1e-6)
    shown = np.stack([gaussian_filter(seen[..., k], 1.5) for k in range(3)], axis=2) / cover[..., None]
    return np.asarray(np.clip(grey * np.asarray(backdrop) / np.maximum(shown, 1e-9), 0, 0.95))


def sensor_of(mi: Any, camera: Camera, width: int, height: int) -> dict[str, Any]:
    """A camera as a dictionary: Mitsuba's looks along +z, USD's along -z, so it is turned half around y."""
    camera = camera.for_aspect(width / height)
    left, right, bottom, top = camera.window
    x, y, z = camera.axes
    scale = (right - left) / 2 if camera.orthographic else 1.0
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = -x * scale, y * scale, -z, camera.position
    film = {
        "type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgba", "component_format": "float32",
        # any wider filter ties neighbouring pixels' noise together, and the denoiser does nothing
        "rfilter": {"type": "box"},
    }  # fmt: skip
    made: dict[str, Any] = {
        "near_clip": camera.near,
        "far_clip": camera.far,
        "film": film,
        "sampler": {"type": "independent"},
    }
    shift = ((left + right) / 2 / (right - left), (bottom + top) / 2 / (top - bottom))
    if camera.orthographic:
        matrix[:3, 3] += x * (left + right) / 2 + y * (bottom + top) / 2
        made["type"] = "orthographic"
    else:
        made["type"] = "thinlens" if camera.lens_radius > 0 else "perspective"
        made["fov"] = math.degrees(2 * math.atan((right - left) / 2))
        made["fov_axis"] = "x"
        if camera.lens_radius > 0:
            made["aperture_radius"], made["focus_distance"] = camera.lens_radius, camera.focus
        elif any(abs(s) > 1e-9 for s in shift):
            made["principal_point_offset_x"], made["principal_point_offset_y"] = shift[0], shift[1]
    made["to_world"] = mi.ScalarTransform4f(matrix)
    return made


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
