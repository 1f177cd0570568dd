# SPDX-License-Identifier: Apache-2.0
"""Rays against triangles, in batches, by Embree."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError

#: rays in one batch: bounds the memory of a call
BATCH = 1 << 17
#: rays in the first batch and in the smallest, and the seconds that a batch should stay below
_BEGIN, _LEAST, _BRIEF = 1 << 12, 1 << 8, 0.25
#: processor seconds after which rays that take longer than this each are given up; usual ones take some microseconds
PATIENCE, DEAR = 20.0, 2e-5


class Rays:
    """A bounding volume hierarchy over triangles, built once.

    Parameters
    ----------
    points : (n, 3) float
        Finite positions.
    faces : (m, 3) int

    Raises
    ------
    RefineError
        From any question, where the triangles lie so that each ray has to be tried against most of them (a disc of
        needles around one point, for instance): that would take hours.
    """

    def __init__(self, points: NDArray, faces: NDArray) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.points = np.ascontiguousarray(points, np.float32)
        self.faces = np.ascontiguousarray(faces, np.int32)
        self._spent, self._asked = 0.0, 0
        self._scene = EmbreeScene()
        if len(self.faces):
            self._mesh = TriangleMesh(self._scene, self.points, self.faces)

    def first(
        self, origins: NDArray, directions: NDArray, far: NDArray | float = np.inf
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The first triangle each ray meets.

        Parameters
        ----------
        origins, directions : (k, 3) float
            Directions need no unit length; distances count in their lengths.
        far : float or (k,) float
            How far rays reach.

        Returns
        -------
        face : (k,) int32
            -1 where nothing was met.
        distance : (k,) float32
            `far` where nothing was met.
        """
        count = len(origins)
        reach = np.broadcast_to(np.asarray(far, np.float32), (count,))
        face = np.full(count, -1, np.int32)
        distance = reach.copy()
        if not len(self.faces):
            return face, distance
        for part in self._batches(count):
            answer = self._scene.run(
                np.ascontiguousarray(origins[part], np.float32),
                np.ascontiguousarray(directions[part], np.float32),
                dists=np.minimum(reach[part], np.float32(1e30)).copy(),  # Embree writes into what it is given
                output=True,
            )
            face[part] = answer["primID"]
            hit = answer["primID"] >= 0
            distance[part][hit] = answer["tfar"][hit]
        return face, distance

    def meet(
        self, origins: NDArray, directions: NDArray, far: NDArray | float = np.inf
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """As `first`, and where in the triangle, and from which side.

        Returns
        -------
        face : (k,) int32, distance : (k,) float32
        u, v : (k,) float32
            Barycentric coordinates of the triangle's second and third corner.
        away : (k,) bool
            The triangle was met from behind.
        """
        count = len(origins)
        reach = np.broadcast_to(np.asarray(far, np.float32), (count,))
        face, distance, away = np.full(count, -1, np.int32), reach.copy(), np.zeros(count, bool)
        u, v = np.zeros(count, np.float32), np.zeros(count, np.float32)
        if not len(self.faces):
            return face, distance, u, v, away
        for part in self._batches(count):
            along = np.ascontiguousarray(directions[part], np.float32)
            answer = self._scene.run(
                np.ascontiguousarray(origins[part], np.float32), along,
                dists=np.minimum(reach[part], np.float32(1e30)).copy(), output=True,
            )  # fmt: skip
            face[part], distance[part], u[part], v[part] = (answer[k] for k in ("primID", "tfar", "u", "v"))
            # its normal points to whoever sees it counter-clockwise
            away[part] = np.einsum("ij,ij->i", answer["Ng"], along) > 0
        return face, distance, u, v, away

    def blocked(self, origins: NDArray, directions: NDArray, far: NDArray | float = np.inf) -> NDArray[np.bool_]:
        """(k,) whether anything lies on each ray; cheaper than `first`."""
        count = len(origins)
        reach = np.broadcast_to(np.asarray(far, np.float32), (count,))
        result = np.zeros(count, bool)
        if not len(self.faces):
            return result
        for part in self._batches(count):
            result[part] = (
                self._scene.run(
                    np.ascontiguousarray(origins[part], np.float32),
                    np.ascontiguousarray(directions[part], np.float32),
                    dists=np.minimum(reach[part], np.float32(1e30)).copy(),
                    query="OCCLUDED",
                )
                >= 0
            )
        return result

    def _batches(self, count: int) -> Iterator[slice]:
        """Slices of the rays, small ones while they are slow; the time is the thread's own, so load changes nothing."""
        start, step = 0, _BEGIN
        while start < count:
            begun = time.thread_time()
            yield slice(start, start + step)
            took = time.thread_time() - begun
            self._spent, self._asked = self._spent + took, self._asked + min(step, count - start)
            if self._spent > PATIENCE and self._spent > DEAR * self._asked:
                raise RefineError(
                    f"{len(self.faces):,} triangles lie so that every ray meets the boxes of most of them",
                    remedy="remesh or decimate what is made of needles around one point",
                )
            start += step
            step = min(2 * step, BATCH) if took < _BRIEF else max(step // 2, _LEAST)
