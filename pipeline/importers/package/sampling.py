# SPDX-License-Identifier: Apache-2.0
"""Clips evaluated at the times of their keys, for all joints of a skeleton at once."""

from __future__ import annotations

import numpy as np

from pipeline.importers.package import xforms
from pipeline.importers.package.geometry import Space
from pipeline.importers.scene import Clip, Floats, Scene

_NEUTRAL = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}


def of_weights(clip: Clip, nodes: set[int]) -> dict[int, tuple[Floats, Floats]]:
    """Blend shape keys of these nodes: times (t,) and weights (t, shapes)."""
    return {c.node: xforms.stepped(c) for c in clip.channels if c.path == "weights" and c.node in nodes}


def of_joints(
    scene: Scene, space: Space, clip: Clip, chains: list[list[int]]
) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Local transforms of joints in the package's space.

    Parameters
    ----------
    chains
        For each joint the nodes whose transforms multiply to its local one, innermost first.

    Returns
    -------
    times (t,), translations (t, j, 3), rotations (t, j, 4) xyzw, scales (t, j, 3); None if nothing moves.
    """
    involved = {n for chain in chains for n in chain}
    channels = [c for c in clip.channels if c.node in involved and c.path != "weights"]
    if not channels:
        return None
    keyed: dict[tuple[int, str], tuple[Floats, Floats]] = {(c.node, c.path): xforms.stepped(c) for c in channels}
    times = np.unique(np.concatenate([t for t, _ in keyed.values()]))
    parts = {n: _parts(scene, n, keyed, times) for n in involved}
    t, r, s = (np.zeros((len(times), len(chains), w)) for w in (3, 4, 3))
    for j, chain in enumerate(chains):
        if len(chain) == 1:
            t[:, j], r[:, j], s[:, j] = parts[chain[0]]
        else:
            t[:, j], r[:, j], s[:, j] = decompose(_product([xforms.compose(*parts[n]) for n in chain]))
    shape = r.shape
    return (
        times,
        space.points(t.reshape(-1, 3)).reshape(t.shape),
        _unit(space.quaternions(r.reshape(-1, 4))).reshape(shape),
        space.scales(s.reshape(-1, 3)).reshape(s.shape),
    )


def _product(matrices: list[Floats]) -> Floats:
    out = matrices[0]
    for m in matrices[1:]:
        out = out @ m
    return out


def _parts(
    scene: Scene, node: int, keyed: dict[tuple[int, str], tuple[Floats, Floats]], times: Floats
) -> tuple[Floats, Floats, Floats]:
    own = scene.nodes[node]
    if own.matrix is not None:
        still = decompose(np.asarray(own.matrix, np.float64).reshape(1, 4, 4))
        return tuple(np.repeat(v, len(times), axis=0) for v in still)  # type: ignore[return-value]
    out = []
    for path, neutral in _NEUTRAL.items():
        if (node, path) in keyed:
            at, values = keyed[node, path]
            out.append(slerp(times, at, values) if path == "rotation" else lerp(times, at, values))
        else:
            given = getattr(own, path)
            rest = np.asarray(neutral if given is None else given, np.float64)
            out.append(np.repeat(rest[None], len(times), axis=0))
    return out[0], out[1], out[2]


def lerp(times: Floats, at: Floats, values: Floats) -> Floats:
    """Straight between keys, held outside them: (t, c)."""
    return np.stack([np.interp(times, at, values[:, k]) for k in range(values.shape[1])], axis=1)


def slerp(times: Floats, at: Floats, values: Floats) -> Floats:
    """Quaternions (t, 4) on the shorter great arc between keys (k, 4)."""
    q = _unit(values)
    i = np.clip(np.searchsorted(at, times, side="right") - 1, 0, max(len(at) - 2, 0))
    k = np.minimum(i + 1, len(at) - 1)
    span = np.where(at[k] > at[i], at[k] - at[i], 1.0)
    u = np.clip((times - at[i]) / span, 0, 1)[:, None]
    a, b = q[i], q[k]
    dot = (a * b).sum(axis=1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0, 1))
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1, sine)
    wa = np.where(near, 1 - u, np.sin((1 - u) * angle) / safe)
    wb = np.where(near, u, np.sin(u * angle) / safe)
    return _unit(wa * a + wb * b)


def decompose(m: Floats) -> tuple[Floats, Floats, Floats]:
    """Translation (n, 3), rotation (n, 4) xyzw and scale (n, 3) of row-vector matrices; shear is lost."""
    upper = m[:, :3, :3]
    scale = np.linalg.norm(upper, axis=2)
    scale[:, 0] *= np.where(np.linalg.det(upper) < 0, -1.0, 1.0)
    r = upper / np.where(scale == 0, 1, scale)[..., None]
    return m[:, 3, :3], quaternions(r), scale


def quaternions(r: Floats) -> Floats:
    """Quaternions (n, 4) xyzw of rotations (n, 3, 3) for row vectors, from the largest component (Shepperd 1978)."""
    (a, b, c), (d, e, f), (g, h, i) = np.moveaxis(np.swapaxes(r, 1, 2), 0, -1)
    table = np.array([
        [1 + a - e - i, b + d, c + g, h - f],
        [b + d, 1 - a + e - i, f + h, c - g],
        [c + g, f + h, 1 - a - e + i, d - b],
        [h - f, c - g, d - b, 1 + a + e + i],
    ])  # fmt: skip
    best = np.argmax(np.einsum("kkn->kn", table), axis=0)
    return _unit(table[best, :, np.arange(len(r))])


def _unit(q: Floats) -> Floats:
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(length > 1e-12, q / np.where(length > 1e-12, length, 1), [0.0, 0, 0, 1])
