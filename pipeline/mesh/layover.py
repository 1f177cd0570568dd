# SPDX-License-Identifier: Apache-2.0
"""A layout laid over a surface that has lost its seams: every triangle finds its island anew.

For collapses that keep the shape and not the islands. A triangle takes the island that most of it lies nearest to;
its corners take the values of the nearest places on that island, on the triangle's side where an island meets
itself at a cut. A triangle that comes out torn or mirrored goes on from the one original triangle in its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.carry import Blend
from pipeline.mesh.collapse import Collapsed
from pipeline.mesh.faces import areas, normals
from pipeline.mesh.nearest import Surface, closest_weights
from pipeline.mesh.seams import Split
from pipeline.mesh.shells import components

__all__ = ["lay_over"]

#: where a triangle is asked for its island: in the middle, and near each corner
_VOTES = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3], [6], [6], [6]])
_CANDIDATES = 12
#: cosine between normals beneath which a place belongs to another side
_ASIDE = 0.3


@dataclass(frozen=True, eq=False)
class _Places:
    """Places on original triangles, a row each."""

    face: NDArray
    weights: NDArray[np.float64]
    uv: NDArray[np.float64]


def lay_over(source: Split, found: Collapsed, uv: NDArray) -> tuple[Collapsed, Blend]:
    """Give each triangle of a collapsed mesh rows of its own island.

    Parameters
    ----------
    source
        The original.
    found
        Its vertices' values are not looked at, only `solid` and `places`.
    uv : (v, 2) float
        The layout at the vertices of `source`.
    """
    return _Layout(source, found, np.asarray(uv, np.float64)).result()


class _Layout:
    def __init__(self, source: Split, found: Collapsed, uv: NDArray) -> None:
        self.faces, self.points, self.uv = source.faces, source.points.astype(np.float64), uv
        self.solid, self.at = found.solid, found.places
        island, self.islands = components(np.concatenate([self.faces[:, :2], self.faces[:, 1:]]), len(self.points))
        self.label = island[self.faces[:, 0]]
        self.surface = Surface(self.points, self.faces, spread=4 * len(self.faces), label=self.label)
        laid = uv[self.faces]
        self.turn = _area(laid)
        self.metres = np.sqrt(areas(self.points, self.faces).sum() / max(float(np.abs(self.turn).sum()), 1e-30))
        self.size = float(np.linalg.norm(np.ptp(self.at, axis=0)))

    def result(self) -> tuple[Collapsed, Blend]:
        middle, label = self._islands()
        point, side, chosen = self._corners(label)
        rows, weights = self.faces[chosen.face], chosen.weights
        # which of the two sides of a cut a corner takes: the one whose layout lies nearer to the triangle's own
        pair = side.reshape(-1, 3)
        two = np.stack([chosen.uv[pair * 2], chosen.uv[pair * 2 + 1]], axis=2)
        row = pair * 2 + np.linalg.norm(two - middle.uv[:, None, None], axis=3).argmin(axis=2)
        torn = self._torn(chosen.uv[row], middle.face)
        # a torn triangle's corners lie in the plane of the original one in its middle, outside of it
        own = np.repeat(middle.face[torn], 3)
        corner = self.solid[torn].reshape(-1)
        beyond = _plane_weights(self.at[corner], *(self.points[self.faces[own, i]] for i in range(3)))
        row[torn] = len(rows) + np.arange(len(own)).reshape(-1, 3)
        mixture = Blend(np.concatenate([rows, self.faces[own]]), np.concatenate([weights, beyond]))
        point = np.concatenate([np.repeat(point, 2), corner])
        return Collapsed(row, mixture.strongest, point, self.at), mixture

    def _islands(self) -> tuple[_Places, NDArray]:
        """A place of its own for each triangle, and its island."""
        count = len(_VOTES)
        at = np.einsum("si,tij->tsj", _VOTES, self.at[self.solid]).reshape(-1, 3)
        face, weights, _ = self._near(at, None, np.repeat(normals(self.at, self.solid), count, axis=0))
        name = self.label[face].reshape(-1, count)
        # most votes; the middle decides between equals
        votes = (name[:, :, None] == name[:, None]).sum(axis=2) + np.eye(count)[0] / 2
        best = np.arange(len(name)) * count + votes.argmax(axis=1)
        uv = np.einsum("ki,kij->kj", weights[best], self.uv[self.faces[face[best]]])
        return _Places(face[best], weights[best], uv), self.label[face[best]]

    def _near(
        self, at: NDArray, label: NDArray | None, facing: NDArray | None
    ) -> tuple[NDArray, NDArray[np.float64], tuple[NDArray, ...]]:
        """The nearest place of each, and all candidates: faces, weights, distances."""
        faces = self.surface.candidates(at, _CANDIDATES, label)
        weights = np.zeros((*faces.shape, 3))
        distance = np.zeros(faces.shape)
        for column in range(faces.shape[1]):
            corner = self.points[self.faces[faces[:, column]]]
            weights[:, column] = closest_weights(at, corner[:, 0], corner[:, 1], corner[:, 2])
            distance[:, column] = np.linalg.norm(at - np.einsum("ki,kij->kj", weights[:, column], corner), axis=1)
        if facing is not None:
            across = np.einsum("kcj,kj->kc", normals(self.points, self.faces)[faces], facing)
            distance = np.where(across > _ASIDE, distance, 3 * distance + 1e-6 * self.size)
        if label is not None:
            distance = np.where(self.label[faces] == label[:, None], distance, np.inf)
        first = np.arange(len(at)), distance.argmin(axis=1)
        return faces[first], weights[first], (faces, weights, distance)

    def _corners(self, label: NDArray) -> tuple[NDArray, NDArray, _Places]:
        """For each pair of point and island two rows: the nearest place, and the one across a cut, or the same."""
        key = self.solid.astype(np.int64) * self.islands + label[:, None]
        pairs, side = np.unique(key.reshape(-1), return_inverse=True)
        point, name = pairs // self.islands, pairs % self.islands
        _, _, (faces, weights, distance) = self._near(self.at[point], name, None)
        uv = np.einsum("kci,kcij->kcj", weights, self.uv[self.faces[faces]])
        place = np.einsum("kci,kcij->kcj", weights, self.points[self.faces[faces]])
        every = np.arange(len(pairs))
        near = distance.argmin(axis=1)
        least = distance[every, near][:, None]
        jump = np.linalg.norm(uv - uv[every, near][:, None], axis=2) * self.metres
        reach = np.linalg.norm(place - place[every, near][:, None], axis=2)
        cut = (jump > 4 * reach + 1e-3 * self.size) & (distance < 1.5 * least + 2e-3 * self.size)
        across = np.where(cut, distance, np.inf).argmin(axis=1)
        across = np.where(cut.any(axis=1), across, near)
        rows = np.stack([every, every], 1).reshape(-1), np.stack([near, across], 1).reshape(-1)
        return point, side, _Places(faces[rows], weights[rows], uv[rows])

    def _torn(self, uv: NDArray, middle: NDArray) -> NDArray:
        """Triangles that came out mirrored, or far larger in the layout than on the surface."""
        area = _area(uv)
        mirrored = area * np.sign(self.turn[middle]) < 0
        side = np.linalg.norm(uv - np.roll(uv, 1, axis=1), axis=2) * self.metres
        corner = self.at[self.solid]
        length = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2)
        density = np.sqrt(np.abs(self.turn[middle]) / np.maximum(areas(self.points, self.faces)[middle], 1e-30))
        allowed = 4 * length * np.maximum(density * self.metres, 1)[:, None] + 1e-2 * self.size
        far = np.any(side > allowed, axis=1)
        return np.flatnonzero(mirrored | far)


def _area(uv: NDArray) -> NDArray[np.float64]:
    """(t,) twice the signed area of triangles, (t, 3, 2)."""
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _plane_weights(p: NDArray, a: NDArray, b: NDArray, c: NDArray) -> NDArray[np.float64]:
    """(k, 3) barycentric coordinates of points dropped onto the planes of triangles, inside or out."""
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)[:, None]
    v = np.einsum("ij,ij->i", np.cross(c - a, normal), p - a)
    w = np.einsum("ij,ij->i", np.cross(normal, b - a), p - a)
    return np.stack([1 - v - w, v, w], axis=1)
