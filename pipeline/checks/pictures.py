# SPDX-License-Identifier: Apache-2.0
"""Pictures of an asset with findings painted on it, by rays: no renderer, no GPU."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.body import Body
from pipeline.checks.protocol import Marks
from pipeline.checks.threads import mapped
from pipeline.mesh.rays import Rays
from pipeline.mesh.views import View, look_through, window

#: pixels of a picture's side, and rays along a pixel's side
SIDE, FINE = 320, 2
#: views around the object, and the height they are taken from (degrees)
AROUND, ELEVATION = 12, 18.0
#: marked faces that are looked for behind others
MOST_MARKED = 200_000
COLOURS = {"error": (0.86, 0.20, 0.18), "warning": (0.95, 0.62, 0.10), "info": (0.20, 0.50, 0.85)}
_BACKGROUND = np.array([0.955, 0.957, 0.962])
_CLAY = np.array([0.70, 0.72, 0.75])
_INSIDE = np.array([0.42, 0.44, 0.50])


@dataclass(frozen=True)
class Shot:
    """One view with what is needed to paint on it.

    Attributes
    ----------
    view
        Faces at `FINE` rays along a pixel's side.
    shade : (h, w, 3) float64
        The picture without findings, 0-1, sRGB.
    """

    view: View
    shade: NDArray[np.float64]


class Stage:
    """Draws one body from around and paints marks on it."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._normals = _vertex_normals(body)
        self._marked: dict[int, tuple[NDArray[np.int64], Rays]] = {}
        self._lock = Lock()
        body.rays, body.cross  # noqa: B018  computed once, not waited for by every view
        self.shots = mapped(self._shoot, _turntable())

    def plain(self, number: int) -> bytes:
        """A view without findings, as PNG."""
        return png(_smaller(self.shots[number].shade))

    def painted(self, number: int, layers: Sequence[tuple[NDArray[np.int64], str]]) -> bytes:
        """A view with layers of faces painted in their severity's colour, as PNG; later layers lie on top.

        Faces behind others shine through.
        """
        shot = self.shots[number]
        picture = shot.shade.copy()
        for faces, severity in layers:
            visible, buried = self._masks(shot, faces)
            colour = np.array(COLOURS[severity])
            _blend(picture, buried & ~visible, colour, 0.38)
            _blend(picture, visible, colour, 0.78)
        return png(_smaller(picture))

    def best(self, faces: NDArray[np.int64]) -> int:
        """The view that shows most of some faces."""
        marked = np.zeros(len(self.body.faces), bool)
        marked[faces] = True
        seen = [int(marked[s.view.face[s.view.silhouette]].sum()) for s in self.shots]
        if max(seen) == 0:
            normal = self.body.cross[faces].sum(axis=0, dtype=np.float64)
            return int(np.argmax([-(s.view.direction @ normal) for s in self.shots]))
        return int(np.argmax(seen))

    def faces(self, marks: tuple[Marks, ...]) -> NDArray[np.int64]:
        """Faces of the body that marks name."""
        chosen = []
        for mark in marks:
            mine = self.body.faces_of(mark.part)
            local = self.body.local[mine]
            wanted = np.zeros(int(local.max(initial=-1)) + 1, bool)
            wanted[mark.faces[mark.faces < len(wanted)]] = True
            hit = wanted[local]
            if len(mark.points):
                part = self.body.part_of(mark.part)
                vertices = np.zeros(len(part.shape.points), bool)
                vertices[mark.points] = True
                hit |= vertices[part.shape.triangles[local]].any(axis=1)
            chosen.append(mine.start + np.flatnonzero(hit))
        return np.concatenate(chosen) if chosen else np.zeros(0, np.int64)

    def _shoot(self, direction: NDArray) -> Shot:
        plane = window(self.body.points, direction, SIDE * FINE, margin=0.06)
        view = look_through(self.body.rays, plane)
        return Shot(view, self._shaded(view))

    def _shaded(self, view: View) -> NDArray[np.float64]:
        """Clay under a sky and a key light from the upper left; the insides of surfaces are dark."""
        picture = np.broadcast_to(_BACKGROUND, (*view.face.shape, 3)).copy()
        seen = view.silhouette
        face = view.face[seen]
        if not len(face):
            return picture
        start = view.window.origins.reshape(*view.face.shape, 3)[seen]
        place = start.astype(np.float64) + view.depth[seen, None] * view.direction
        normal = self._smooth(face, place)
        away = np.einsum("ij,j->i", self.body.cross[face].astype(np.float64), view.direction) > 0
        normal[away] *= -1
        key = -view.direction * 0.7 + view.window.up * 0.65 - view.window.right * 0.45
        key /= np.linalg.norm(key)
        light = 0.38 + 0.22 * (normal[:, 1] * 0.5 + 0.5) + 0.48 * np.maximum(normal @ key, 0)
        base = np.where(away[:, None], _INSIDE, _CLAY)
        picture[seen] = base * light[:, None]
        picture[_creases(view)] *= 0.72
        return picture.clip(0, 1)

    def _smooth(self, face: NDArray, place: NDArray) -> NDArray[np.float64]:
        """(k, 3) normals between those of the corners, the face's own where corners differ much."""
        corners = self.body.faces[face]
        a, b, c = (self.body.points[corners[:, i]].astype(np.float64) for i in range(3))
        flat = self.body.cross[face].astype(np.float64)
        square = np.maximum(np.einsum("ij,ij->i", flat, flat), 1e-300)
        weights = [
            np.einsum("ij,ij->i", np.cross(q - p, place - p), flat) / square for p, q in ((b, c), (c, a), (a, b))
        ]
        normal = sum(w[:, None] * self._normals[corners[:, i]] for i, w in enumerate(weights))
        flat /= np.sqrt(square)[:, None]
        length = np.linalg.norm(normal, axis=1)
        normal = normal / np.maximum(length, 1e-12)[:, None]
        sharp = np.einsum("ij,ij->i", normal, flat) < 0.85
        normal[sharp] = flat[sharp]
        result: NDArray[np.float64] = normal
        return result

    def _masks(self, shot: Shot, faces: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Pixels where some faces are seen, and where they lie behind others; grown so that a speck is seen."""
        view = shot.view
        marked = np.zeros(len(self.body.faces), bool)
        marked[faces] = True
        visible = view.silhouette & marked[view.face]
        if not len(faces):
            return visible, visible
        behind = look_through(self._rays(faces), view.window).silhouette
        middle = self.body.points[self.body.faces[faces[:: len(faces) // 4000 + 1]]].mean(axis=1, dtype=np.float64)
        column, row = view.window.project(middle)
        behind[row, column] = True
        front = (middle @ view.direction - view.window.near) <= view.depth[row, column] + 3 * view.window.pixel
        visible[row[front], column[front]] = True
        # even a speck takes five pixels
        return _grown(visible, FINE * 2), _grown(behind, FINE)

    def _rays(self, faces: NDArray[np.int64]) -> Rays:
        """The marked faces alone; of very many, as many as tell where they are. Built once for all views."""
        with self._lock:
            kept = self._marked.get(id(faces))
            if kept is None or kept[0] is not faces:
                thinned = faces[:: len(faces) // MOST_MARKED + 1]
                kept = faces, Rays(self.body.points, self.body.faces[thinned])
                self._marked = {id(faces): kept, **dict(list(self._marked.items())[:2])}
            return kept[1]


def _turntable() -> list[NDArray[np.float64]]:
    """Directions of sight of a turn around the object, from slightly above, the front (+Z) first."""
    tilt = np.radians(ELEVATION)
    turn = np.arange(AROUND) * 2 * np.pi / AROUND
    flat = np.cos(tilt)
    return [-np.array([np.sin(a) * flat, np.sin(tilt), np.cos(a) * flat]) for a in turn]


def _vertex_normals(body: Body) -> NDArray[np.float64]:
    total = np.zeros((len(body.points), 3))
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(body.faces[:, corner], body.cross[:, axis], minlength=len(body.points))
    length = np.linalg.norm(total, axis=1)
    result: NDArray[np.float64] = total / np.maximum(length, 1e-300)[:, None]
    return result


def _creases(view: View) -> NDArray[np.bool_]:
    """Pixels at which depth jumps: the outline and the edges in front of something."""
    depth = np.where(view.silhouette, view.depth, np.float32(1e9))
    jump = 0.02 * view.window.pixel * view.window.side
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        step = np.abs(np.diff(depth, axis=axis)) > jump
        edge |= np.pad(step, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
    return edge & view.silhouette


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """The mask and what lies within `by` pixels of it, as an octagon."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask
    area = np.s_[max(rows[0] - by, 0) : rows[-1] + by + 1, max(columns[0] - by, 0) : columns[-1] + by + 1]
    result = mask.copy()
    cut = result[area]
    for step in range(by):
        before = cut.copy()
        for axis in (0, 1):
            ahead, behind = (np.s_[1:], np.s_[:-1]) if axis == 0 else (np.s_[:, 1:], np.s_[:, :-1])
            source = cut.copy() if step % 2 else before  # alternating: squares and diamonds make an octagon
            cut[ahead] |= source[behind]
            cut[behind] |= source[ahead]
    return result


def _blend(picture: NDArray, mask: NDArray[np.bool_], colour: NDArray, much: float) -> None:
    light = picture[mask].mean(axis=1, keepdims=True) / 0.7  # keeps the shading readable under the paint
    picture[mask] = picture[mask] * (1 - much) + (colour * light.clip(0.55, 1.15)).clip(0, 1) * much


def _smaller(picture: NDArray) -> NDArray[np.uint8]:
    side = picture.shape[0] // FINE
    mean = picture.reshape(side, FINE, side, FINE, 3).mean(axis=(1, 3))
    result: NDArray[np.uint8] = (mean * 255 + 0.5).astype(np.uint8)
    return result


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of (h, w, 3) sRGB pixels (ISO/IEC 15948, filter `sub`)."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = 1
    flat = pixels.reshape(height, -1)
    rows[:, 1:] = flat
    rows[:, 4:] -= flat[:, :-3]

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"sRGB", b"\0")
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 7))
        + chunk(b"IEND", b"")
    )
