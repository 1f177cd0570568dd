# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pxr import Gf

from pipeline.usd.scene.space import Space
from pipeline.usd.scene.xforms import compose, decompose, quaternions_of, rotations_of, slerp

unit = st.floats(-1, 1).filter(lambda v: abs(v) > 1e-3)
size = st.floats(0.05, 20)


@given(st.tuples(unit, unit, unit, unit), st.tuples(size, size, size), st.tuples(unit, unit, unit))
def test_taking_apart_undoes_putting_together(q: tuple, s: tuple, t: tuple) -> None:
    rotation = np.array(q) / np.linalg.norm(q)
    matrix = compose(t, rotation, s)
    translation, found, scale, shear = decompose(matrix)
    assert np.allclose(translation, t)
    assert np.allclose(scale, s)
    assert abs(abs(found @ rotation) - 1) < 1e-9
    assert shear < 1e-9


@given(st.tuples(unit, unit, unit, unit))
def test_rotations_are_those_of_usd(q: tuple) -> None:
    rotation = np.array(q) / np.linalg.norm(q)
    truth = Gf.Matrix4d().SetRotate(Gf.Quatd(float(rotation[3]), *(float(v) for v in rotation[:3])))
    assert np.allclose(np.array(truth)[:3, :3], rotations_of(rotation), atol=1e-12)
    assert abs(abs(quaternions_of(rotations_of(rotation)) @ rotation) - 1) < 1e-12


def test_a_mirror_gets_one_negative_scale_and_no_shear() -> None:
    matrix = np.diag([1.0, -2.0, 3.0, 1.0])
    translation, rotation, scale, shear = decompose(matrix)
    assert shear < 1e-12
    assert (scale < 0).sum() == 1
    assert np.allclose(compose(translation, rotation, scale), matrix)


def test_shear_is_noticed() -> None:
    matrix = np.eye(4)
    matrix[0, 1] = 0.5
    assert decompose(matrix)[3] > 0.1


def test_a_flat_scale_still_has_a_rotation() -> None:
    matrix = np.diag([1.0, 0.0, 2.0, 1.0])
    translation, rotation, scale, shear = decompose(matrix)
    assert np.isfinite(rotation).all() and shear < 1e-9
    assert np.allclose(compose(translation, rotation, scale), matrix)


def test_slerp_goes_the_short_way_in_even_steps() -> None:
    a = np.array([0.0, 0, 0, 1])
    b = -np.array([0, 0, np.sin(np.pi / 4), np.cos(np.pi / 4)])  # 90 degrees, the other sign
    third = slerp(a, b, 1 / 3)
    assert np.allclose(np.abs(third), np.abs([0, 0, np.sin(np.pi / 12), np.cos(np.pi / 12)]))


@given(st.sampled_from(["Y", "Z"]), st.sampled_from([1.0, 0.01, 0.0254]), st.tuples(unit, unit, unit, unit))
def test_converting_before_or_after_a_transform_is_the_same(up: str, scale: float, q: tuple) -> None:
    space = Space(scale, up)
    matrix = compose((3, -1, 2), np.array(q) / np.linalg.norm(q), (1, 2, 0.5))
    points = np.array([[1.0, 2, 3], [-4, 5, 6]], np.float32)
    after = space.points(points @ matrix[:3, :3] + matrix[3, :3])
    own = space.matrices(matrix)
    before = space.points(points) @ own[:3, :3] + own[3, :3]
    assert np.allclose(after, before, atol=1e-4 * scale * 20)


def test_z_up_centimetres_become_y_up_metres() -> None:
    space = Space(0.01, "Z")
    # one metre along USD's up axis is one metre along Y; what lay in front (-Y) comes to +Z
    assert np.allclose(
        space.points(np.array([[0, 0, 100.0], [0, -100, 0], [100, 0, 0]])), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    )
