# SPDX-License-Identifier: Apache-2.0
"""Mode `fault`: a kit with known faults, as generators are reported to deliver them.

Inspection, stand-in servers and tests get truth from it: what was planted is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pipeline.errors import UsageError
from pipeline.generators.base import Request
from pipeline.generators.embedded.baking import light_albedo
from pipeline.generators.embedded.fusing import fuse
from pipeline.generators.embedded.kit import Kit, build
from pipeline.generators.embedded.model import Mesh, Model, assemble, corner_normals
from pipeline.generators.embedded.pieces import Floats, Ints, Look, Piece
from pipeline.generators.embedded.props.goods import ball
from pipeline.generators.embedded.props.order import DYES, Parts

Rng = np.random.Generator


def _collapse(parts: Parts, rng: Rng) -> Parts:
    """The cloth fallen onto the frame: its height squeezed to a fifth, its middle hanging through."""
    name = "canopy" if "canopy" in parts else next(iter(parts))
    pieces = parts[name]
    points = np.concatenate([p.points for p in pieces])
    low, high = points.min(0), points.max(0)
    top = max(p.points[:, 1].max() for n, ps in parts.items() if n != name for p in ps) if len(parts) > 1 else high[1]
    phase = rng.uniform(0, 2 * np.pi, 2)

    def fall(p: Piece) -> Piece:
        x, y, z = p.points.T
        u = (x - low[0]) / max(high[0] - low[0], 1e-9) * 2 - 1
        w = (z - low[2]) / max(high[2] - low[2], 1e-9) * 2 - 1
        sink = 0.16 * high[1] * (1 - u * u) * (1 - w * w)
        fold = 0.02 * high[1] * np.sin(5 * u + phase[0]) * np.sin(4 * w + phase[1])
        level = min(0.62 * high[1], top) + 0.2 * (y - low[1]) - sink + fold
        return replace(p, points=np.stack([x, level, z], -1))

    return {**parts, name: [fall(p) for p in pieces]}


def _floaters(parts: Parts, rng: Rng) -> Parts:
    """Crumbs that hang in the air beside the body."""
    points = np.concatenate([p.points for ps in parts.values() for p in ps])
    low, high = points.min(0), points.max(0)
    size = float((high - low).max())
    at = rng.uniform([0.1, 0.35, 0.1], [0.9, 0.6, 0.9], (4, 3)) * (high - low) + low
    at[:, 2] = high[2] + size * np.array([0.06, 0.09, 0.07, 0.1])
    crumb = ball(0.008 * size, Look("goods", DYES["stone"]))
    name = next(iter(parts))
    return {**parts, name: [*parts[name], *(crumb.moved(p) for p in at)]}


def _inner_shell(parts: Parts, rng: Rng) -> Parts:
    """A second, smaller shell inside every piece that has room for one."""

    def inside(p: Piece) -> Piece:
        middle = (p.points.min(0) + p.points.max(0)) / 2
        return replace(p, points=(p.points - middle) * 0.72 + middle)

    return {n: [q for p in ps for q in (p, inside(p))] for n, ps in parts.items()}


def _with_points(model: Model, change: Callable[[Floats], Floats]) -> Model:
    meshes = []
    for m in model.meshes:
        points = change(m.points)
        meshes.append(replace(m, points=points, normals=corner_normals(points, m.faces)))
    return replace(model, meshes=tuple(meshes))


def _unit_cube(model: Model, rng: Rng) -> Model:
    """The largest side scaled to 1.0 and the middle put on the origin."""
    low, high = model.bounds
    return _with_points(model, lambda p: (p - (low + high) / 2) / (high - low).max())


def _heading(model: Model, rng: Rng) -> Model:
    """Turned by 90 degrees about the upright axis."""
    return _with_points(model, lambda p: np.stack([p[:, 2], p[:, 1], -p[:, 0]], -1))


def _keep(mesh: Mesh, keep: Ints) -> Mesh:
    return replace(mesh, faces=mesh.faces[keep], uv=mesh.uv[keep], normals=mesh.normals[keep])


def _near(model: Model, rng: Rng, count: int, reach: float) -> list[np.ndarray]:
    """For each mesh which faces lie within `reach` (share of the largest side) of random surface points."""
    low, high = model.bounds
    radius = reach * float((high - low).max())
    centres = [m.points[np.where(m.faces >= 0, m.faces, m.faces[:, :1])].mean(1) for m in model.meshes]
    everything = np.concatenate(centres)
    seeds = everything[rng.integers(0, len(everything), count)]
    return [(np.linalg.norm(c[:, None] - seeds[None], axis=2) < radius).any(1) for c in centres]


def _holes(model: Model, rng: Rng) -> Model:
    """Patches of faces missing."""
    near = _near(model, rng, 12, 0.02)
    kept = [_keep(m, np.flatnonzero(~n)) for m, n in zip(model.meshes, near, strict=True)]
    return replace(model, meshes=tuple(m for m in kept if len(m.faces)))


def _flipped(model: Model, rng: Rng) -> Model:
    """Patches of faces wound the other way."""
    meshes = []
    for m, near in zip(model.meshes, _near(model, rng, 10, 0.07), strict=True):
        order = np.where(m.faces[:, 3:] >= 0, [3, 2, 1, 0], [2, 1, 0, 3])
        turn = np.where(near[:, None], order, np.arange(4))
        faces = np.take_along_axis(m.faces, turn, 1)
        uv = np.take_along_axis(m.uv, turn[..., None], 1)
        meshes.append(replace(m, faces=faces, uv=uv, normals=corner_normals(m.points, faces)))
    return replace(model, meshes=tuple(meshes))


def _baked_light(model: Model, rng: Rng) -> Model:
    """A key light and the sky's darkening painted into the albedo."""
    return light_albedo(model, np.array([0.4, 0.8, 0.45]))


