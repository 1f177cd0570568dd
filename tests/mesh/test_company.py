# SPDX-License-Identifier: Apache-2.0
"""A mesh in company has the topology that it has alone."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from pipeline.mesh.company import Company, Member
from pipeline.mesh.topology import Topology

Mesh = tuple[NDArray, NDArray]


def meshes() -> list[Mesh]:
    """Sound and broken small meshes; of each fault at least one."""
    box = trimesh.creation.box()
    points, faces = np.asarray(box.vertices, np.float32), np.asarray(box.faces, np.int32)
    turned = faces.copy()
    turned[3] = turned[3][::-1]
    seam = points[faces.reshape(-1)]
    gap = seam + np.random.default_rng(1).uniform(-2e-7, 2e-7, seam.shape).astype(np.float32)
    made: list[Mesh] = [
        (points, faces),
        (points * 100, faces),  # the next one at the same places, of another size
        (points, faces[:-1]),  # a hole
        (points, faces[:, ::-1]),  # inside out
        (points, turned),  # one against the rest
        (points, np.concatenate([faces, faces[2:5]])),  # the same faces twice
        (points, np.concatenate([faces, [[0, 0, 1], [3, 3, 3]]])),  # without area
        (np.concatenate([points, [[0, 0, 0]]]).astype(np.float32), np.concatenate([faces, [[0, 1, 8]]])),  # a fin
        (seam, np.arange(len(seam), dtype=np.int32).reshape(-1, 3)),  # every corner a point of its own
        (gap, np.arange(len(gap), dtype=np.int32).reshape(-1, 3)),  # and rounding between them
        (np.concatenate([points, points + np.float32(1)]), np.concatenate([faces, faces + 8])),  # two that touch
        (np.zeros((4, 3), np.float32), np.array([[0, 1, 2], [1, 2, 3]], np.int32)),  # all in one place
        (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)),
        (points[:3], np.array([[0, 1, 2]], np.int32)),
        (points, np.zeros((0, 3), np.int32)),
    ]
    for seed in range(20):
        random = np.random.default_rng(seed)
        some = random.uniform(-1, 1, (12, 3)).astype(np.float32)
        made.append((some, random.integers(0, 12, (random.integers(1, 30), 3)).astype(np.int32)))
    ball = trimesh.creation.icosphere(1)
    made.append((np.asarray(ball.vertices, np.float32), np.asarray(ball.faces, np.int32)))
    return made


@pytest.fixture(scope="module")
def company() -> Company:
    found = meshes()
    return Company([p for p, _ in found], [f for _, f in found])


def edges_of(topology: Topology) -> list[tuple[int, ...]]:
    """For each edge its half-edges, in an order that does not depend on how they were sorted."""
    edges = topology.edges
    return sorted(tuple(edges.half[s : s + c].tolist()) for s, c in zip(edges.start, edges.count, strict=True))


@pytest.mark.parametrize("number", range(len(meshes())))
def test_what_a_member_says_is_what_it_says_alone(company: Company, number: int) -> None:
    points, faces = meshes()[number]
    alone, member = Topology(points, faces), company.members()[number]
    for name in (
        "points", "faces", "vertices", "welded", "degenerate", "duplicate", "live", "solid", "area", "turned",
        "split_vertices", "cross",
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(member, name), getattr(alone, name), err_msg=name)
    np.testing.assert_array_equal(member.weld.index, alone.weld.index)
    np.testing.assert_array_equal(member.weld.first, alone.weld.first)
    assert member.size == pytest.approx(alone.size)
    assert edges_of(member) == edges_of(alone)
    np.testing.assert_array_equal(np.sort(member.edge_lengths), np.sort(alone.edge_lengths))
    assert sorted(member.edges.open.tolist()) == sorted(alone.edges.open.tolist())
    assert member.shells.count == alone.shells.count
    for name in ("label", "faces", "closed"):
        np.testing.assert_array_equal(getattr(member.shells, name), getattr(alone.shells, name), err_msg=name)
    np.testing.assert_allclose(member.shells.area, alone.shells.area)
    np.testing.assert_allclose(member.shells.volume, alone.shells.volume, rtol=1e-5, atol=1e-12)
    assert member.loops.count == alone.loops.count
    np.testing.assert_allclose(np.sort(member.loops.length), np.sort(alone.loops.length))


@pytest.mark.parametrize("number", range(len(meshes())))
def test_whoever_has_a_fault_is_suspected(company: Company, number: int) -> None:
    points, faces = meshes()[number]
    alone, member = Topology(points, faces), company.members()[number]
    assert isinstance(member, Member)
    assert member.suspect("degenerate") == alone.degenerate.any()
    assert member.suspect("duplicate") == alone.duplicate.any()
    assert member.suspect("crowded") == (len(alone.edges.crowded) > 0)
    assert member.suspect("open") == (len(alone.edges.open) > 0)
    assert member.suspect("split") == (len(alone.split_vertices) > 0)
    inward = bool((alone.shells.closed & (alone.shells.volume < 0)).any())
    if alone.edges.conflicting.any() or inward:
        assert member.suspect("turned")


def test_a_sound_box_is_suspected_of_nothing(company: Company) -> None:
    member = company.members()[0]
    assert not any(member.suspect(k) for k in ("degenerate", "duplicate", "crowded", "open", "split", "turned"))


def test_equal_places_of_two_meshes_stay_apart() -> None:
    points, faces = meshes()[0]
    twice = Company([points, points], [faces, faces])
    assert twice.weld.count == 16
    assert twice.shells.count == 2
