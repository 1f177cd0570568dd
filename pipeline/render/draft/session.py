# SPDX-License-Identifier: Apache-2.0
"""One scene, many draft pictures: direct light with soft shadows, one bounce by colour, mirrored surroundings."""

from __future__ import annotations

import numpy as np

from pipeline.render.camera import Camera
from pipeline.render.draft.domes import Dome
from pipeline.render.draft.filtering import smoothed
from pipeline.render.draft.lighting import sample_lamp, seen_in_mirror
from pipeline.render.draft.looks import Look, Looks
from pipeline.render.draft.tracing import Hits, World
from pipeline.render.drawing import Drawing
from pipeline.render.lamps import Array
from pipeline.render.layers import centres
from pipeline.render.layers import raster as layers_of
from pipeline.render.mattes import mattes
from pipeline.render.setting import Frame, Setting
from pipeline.render.vectors import cross, dot, unit

#: rays of light a pixel: (around, to each lamp)
SAMPLES = {"draft": (4, 2), "review": (16, 4), "final": (48, 12)}
#: see-through layers that are followed
_LAYERS = 4
#: lamps that throw shadows, strongest first
_SHADOWED = 8


class DraftSession:
    """Draws one drawing in one setting; only the camera changes between pictures."""

    name = "draft"

    def __init__(self, drawing: Drawing, setting: Setting, quality: str = "draft", pixel: float = 0.0) -> None:
        self.drawing, self.setting = drawing, setting
        self.world = World(drawing, setting.floor, pixel)
        self.looks = Looks(drawing.surfaces, setting.floor)
        self.around, self.each = SAMPLES[quality]
        self.domes = [Dome(lamp) for lamp in setting.lamps if lamp.kind == "dome"]
        self.lamps = [lamp for lamp in setting.lamps if lamp.kind != "dome"]
        middle = drawing.bounds.mean(axis=0)[None].astype(np.float32)
        half = np.full((1, 2), 0.5)
        strength = [float(sample_lamp(lamp, middle, half)[2].sum()) for lamp in self.lamps]
        order = np.argsort(strength)[::-1]
        self.lamps = [self.lamps[i] for i in order]
        up = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
        glow = sum((d.irradiance(up).mean(0) for d in self.domes), np.zeros(3))
        #: what an unseen surface of albedo one sheds, for light that bounces once
        self.ambient = (glow / np.pi + sum(strength) / 3 * 0.08 / np.pi).astype(np.float32)
        self.notes: list[tuple[str, str, str]] = []
        if self.world.coarser:
            self.notes.append(("", "instances", f"{self.world.coarser} shapes drawn coarser, below a pixel"))

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture with depth, normals and ids, which cost nothing here; with `layers` mattes as well."""
        spots = centres(width, height)
        origins, directions = camera.rays(spots, width, height)
        first = self.world.hits(origins, directions)
        rng = np.random.default_rng(7)
        colour, normal = self._colour(origins, directions, first, rng, (height, width))
        named = layers_of(self.world, first, normal, camera, directions, (height, width))
        shape = np.where(first.found, 0, -2).reshape(height, width) + named["shape"]
        surface = named["surface"]
        picture = colour.reshape(height, width, 4)
        rows = _edges(shape, surface, named["normal"])
        if len(rows):
            offsets = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]])
            finer_spots = (spots[rows][:, None] + offsets).reshape(-1, 2)
            o, d = camera.rays(finer_spots, width, height)
            finer, _ = self._colour(o, d, self.world.hits(o, d), rng, None)
            # bright edges are averaged as they will be shown, or they stay jagged
            finer = np.concatenate([np.minimum(finer[:, :3], 1.5), finer[:, 3:]], axis=1)
            picture.reshape(-1, 4)[rows] = finer.reshape(len(rows), 4, 4).mean(axis=1)
        if layers:
            named |= mattes(self.world, self.drawing, camera, width, height)
        return Frame(picture.astype(np.float32), named)

    def close(self) -> None:
        """Nothing outside of Python is held."""

    def _colour(
        self, origins: Array, directions: Array, hits: Hits, rng: np.random.Generator, raster: tuple[int, int] | None
    ) -> tuple[Array, Array]:
        """Premultiplied colour and alpha ``(n, 4)`` and normals ``(n, 3)`` of rays whose first hit is known."""
        count = len(origins)
        seen = directions
        colour, through = np.zeros((count, 3), np.float32), np.ones(count, np.float32)
        normals = np.zeros((count, 3), np.float32)
        live = np.arange(count)
        for layer in range(_LAYERS):
            found = hits.found
            rows, live_d = live[found], directions[found]
            if not len(rows):
                break
            inner = Hits(
                np.ones(len(rows), bool), hits.triangle[found], hits.u[found], hits.v[found], hits.distance[found]
            )
            look = self.looks.at(self.world, inner, live_d)
            shade = self._shade(look, live_d, rng, rows, raster)
            if layer == 0:
                normals[rows] = look.normal
            weight = through[rows] * look.opacity
            colour[rows] += weight[:, None] * shade
            through[rows] *= 1 - look.opacity
            on = through[rows] > 0.01
            if not on.any() or layer == _LAYERS - 1:
                break
            live = rows[on]
            step = self.world.step * 2
            origins = look.point[on] + live_d[on] * step
            directions = live_d[on]
            hits = self.world.hits(origins, directions)
        colour = self._behind(colour, through, seen)
        return np.concatenate([colour, self._alpha(through)[:, None]], axis=1), normals

    def _alpha(self, through: Array) -> Array:
        opaque = self.setting.backdrop is not None or (self.setting.show_dome and bool(self.domes))
        return np.asarray(np.ones_like(through) if opaque else 1 - through)

    def _behind(self, colour: Array, through: Array, directions: Array) -> Array:
        """With the backdrop or the domes behind."""
        if self.setting.backdrop is not None:
            return np.asarray(colour + through[:, None] * np.asarray(self.setting.backdrop, np.float32))
        if self.setting.show_dome:
            open_sky = np.flatnonzero(through > 0.003)
            for dome in self.domes:
                colour[open_sky] += through[open_sky, None] * dome.seen(directions[open_sky])
        return colour

    def _shade(
        self, look: Look, view: Array, rng: np.random.Generator, rows: Array, raster: tuple[int, int] | None
    ) -> Array:
        """Radiance towards the viewer ``(n, 3)``."""
        start = look.point + look.face * self.world.step
        shed, shine = self._direct(look, view, start, rng)
        shed += self._around(look, start, rng)
        if raster is not None:
            shed = smoothed(shed, rows, raster, look.point, look.normal)
        mirrored = self._mirrored(look, view, start)
        beneath = 1 - _coat(look.clearcoat, np.clip(-dot(look.normal, view), 1e-3, 1))[:, None]
        return np.asarray(
            look.diffuse * beneath * shed / np.float32(np.pi) + shine * beneath + mirrored + look.emission
        )

    def _direct(self, look: Look, view: Array, start: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        count = len(start)
        shed, shine = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
        for number, lamp in enumerate(self.lamps):
            samples = self.each if number < _SHADOWED else 1
            shift = rng.random((count, 2), np.float32)
            for i in range(samples):
                towards, distance, weight = sample_lamp(lamp, start, _wrapped(shift + _R2 * np.float32(i)))
                facing = dot(look.normal, towards)
                lit = (facing > 0) & (dot(look.face, towards) > 0) & (weight[:, 1] > 1e-7)
                if not lit.any():
                    continue
                arrives = np.zeros(count, np.float32)
                free = self.world.free(start[lit], towards[lit], distance[lit]) if number < _SHADOWED else 1.0
                arrives[lit] = facing[lit] * free / samples
                light = weight * arrives[:, None]
                shed += light
                if lamp.kind in {"distant", "cylinder"}:
                    shine += light * _ggx(look, view, towards)
        return shed, shine

    def _around(self, look: Look, start: Array, rng: np.random.Generator) -> Array:
        """Irradiance from domes and from one bounce, by rays over the hemisphere."""
        count = len(start)
        shed = np.zeros((count, 3), np.float32)
        tangent = np.where(np.abs(look.normal[:, 1:2]) > 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
        u = unit(cross(look.normal, np.asarray(tangent, np.float32)))
        v = cross(look.normal, u)
        shift = rng.random((count, 2), np.float32)
        bright = [d for d in self.domes if not d.constant]
        for i in range(self.around):
            a, b = _wrapped(shift + _R2 * np.float32(i)).T
            r, phi = np.sqrt(a)[:, None], (np.float32(2 * np.pi) * b)[:, None]
            towards = r * np.cos(phi) * u + r * np.sin(phi) * v + np.sqrt(1 - a)[:, None] * look.normal
            towards = towards.astype(np.float32)
            hit = self.world.hits(start, towards, solid=True)
            cosine = np.maximum(dot(towards, look.normal), 1e-6)
            own = cosine / np.float32(np.pi)
            for dome in self.domes:
                radiance = dome.reflected(towards, np.full(count, 0.3))
                share = np.ones(count, np.float32) if dome.constant else own / (own + dome.density(towards))
                shed += (radiance * (np.float32(np.pi) * share * ~hit.found)[:, None]) / self.around
            albedo = self.looks.albedo[self.world.surface[hit.triangle]]
            shed += albedo * self.ambient * (np.float32(np.pi) * hit.found)[:, None] / self.around
            for dome in bright:
                direction, radiance, density = dome.sample(_wrapped(shift + _R2 * np.float32(i + 0.5)))
                facing = dot(look.normal, direction)
                lit = (facing > 0) & (dot(look.face, direction) > 0)
                free = np.zeros(count, np.float32)
                free[lit] = self.world.free(start[lit], direction[lit])
                weight = facing * free / (density + facing / np.float32(np.pi))
                shed += radiance * weight[:, None] / self.around
        return shed * look.occlusion[:, None]

    def _mirrored(self, look: Look, view: Array, start: Array) -> Array:
        out = np.zeros((len(start), 3), np.float32)
        shiny = np.flatnonzero((look.specular.max(1) > 1e-4) | (look.clearcoat > 1e-3))
        if not len(shiny):
            return out
        normal, away = look.normal[shiny], view[shiny]
        facing = np.clip(-dot(normal, away), 1e-3, 1)
        reflected = away + 2 * facing[:, None] * normal
        hit = self.world.hits(start[shiny], reflected, solid=True)
        coat = _coat(look.clearcoat[shiny], facing)
        for roughness, weight in (
            (
                look.roughness[shiny],
                _fresnel(look.specular[shiny], look.roughness[shiny], facing) * (1 - coat)[:, None],
            ),
            (look.clearcoat_roughness[shiny], np.repeat(coat[:, None], 3, axis=1)),
        ):
            used = np.flatnonzero(weight.max(1) > 1e-4)
            if not len(used):
                continue
            light = np.zeros((len(used), 3), np.float32)
            for dome in self.domes:
                light += dome.reflected(reflected[used], roughness[used])
            for lamp in self.lamps[:_SHADOWED]:
                light += seen_in_mirror(lamp, start[shiny][used], reflected[used], roughness[used] ** 2 * 1.6)
            # a rough mirror sees past what a sharp one finds
            hidden = hit.found[used] * np.clip(1.15 - roughness[used] * 0.6, 0, 1)
            other = self.looks.albedo[self.world.surface[hit.triangle[used]]] * self.ambient
            light = light * (1 - hidden)[:, None] + other * hidden[:, None]
            out[shiny[used]] += weight[used] * light * look.occlusion[shiny[used], None]
        return out


_R2 = np.array([0.7548776662466927, 0.5698402909980532], np.float32)


def _wrapped(numbers: Array) -> Array:
    return np.asarray(numbers - np.floor(numbers))


def _fresnel(specular: Array, roughness: Array, facing: Array) -> Array:
    """Reflectance of a rough mirror over all directions (Karis, "Physically Based Shading on Mobile", 2014)."""
    c0 = np.array([-1, -0.0275, -0.572, 0.022])
    c1 = np.array([1, 0.0425, 1.04, -0.04])
    r = roughness[:, None] * c0 + c1
    a004 = np.minimum(r[:, 0] ** 2, np.exp2(-9.28 * facing)) * r[:, 0] + r[:, 1]
    scale, bias = -1.04 * a004 + r[:, 2], 1.04 * a004 + r[:, 3]
    return np.asarray(np.clip(specular * scale[:, None] + bias[:, None] * (specular > 0), 0, 1), np.float32)


def _coat(weight: Array, facing: Array) -> Array:
    """What a clearcoat of ior 1.5 reflects (Schlick)."""
    return np.asarray(weight * (0.04 + 0.96 * (1 - facing) ** 5), np.float32)


def _ggx(look: Look, view: Array, towards: Array) -> Array:
    """GGX reflectance for light from one direction (Walter et al. 2007), roughness not below a visible spot."""
    half = unit(towards - view)
    alpha2 = np.maximum(look.roughness, 0.12) ** 4
    nh = np.clip(dot(look.normal, half), 0, 1)
    nv = np.clip(-dot(look.normal, view), 1e-3, 1)
    nl = np.clip(dot(look.normal, towards), 1e-3, 1)
    lobe = alpha2 / (np.pi * (nh**2 * (alpha2 - 1) + 1) ** 2)
    shadow = nl * np.sqrt(nv**2 * (1 - alpha2) + alpha2) + nv * np.sqrt(nl**2 * (1 - alpha2) + alpha2)
    vh = np.clip(dot(towards, half), 0, 1)[:, None]
    reflectance = look.specular + (1 - look.specular) * (1 - vh) ** 5 * (look.specular.max(1, keepdims=True) > 0)
    return np.asarray(reflectance * (lobe * 0.5 / np.maximum(shadow, 1e-6))[:, None], np.float32)


def _edges(shape: Array, surface: Array, normal: Array) -> Array:
    """Numbers of the pixels where something else begins beside them."""
    edge = np.zeros(shape.shape, bool)
    for axis in (0, 1):
        a = tuple(slice(None, -1) if i == axis else slice(None) for i in (0, 1))
        b = tuple(slice(1, None) if i == axis else slice(None) for i in (0, 1))
        differs = (shape[a] != shape[b]) | (surface[a] != surface[b]) | ((normal[a] * normal[b]).sum(-1) < 0.85)
        nothing = (shape[a] == -3) & (shape[b] == -3)
        edge[a] |= differs & ~nothing
        edge[b] |= differs & ~nothing
    return np.flatnonzero(edge.ravel())