#: faults that change the pieces before they are assembled
ON_PARTS: dict[str, Callable[[Parts, Rng], Parts]] = {
    "collapsed-canopy": _collapse,
    "floaters": _floaters,
    "inner-shell": _inner_shell,
}
#: faults that change the assembled model
ON_MODEL: dict[str, Callable[[Model, Rng], Model]] = {
    "baked-light": _baked_light,
    "holes": _holes,
    "flipped": _flipped,
    "heading": _heading,
    "unit-cube": _unit_cube,
}
#: every fault by name; `fused` unites all in one shell with one material
FAULTS = ("fused", *ON_PARTS, *ON_MODEL)


def fault_model(request: Request, seed: int, faults: Sequence[str]) -> Model:
    """A kit with these faults planted.

    Raises
    ------
    UsageError
        An unknown fault.
    """
    unknown = [f for f in faults if f not in FAULTS]
    if unknown or not faults:
        raise UsageError(
            f"unknown fault {', '.join(unknown)!r}" if unknown else "mode fault needs at least one fault",
            remedy=f"use some of: {', '.join(FAULTS)}",
        )
    rng = np.random.default_rng([seed, 13])
    fused = "fused" in faults
    kit = build(request, seed, clearance=-0.004 if fused else 0.0025, detail=0.3 if fused else 1.0)
    parts = kit.parts
    for name, change in ON_PARTS.items():
        if name in faults:
            parts = change(parts, rng)
    notes = (*kit.notes, f"planted faults: {', '.join(faults)}")
    model = _fused(replace(kit, parts=parts), request, seed) if fused else assemble(parts, request.texture_size, seed)
    for name, alter in ON_MODEL.items():
        if name in faults:
            model = alter(model, rng)
    return replace(model, notes=notes)


def _fused(kit: Kit, request: Request, seed: int) -> Model:
    return fuse(kit.parts, request.texture_size, seed)
