# SPDX-License-Identifier: Apache-2.0
"""Parts in the world as blocks of one body: a large mesh by itself, small ones that keep company at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.subject import Part
from pipeline.mesh.company import Company
from pipeline.mesh.edges import Edges
from pipeline.mesh.once import once

__all__ = ["Alone", "Block", "Together", "blocks"]


class Block(Protocol):
    """Some parts, one after the other; everything counts from the block's first.

    Attributes
    ----------
    points : (n, 3) float32
        Vertices in the world, metres.
    faces : (m, 3) int32
        Live triangles, outward as wound in the world.
    part : (m,) int32
        The part each belongs to.
    local : (m,) int32
        Its number among the triangles of that part.
    shell : (m,) int32
        Number of the shell.
    closed : (s,) bool
        Whether a shell is closed.
    turned : (m,) bool
        Faces wound against the larger part of their shell.
    edges
        Edges of the faces, whichever way those are wound.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]
    part: NDArray[np.int32]
    local: NDArray[np.int32]

    @property
    def shell(self) -> NDArray[np.int32]: ...
    @property
    def closed(self) -> NDArray[np.bool_]: ...
    @property
    def turned(self) -> NDArray[np.bool_]: ...
    @property
    def edges(self) -> Edges: ...


class Alone:
    """One part."""

    def __init__(self, part: Part) -> None:
        self.topology = topology = part.shape.topology
        self.points = part.points[topology.weld.first]
        self.faces = topology.solid[:, ::-1] if part.mirrored else topology.solid
        self.part = np.full(len(self.faces), part.number, np.int32)
        self.local = topology.live

    @property
    def shell(self) -> NDArray[np.int32]:
        return self.topology.shells.label

    @property
    def closed(self) -> NDArray[np.bool_]:
        return self.topology.shells.closed

    @property
    def turned(self) -> NDArray[np.bool_]:
        return self.topology.turned

    @property
    def edges(self) -> Edges:
        return self.topology.edges


class Together:
    """Parts whose geometries keep the same company, gathered from its arrays, instances as often as they stand."""

    def __init__(self, company: Company, parts: Sequence[Part]) -> None:
        self.company = company
        self.which = np.array([p.shape.number for p in parts])
        vertex, owner = self._take(company.vertex_start)
        self.points = moved(company.vertices[vertex], parts, owner)
        face, of = self._take(company.live_start)
        shift = self._first(company.vertex_start) - company.vertex_start[self.which]
        faces = company.solid[face] + shift.astype(np.int32)[of, None]
        mirrored = np.array([p.mirrored for p in parts])[of]
        self.faces = np.where(mirrored[:, None], faces[:, ::-1], faces) if mirrored.any() else faces
        self.part = np.array([p.number for p in parts], np.int32)[of]
        self.local = company.live[face] - company.face_start[self.which].astype(np.int32)[of]
        self._plain = faces
        self._face = face, of

    def _take(self, start: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the chosen meshes in the company's arrays, and whose each is."""
        many = np.diff(start)[self.which]
        owner = np.repeat(np.arange(len(many)), many)
        row = np.arange(len(owner)) + (start[self.which] - (np.cumsum(many) - many))[owner]
        return row, owner

    def _first(self, start: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the rows of each chosen mesh begin in the block."""
        many = np.diff(start)[self.which]
        result: NDArray[np.int64] = np.cumsum(many) - many
        return result

    @once
    def shell(self) -> NDArray[np.int32]:
        start = self.company.shell_start
        shift = self._first(start) - start[self.which]
        face, of = self._face
        label: NDArray[np.int32] = self.company.shells.label[face] + shift.astype(np.int32)[of]
        return label

    @once
    def closed(self) -> NDArray[np.bool_]:
        return self.company.shells.closed[self._take(self.company.shell_start)[0]]

    @once
    def turned(self) -> NDArray[np.bool_]:
        return self.company.turned[self._face[0]]

    @once
    def edges(self) -> Edges:
        whole, live = self.company.edges, self.company.live_start
        shift = 3 * (self._first(live) - live[self.which])
        edge, of = self._take(self.company.edge_start)
        half, of_half = self._take(3 * live)
        return Edges(
            self._plain,
            (whole.half[half] + shift[of_half]).astype(np.int32),
            (whole.start[edge] + shift[of]).astype(np.int32),
            whole.count[edge],
        )


def blocks(parts: Sequence[Part]) -> Iterator[Block]:
    """All parts, in order, in as few blocks as their companies allow."""
    for companions, run in groupby(parts, key=lambda p: p.shape.company):
        if companions is None:
            for part in run:
                yield Alone(part)
        else:
            yield Together(companions.company, list(run))


def moved(points: NDArray[np.float32], parts: Sequence[Part], owner: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, 3) points in the world, each by the transform of its part."""
    if all(p.matrix is None for p in parts):
        return points
    matrices = np.stack([np.eye(4) if p.matrix is None else p.matrix for p in parts])[:, :, :3]
    result = matrices[owner, 3]
    for axis in range(3):
        result += points[:, axis, None].astype(np.float64) * matrices[owner, axis]
    world: NDArray[np.float32] = result.astype(np.float32)
    return world
