# SPDX-License-Identifier: Apache-2.0
"""Tracks of matrices and joints as keys that FBX can hold: translations, Euler angles, scales, straight between."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene import JointTrack, TransformTrack

from .transforms import continuous_euler, decompose, euler_degrees, matrix_quaternions, quaternion_matrices

__all__ = ["Keys", "compose", "keys_of", "refined", "sample_joints", "sample_track", "slerp", "union"]

Doubles = NDArray[np.float64]
_TURN = 2e-4  # radians, so of the distance to the pivot: what straight Euler angles may stray from slerp
_ROUNDS = 8


class Keys:
    """Keys of one node: `times (k,)` seconds, `translations`, `degrees`, `scales (k, 3)`."""

    __slots__ = ("degrees", "scales", "sheared", "times", "translations")

    def __init__(self, times: Doubles, t: Doubles, degrees: Doubles, s: Doubles, sheared: bool = False) -> None:
        self.times, self.translations, self.degrees, self.scales = times, t, degrees, s
        self.sheared = sheared


def keys_of(times: Doubles, matrices: Doubles) -> Keys:
    """Keys of a track of matrices `(k, 4, 4)`; more where Euler angles would leave the turn between two keys."""
    t, r, s, sheared = decompose(matrices)
    degrees = continuous_euler(euler_degrees(r))
    q = _aligned(matrix_quaternions(r))
    for _ in range(_ROUNDS):
        bad = _strays(degrees, q)
        if not bad.any():
            break
        at = np.flatnonzero(bad)
        middle = slerp(q[at], q[at + 1], np.full(len(at), 0.5))
        times = np.insert(times, at + 1, (times[at] + times[at + 1]) / 2)
        t = np.insert(t, at + 1, (t[at] + t[at + 1]) / 2, axis=0)
        s = np.insert(s, at + 1, (s[at] + s[at + 1]) / 2, axis=0)
        q = np.insert(q, at + 1, middle, axis=0)
        degrees = continuous_euler(euler_degrees(quaternion_matrices(q)))
    return Keys(times, t, degrees, s, bool(sheared.any()))


def _strays(degrees: Doubles, q: Doubles) -> NDArray[np.bool_]:
    """Spans between keys in which straight Euler angles leave the shortest turn."""
    if len(q) < 2:
        return np.zeros(0, bool)
    worst = np.zeros(len(q) - 1)
    for u in (0.25, 0.5):
        straight = quaternion_matrices(slerp(q[:-1], q[1:], np.full(len(q) - 1, u)))
        bent = _euler_matrices(degrees[:-1] * (1 - u) + degrees[1:] * u)
        # |A - B| of two rotations in the Frobenius norm is sqrt(8) sin(angle / 2)
        worst = np.maximum(worst, np.sqrt(((straight - bent) ** 2).sum((-1, -2)) / 2))
    return worst > _TURN


def _euler_matrices(degrees: Doubles) -> Doubles:
    """Rotation matrices (row vectors) of XYZ Euler angles in degrees."""
    c, s = np.moveaxis(np.cos(np.radians(degrees)), -1, 0), np.moveaxis(np.sin(np.radians(degrees)), -1, 0)
    cx, cy, cz = c
    sx, sy, sz = s
    rows = [
        [cy * cz, cy * sz, -sy],
        [sx * sy * cz - cx * sz, sx * sy * sz + cx * cz, sx * cy],
        [cx * sy * cz + sx * sz, cx * sy * sz - sx * cz, cx * cy],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _aligned(q: Doubles) -> Doubles:
    """The same rotations with each quaternion on the side of the one before."""
    if len(q) < 2:
        return q
    turn = np.where((q[1:] * q[:-1]).sum(-1) < 0, -1.0, 1.0)
    return np.asarray(q * np.concatenate([[1.0], np.cumprod(turn)])[:, None])


def slerp(a: Doubles, b: Doubles, u: Doubles) -> Doubles:
    """Shortest turns between quaternions `(..., 4)` at `u (...)`."""
    dot = (a * b).sum(-1)
    b = np.where((dot < 0)[..., None], -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sine = np.sin(angle)
    near = sine < 1e-9
    safe = np.where(near, 1.0, sine)
    wa = np.where(near, 1 - u, np.sin((1 - u) * angle) / safe)
    wb = np.where(near, u, np.sin(u * angle) / safe)
    q = wa[..., None] * a + wb[..., None] * b
    return np.asarray(q / np.sqrt((q * q).sum(-1, keepdims=True)))


def compose(translations: NDArray, rotations: NDArray, scales: NDArray) -> Doubles:
    """Matrices `(..., 4, 4)` of translations, quaternions and scales."""
    result = np.zeros((*translations.shape[:-1], 4, 4))
    result[..., :3, :3] = np.asarray(scales, np.float64)[..., None] * quaternion_matrices(rotations)
    result[..., 3, :3] = translations
    result[..., 3, 3] = 1.0
    return result


def _spans(times: Doubles, at: Doubles) -> tuple[NDArray[np.intp], NDArray[np.intp], Doubles]:
    """For each time the keys before and after it and how far it is between them, clamped at the ends."""
    if len(times) == 1:
        zero = np.zeros(len(at), np.intp)
        return zero, zero, np.zeros(len(at))
    i = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    gap = times[i + 1] - times[i]
    return i, i + 1, np.clip((at - times[i]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)


def sample_track(track: TransformTrack, at: Doubles) -> Doubles:
    """Matrices `(k, 4, 4)` of a track: straight moves, shortest turns."""
    i, j, u = _spans(track.times, at)
    t, r, s, _ = decompose(track.matrices)
    q = matrix_quaternions(r)
    w = u[:, None]
    return compose(t[i] * (1 - w) + t[j] * w, slerp(q[i], q[j], u), s[i] * (1 - w) + s[j] * w)


def sample_joints(track: JointTrack, joint: int, at: Doubles) -> Doubles:
    """Local matrices `(k, 4, 4)` of one joint."""
    i, j, u = _spans(track.times, at)
    w = u[:, None]
    t = track.translations[:, joint].astype(np.float64)
    q = track.rotations[:, joint].astype(np.float64)
    s = track.scales[:, joint].astype(np.float64)
    return compose(t[i] * (1 - w) + t[j] * w, slerp(q[i], q[j], u), s[i] * (1 - w) + s[j] * w)


def refined(sample: Callable[[Doubles], Doubles], times: Doubles) -> Doubles:
    """More times where a product of motions leaves the straight way and shortest turn between two of them.

    Parameters
    ----------
    sample
        Gives matrices `(k, 4, 4)` at times `(k,)`.
    """
    for _ in range(_ROUNDS):
        if len(times) < 2:
            break
        middle = (times[:-1] + times[1:]) / 2
        t, r, _, _ = decompose(sample(times))
        mt, mr, _, _ = decompose(sample(middle))
        q = matrix_quaternions(r)
        straight = quaternion_matrices(slerp(q[:-1], q[1:], np.full(len(middle), 0.5)))
        turn = np.sqrt(((straight - mr) ** 2).sum((-1, -2)) / 2)
        way = np.abs(mt - (t[:-1] + t[1:]) / 2).max(-1)
        bad = (turn > _TURN) | (way > _TURN * max(float(np.abs(t).max()), 1e-9))
        if not bad.any():
            break
        times = np.sort(np.concatenate([times, middle[bad]]))
    return times


def union(times: Sequence[Doubles]) -> Doubles:
    """All times in order; those closer than a microsecond are one."""
    merged = np.unique(np.concatenate(list(times)))
    return np.asarray(merged[np.concatenate([[True], np.diff(merged) > 1e-6])])
