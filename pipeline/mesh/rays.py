# SPDX-License-Identifier: Apache-2.0
"""Rays against triangles, in batches, by Embree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: rays in one batch: bounds the memory of a call
BATCH = 1 << 17


class Rays:
    """A bounding volume hierarchy over triangles, built once.

    Parameters
    ----------
    points : (n, 3) float
        Finite positions.
    faces : (m, 3) int
    """

    def __init__(self, points: NDArray, faces: NDArray) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.points = np.ascontiguousarray(points, np.float32)
        self.faces = np.ascontiguousarray(faces, np.int32)
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
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
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
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
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
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
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
