# SPDX-License-Identifier: Apache-2.0
"""Pictures of an asset with findings painted on it, by rays: no renderer, no GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.body import Body
from pipeline.checks.png import png
from pipeline.checks.protocol import Marks
from pipeline.checks.threads import mapped
from pipeline.mesh.rays import Rays
from pipeline.mesh.views import View, Window, look_through, window

#: pixels of a picture's side, and rays along a pixel's side
SIDE, FINE = 320, 2
#: pixels along one ray that looks for what lies behind
COARSE = 2
#: views around the object, those of a large one, and the height they are taken from (degrees)
AROUND, FEWER, ELEVATION = 24, 12, 18.0
#: faces from which fewer views are drawn
LARGE = 400_000
#: marked faces that are looked for behind others
MOST_MARKED = 200_000
#: free border of a picture, as a share of its side
MARGIN = 0.05
_CLAY, _INSIDE = 0.72, 0.44


@dataclass(frozen=True)
class Shot:
    """One view with what is needed to paint on it.

    Attributes
    ----------
    view
        Faces at `FINE` rays along a pixel's side.
    coarse
        The same plane with fewer pixels.
    shade : (SIDE, SIDE, 2) uint8
        The picture without findings: grey (sRGB) and alpha.
    """

    view: View
    coarse: Window
    shade: NDArray[np.uint8]


class Stage:
    """Draws one body from around and paints marks on it."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._normals = _vertex_normals(body)
        self._marked: dict[int, tuple[NDArray[np.int64], Rays]] = {}
        self._lock = Lock()
        body.rays, body.cross  # noqa: B018  computed once, not waited for by every view
        self.shots = mapped(self._shoot, _planes(body.points, FEWER if len(body.faces) > LARGE else AROUND))

    def plain(self, number: int) -> bytes:
        """A view without findings on a clear ground, as PNG."""
        return png(self.shots[number].shade)

    def codes(self, number: int, faces: NDArray[np.int64], inside: bool = False) -> NDArray[np.uint8]:
        """(SIDE, SIDE) where some faces, or their insides, are in a view: 1 seen, 2 behind others, 0 not there."""
        shot = self.shots[number]
        visible, buried = self._masks(shot, faces, inside)
        result = np.where(buried, np.uint8(2), np.uint8(0))
        result[visible] = 1
        return result

    def best(self, faces: NDArray[np.int64], inside: bool = False) -> int:
        """The view that shows most of some faces, or of their insides."""
        seen = []
        for shot in self.shots:
            counted = self._marked_in(shot, faces, inside)
            seen.append(int(counted[shot.view.face[shot.view.silhouette]].sum()))
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

    def place(self, number: int, points: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of points in a view."""
        column, row = self.shots[number].view.window.project(points)
        return column // FINE, row // FINE

    def _shoot(self, plane: Window) -> Shot:
        view = look_through(self.body.rays, plane)
        fewer = FINE * COARSE
        coarse = replace(plane, side=plane.side // fewer, pixel=plane.pixel * fewer)
        return Shot(view, coarse, self._shaded(view))

    def _shaded(self, view: View) -> NDArray[np.uint8]:
        """Clay under a sky and a key light from the upper left; the insides of surfaces are dark."""
        picture = np.zeros(view.face.shape)
        seen = view.silhouette
        face = view.face[seen]
        if len(face):
            start = view.window.origins.reshape(*view.face.shape, 3)[seen]
            place = start.astype(np.float64) + view.depth[seen, None] * view.direction
            normal = self._smooth(face, place)
            away = np.einsum("ij,j->i", self.body.cross[face].astype(np.float64), view.direction) > 0
            normal[away] *= -1
            key = -view.direction * 0.7 + view.window.up * 0.65 - view.window.right * 0.45
            key /= np.linalg.norm(key)
            light = 0.38 + 0.22 * (normal[:, 1] * 0.5 + 0.5) + 0.48 * np.maximum(normal @ key, 0)
            picture[seen] = np.where(away, _INSIDE, _CLAY) * light
            picture[_creases(view)] *= 0.72
        shown = _fewer(np.stack([picture.clip(0, 1), seen], axis=2))
        shown[..., 0] /= np.maximum(shown[..., 1], 1e-9)  # an edge keeps its brightness and is half clear
        result: NDArray[np.uint8] = (shown.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        result[result[..., 1] == 0] = 0
        return result

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

    def _marked_in(self, shot: Shot, faces: NDArray[np.int64], inside: bool) -> NDArray[np.bool_]:
        """(m,) the faces of the body that are among some, and for insides turned away from the viewer."""
        marked = np.zeros(len(self.body.faces), bool)
        marked[faces] = True
        if inside:
            marked[faces] = self.body.cross[faces] @ shot.view.direction.astype(self.body.cross.dtype) > 0
        return marked

    def _masks(self, shot: Shot, faces: NDArray[np.int64], inside: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Pixels where some faces are seen, and where they lie behind others; grown so that a speck is seen."""
        view = shot.view
        empty = np.zeros((SIDE, SIDE), bool)
        if not len(faces):
            return empty, empty
        marked = self._marked_in(shot, faces, inside)
        visible = _fewer((view.silhouette & marked[view.face])[..., None])[..., 0] >= 0.5
        behind = np.kron(look_through(self._rays(faces), shot.coarse).silhouette, np.ones((COARSE, COARSE), bool))
        middle = self.body.points[self.body.faces[faces[:: len(faces) // 4000 + 1]]].mean(axis=1, dtype=np.float64)
        column, row = view.window.project(middle)
        behind[row // FINE, column // FINE] = True
        front = (middle @ view.direction - view.window.near) <= view.depth[row, column] + 3 * view.window.pixel
        if not inside:
            visible[row[front] // FINE, column[front] // FINE] = True
        # even a speck takes five pixels
        return grown(visible, 2), behind

    def _rays(self, faces: NDArray[np.int64]) -> Rays:
        """The marked faces alone; of very many, as many as tell where they are. Built once for all views."""
        with self._lock:
            kept = self._marked.get(id(faces))
            if kept is None or kept[0] is not faces:
                thinned = faces[:: len(faces) // MOST_MARKED + 1]
                kept = faces, Rays(self.body.points, self.body.faces[thinned])
                self._marked = {id(faces): kept, **dict(list(self._marked.items())[:2])}
            return kept[1]


def turntable(around: int) -> list[NDArray[np.float64]]:
    """Directions of sight of a turn around the object, from slightly above, the front (+Z) first."""
    tilt = np.radians(ELEVATION)
    turn = np.arange(around) * 2 * np.pi / around
    flat = np.cos(tilt)
    return [-np.array([np.sin(a) * flat, np.sin(tilt), np.cos(a) * flat]) for a in turn]


def _planes(points: NDArray, around: int) -> list[Window]:
    """Picture planes of a turn: all of one size around the middle of the object, so that it neither jumps nor grows."""
    middle = (points.min(axis=0).astype(np.float64) + points.max(axis=0)) / 2
    planes = [window(points, direction, SIDE * FINE) for direction in turntable(around)]
    half = 1e-12
    for plane in planes:
        for axis in (plane.right, plane.up):
            half = max(half, float(np.abs(points @ axis - middle @ axis).max()))
    extent = 2 * half / (1 - 2 * MARGIN)
    return [
        replace(p, left=middle @ p.right - extent / 2, top=middle @ p.up + extent / 2, pixel=extent / p.side)
        for p in planes
    ]


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


def grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
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


def _fewer(picture: NDArray) -> NDArray[np.float64]:
    """The mean of `FINE` by `FINE` samples of each pixel."""
    side, channels = picture.shape[0] // FINE, picture.shape[2]
    result: NDArray[np.float64] = picture.reshape(side, FINE, side, FINE, channels).mean(axis=(1, 3))
    return result
