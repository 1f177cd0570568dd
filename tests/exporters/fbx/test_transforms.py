# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from pipeline.exporters.fbx.keys import compose, keys_of
from pipeline.exporters.fbx.space import FileSpace
from pipeline.exporters.fbx.transforms import (
    continuous_euler,
    decompose,
    euler_degrees,
    matrix_quaternions,
    quaternion_matrices,
    split_shear,
)

angles = st.floats(-180, 180)
sizes = st.floats(0.01, 100).flatmap(lambda x: st.sampled_from([x, -x]))


def rows(euler: np.ndarray) -> np.ndarray:
    """Row-vector matrices of FBX's XYZ angles, by scipy (extrinsic xyz, column vectors)."""
    return np.swapaxes(Rotation.from_euler("xyz", euler, degrees=True).as_matrix(), -1, -2)


@given(angles, angles, angles)
def test_euler_angles_give_the_rotation_back(x: float, y: float, z: float) -> None:
    matrix = rows(np.array([x, y, z]))
    assert np.allclose(rows(euler_degrees(matrix)), matrix, atol=1e-9)


@given(st.sampled_from([90.0, -90.0]), angles, angles)
def test_gimbal_lock_keeps_the_rotation(y: float, x: float, z: float) -> None:
    matrix = rows(np.array([x, y, z]))
    assert np.allclose(rows(euler_degrees(matrix)), matrix, atol=1e-7)


@given(angles, angles, angles, sizes, sizes, sizes)
def test_decompose_is_the_way_back_of_a_product(x: float, y: float, z: float, a: float, b: float, c: float) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([a, b, c]) @ rows(np.array([x, y, z]))
    matrix[3, :3] = (1, 2, 3)
    t, r, s, sheared = decompose(matrix[None])
    assert not sheared[0]
    assert np.allclose(s[0][:, None] * r[0], matrix[:3, :3], rtol=1e-9, atol=1e-9)
    assert np.isclose(np.linalg.det(r[0]), 1)
    assert t[0].tolist() == [1, 2, 3]


def test_a_sheared_matrix_is_two_that_are_not() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = [[1, 0.5, 0], [0, 2, 0.3], [0.1, 0, -1]]
    matrix[3, :3] = (4, 5, 6)
    assert decompose(matrix[None])[3][0]
    inner, outer = split_shear(matrix)
    assert np.allclose(inner @ outer, matrix)
    assert not decompose(np.stack([inner, outer]))[3].any()


def test_a_scale_of_zero_leaves_a_rotation() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([2.0, 0.0, 3.0]) @ rows(np.array([10.0, 20.0, 30.0]))
    _, r, s, sheared = decompose(matrix[None])
    assert np.allclose(s[0][:, None] * r[0], matrix[:3, :3])
    assert np.isclose(np.linalg.det(r[0]), 1)
    assert not sheared[0]


def test_angles_run_on_past_half_a_turn() -> None:
    turn = np.stack([np.zeros(73), np.linspace(0, 720, 73), np.zeros(73)], axis=1)
    found = continuous_euler(euler_degrees(rows(turn)))
    assert np.abs(np.diff(found, axis=0)).max() < 20
    assert np.allclose(rows(found), rows(turn))


def test_straight_euler_angles_stay_on_the_shortest_turn() -> None:
    a, b = (
        Rotation.from_euler("xyz", [10, 80, 20], degrees=True),
        Rotation.from_euler("xyz", [-120, -60, 140], degrees=True),
    )
    matrices = np.tile(np.eye(4), (2, 1, 1))
    matrices[0, :3, :3], matrices[1, :3, :3] = a.as_matrix().T, b.as_matrix().T
    keys = keys_of(np.array([0.0, 1.0]), matrices)
    at = np.linspace(0, 1, 257)
    between = np.stack([np.interp(at, keys.times, keys.degrees[:, k]) for k in range(3)], axis=1)
    truth = Slerp([0, 1], Rotation.concatenate([a, b]))(at)
    error = (truth.inv() * Rotation.from_euler("xyz", between, degrees=True)).magnitude()
    assert len(keys.times) > 2
    assert error.max() < 1e-3  # a thousandth of the distance to the pivot


def test_quaternions_and_matrices_are_inverse() -> None:
    q = Rotation.random(500, rng=np.random.default_rng(1)).as_quat()
    found = matrix_quaternions(quaternion_matrices(q))
    assert np.allclose(np.abs((found * q).sum(1)), 1)
    ours = quaternion_matrices(q)
    assert np.allclose(ours, np.swapaxes(Rotation.from_quat(q).as_matrix(), 1, 2))


def test_file_space_moves_points_and_transforms_alike() -> None:
    space = FileSpace(100.0, "Z")
    rng = np.random.default_rng(3)
    matrix = compose(rng.normal(size=(1, 3)), Rotation.random(rng=rng).as_quat()[None], rng.uniform(0.5, 2, (1, 3)))[0]
    points = rng.normal(size=(10, 3))
    world = points @ matrix[:3, :3] + matrix[3, :3]
    m = space.matrices(matrix)
    assert np.allclose(space.points(points) @ m[:3, :3] + m[3, :3], space.points(world))
    assert space.points(np.array([[0.0, 1.0, 0.0]])).tolist() == [[0, 0, 100]]  # up is up
