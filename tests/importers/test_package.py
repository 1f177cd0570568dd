# SPDX-License-Identifier: Apache-2.0
"""Laws of the conversion from a file's space to the package's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pxr import Gf

from pipeline.errors import ImportRefused
from pipeline.importers.package import geometry, sampling, xforms
from pipeline.importers.package.geometry import Space, turn_faces
from pipeline.importers.scene import Mesh, Node, Primvar, Scene, basis_of

MIRROR = np.diag([1.0, 1.0, -1.0])
SPACES = [Space(basis_of(up), metres) for up in "XYZ" for metres in (1.0, 0.01, 3.0)] + [Space(MIRROR, 0.5)]  # type: ignore[arg-type]
spaces = st.sampled_from(SPACES)
seeds = st.integers(0, 2**32 - 1)


def random_transform(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    q = rng.normal(size=4)
    return rng.normal(size=3), q / np.linalg.norm(q), rng.uniform(0.2, 3, 3)


@given(spaces, seeds)
def test_moving_then_converting_is_converting_then_moving(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(5, 3))
    m = xforms.compose(*random_transform(rng))
    there = space.points(points @ m[:3, :3] + m[3, :3])
    n = space.matrices(m)
    here = space.points(points) @ n[:3, :3] + n[3, :3]
    assert here == pytest.approx(there, abs=1e-9)


@given(spaces, seeds)
def test_parts_of_a_transform_convert_like_the_whole(space: Space, seed: int) -> None:
    t, q, s = random_transform(np.random.default_rng(seed))
    whole = space.matrices(xforms.compose(t, q, s))
    parts = xforms.compose(space.points(t[None])[0], space.quaternions(q[None])[0], space.scales(s[None])[0])
    assert parts == pytest.approx(whole, abs=1e-9)


@given(seeds)
def test_matrices_are_usds(seed: int) -> None:
    t, q, s = random_transform(np.random.default_rng(seed))
    turn = Gf.Matrix4d().SetRotate(Gf.Quatd(q[3], q[0], q[1], q[2]))
    truth = Gf.Matrix4d().SetScale(Gf.Vec3d(*s)) * turn * Gf.Matrix4d().SetTranslate(Gf.Vec3d(*t))
    assert xforms.compose(t, q, s) == pytest.approx(np.array(truth), abs=1e-9)
    back = sampling.decompose(np.array(truth)[None])
    assert xforms.compose(*(part[0] for part in back)) == pytest.approx(np.array(truth), abs=1e-9)


@given(seeds, st.floats(0, 1))
def test_quaternions_turn_on_the_shorter_arc_as_usds_do(seed: int, u: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = (random_transform(rng)[1] for _ in range(2))
    ours = sampling.slerp(np.array([u]), np.array([0.0, 1.0]), np.array([a, b]))[0]
    truth = Gf.Slerp(u, *(Gf.Quatd(q[3], q[0], q[1], q[2]) for q in (a, b)))
    expected = np.array([*truth.GetImaginary(), truth.GetReal()])
    assert min(np.abs(ours - expected).max(), np.abs(ours + expected).max()) < 1e-6


@given(seeds)
def test_faces_turned_twice_are_as_they_were(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(3, 7, 10)
    corners = int(counts.sum())
    indices = rng.integers(0, 20, corners)
    uv = Primvar(rng.random((corners, 2)), "faceVarying")
    mesh = Mesh("m", rng.random((20, 3)), counts, indices, uvs=[uv])
    once = turn_faces(mesh)
    start = 0
    for n in counts:  # first corner stays, the others run backwards; values go with their corners
        expected = [start, *range(start + n - 1, start, -1)]
        assert once.indices[start : start + n].tolist() == indices[expected].tolist()
        assert once.uvs[0].values[start : start + n].tolist() == uv.values[expected].tolist()
        start += n
    assert turn_faces(once).indices.tolist() == indices.tolist()


def test_a_left_handed_mesh_and_a_mirrored_space_cancel_out() -> None:
    from pxr import Sdf

    for mirrors, left, turned in ((False, False, False), (True, False, True), (False, True, True), (True, True, False)):
        mesh = Mesh("m", np.eye(3), np.array([3]), np.array([0, 1, 2]), left_handed=left)
        layer = Sdf.Layer.CreateAnonymous()
        geometry.write(layer, "/m", mesh, Space(MIRROR if mirrors else np.eye(3), 1.0))
        written = list(layer.GetAttributeAtPath("/m.faceVertexIndices").default)
        assert written == ([0, 2, 1] if turned else [0, 1, 2])


def test_nodes_in_a_circle_are_left_out_and_parents_come_first() -> None:
    nodes = [Node("child", parent=1), Node("top"), Node("a", parent=3), Node("b", parent=2)]
    assert list(xforms.parents_first(nodes)) == [1, 0]
    world = xforms.world_matrices(Scene(nodes=nodes[:2]), Space(np.eye(3), 1.0))
    assert world.shape == (2, 4, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": np.array([0, 1, 3])}, "name no point"),
        ({"indices": np.array([0, 1, -1])}, "name no point"),
        ({"counts": np.array([4])}, "do not add up"),
        ({"points": np.array([[0, 0, np.inf]] * 3)}, "not finite"),
        ({"uvs": [Primvar(np.zeros((2, 2)), "vertex", name="st")]}, "2 values of st, 3 are needed"),
        ({"uvs": [Primvar(np.zeros((2, 2)), "vertex", np.array([0, 1, 2]))]}, "name no value"),
        ({"face_material": np.array([0, 0])}, "one material for each face"),
    ],
)
def test_what_nobody_could_hold_is_refused(change: dict[str, object], message: str) -> None:
    mesh = Mesh("m", np.eye(3), np.array([3]), np.array([0, 1, 2]))
    geometry.check(mesh, "f")
    for name, value in change.items():
        setattr(mesh, name, value)
    with pytest.raises(ImportRefused, match=message):
        geometry.check(mesh, "f")
