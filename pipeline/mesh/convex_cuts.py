# SPDX-License-Identifier: Apache-2.0
"""Collision hulls: a few convex bodies that together stand for a mesh.

The surface is cut by planes, greedily: of all parts and planes the cut that takes most volume away from the parts'
convex hulls. A convex part gains nothing by a cut, so cutting ends where the mesh is nearly convex. Only hulls are
compared, never the solid, so that open, doubled and crossing surfaces work as well as closed ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from pipeline.errors import RefineError
from pipeline.mesh.hulls import convex_hull, covering, hull_volume
from pipeline.mesh.nearest import samples

__all__ = ["Hull", "convex_hulls"]

Doubles = NDArray[np.float64]
Ints = NDArray[np.integer]

_MOST_TRIANGLES = 6_000  # a mesh with more is thinned to as many before it is cut
_POSITIONS = 4  # planes tried evenly along each axis, and as many where most corners lie
_SAMPLES = 20_000  # places of the surface that the bodies are made to hold
_THIN = 0.01  # share of the size that a flat body gets as its thickness


_Cut = tuple[float, Doubles, float]  # gain, normal, offset


@dataclass(frozen=True, eq=False)
class Hull:
    """A closed convex body: `points (n, 3)`, `triangles (t, 3)` counter-clockwise from outside, `volume`."""

    points: Doubles
    triangles: NDArray[np.int32]
    volume: float


def convex_hulls(
    points: NDArray[np.floating],
    triangles: Ints,
    *,
    max_hulls: int = 16,
    max_vertices: int = 48,
    concavity: float = 0.01,
) -> list[Hull]:
    """Cover a triangle mesh with convex bodies.

    Parameters
    ----------
    points
        `(n, 3)`, any unit.
    triangles
        `(t, 3)` into the points; need not be closed.
    max_hulls
        Most bodies.
    max_vertices
        Most corners of one body (engines allow some tens to 255).
    concavity
        Share of the whole hull's volume that a cut must save to be made.

    Returns
    -------
    list[Hull]
        By falling volume; empty for a mesh without area.
    """
    soup = np.asarray(points, np.float64)[triangles]
    soup = soup[np.isfinite(soup).all((1, 2))]
    if not len(soup):
        return []
    if len(soup) > _MOST_TRIANGLES:
        soup = _thinned(soup)
    size = float(np.ptp(soup.reshape(-1, 3), axis=0).max())
    if size <= 0:
        return []
    whole = _volume(soup.reshape(-1, 3))
    least = concavity * whole
    parts: list[tuple[Doubles, _Cut | None]] = [(soup, _best_cut(soup, least))]
    while len(parts) < max_hulls:
        gains = [cut[0] if cut is not None else 0.0 for _, cut in parts]
        k = int(np.argmax(gains))
        cut = parts[k][1]
        if cut is None or gains[k] <= least:
            break
        soup, _ = parts.pop(k)
        parts += [(side, _best_cut(side, least)) for side in _clip(soup, cut[1], cut[2])]
    bodies = [_corners(soup) for soup, _ in parts]
    bodies = _merged(bodies, 0.5 * least)
    hulls = [_hull(b, max_vertices, _THIN * size) for b in bodies]
    made = covering(
        [(h.points, h.triangles) for h in hulls if h is not None], _surface(points, triangles), max_vertices
    )
    return sorted((Hull(*h, hull_volume(h)) for h in made), key=lambda h: -h.volume)


def _surface(points: NDArray[np.floating], triangles: Ints) -> Doubles:
    """Places on the surface, corners and between, that the bodies have to hold: thinning has moved it a little."""
    sound = triangles[np.isfinite(np.asarray(points, np.float64)[triangles]).all((1, 2))]
    used = np.unique(sound)
    corners = np.asarray(points, np.float64)[used[:: max(1, len(used) // _SAMPLES)]]
    between, _, _ = samples(np.asarray(points, np.float64), sound, min(_SAMPLES, 20 * len(sound)), seed=3)
    return np.concatenate([corners, between])


# ---------------------------------------------------------------------- cuts


def _best_cut(soup: Doubles, least: float) -> _Cut | None:
    """The plane that saves most volume, after one more cut where one alone saves too little; None for none."""
    best = _one_cut(soup)
    before = _volume(soup.reshape(-1, 3))
    if best is None or best[0] > least or before < 10 * least or not _is_hollow(soup):
        return best
    # half a ring is no better than a ring, a quarter is
    for normal in np.eye(3):
        height = soup @ normal
        offset = float(height.max() + height.min()) / 2
        sides = _clip(soup, normal, offset)
        if len(sides) < 2:
            continue
        gain = before - sum(_volume(s.reshape(-1, 3)) for s in sides)
        gain += sum(max(cut[0], 0.0) for cut in map(_one_cut, sides) if cut is not None)
        if gain > best[0]:
            best = (gain, normal, offset)
    return best


def _is_hollow(soup: Doubles) -> bool:
    """Whether a tenth of the surface lies well beneath the convex hull."""
    corners = soup.reshape(-1, 3)
    try:
        equations = ConvexHull(corners).equations
    except (QhullError, ValueError):
        return False
    depth = -(soup.mean(1) @ equations[:, :3].T + equations[:, 3]).max(1)
    a, b, c = np.moveaxis(soup, 1, 0)
    area = np.sqrt((np.cross(b - a, c - a) ** 2).sum(1))
    deep = depth > 0.03 * float(np.ptp(corners, axis=0).max())
    return bool(area[deep].sum() > 0.1 * area.sum())


def _one_cut(soup: Doubles) -> _Cut | None:
    """The plane that saves most volume; None where none can be placed."""
    points, edges = _wireframe(soup)
    before = _volume(points)
    if before <= 0:
        return None
    best: _Cut | None = None
    for normal in _axes(points):
        height = points @ normal
        low, high = float(height.min()), float(height.max())
        if high - low <= 0:
            continue
        for offset in _offsets(height, low, high):
            below, above = _sides(points, edges, height, offset)
            if len(below) < 4 or len(above) < 4:
                continue
            gain = before - _volume(below) - _volume(above)
            if best is None or gain > best[0]:
                best = (gain, normal, offset)
    return best


def _axes(corners: Doubles) -> Doubles:
    """The world's axes, and the principal ones where they differ."""
    axes = np.eye(3)
    centred = corners - corners.mean(0)
    _, own = np.linalg.eigh(centred.T @ centred)
    turned = [a for a in own.T if np.abs(a).max() < 0.99]
    return np.concatenate([axes, np.array(turned).reshape(-1, 3)])


def _offsets(height: Doubles, low: float, high: float) -> list[float]:
    """Where to try a plane: where corners lie, and evenly between."""
    margin = 0.02 * (high - low)
    even = np.linspace(low, high, _POSITIONS + 2)[1:-1]
    levels, uses = np.unique(np.round((height.reshape(-1) - low) / (high - low), 3), return_counts=True)
    common = levels[np.argsort(-uses, kind="stable")[:_POSITIONS]] * (high - low) + low
    found = np.unique(np.concatenate([even, common]))
    return [float(x) for x in found if low + margin < x < high - margin]


def _wireframe(soup: Doubles) -> tuple[Doubles, Ints]:
    """Points and edges of a surface, each once."""
    points, at = np.unique(soup.reshape(-1, 3), axis=0, return_inverse=True)
    t = at.reshape(-1, 3)
    edges = np.sort(np.concatenate([t[:, :2], t[:, 1:], t[:, [2, 0]]]), axis=1)
    _, first = np.unique(edges[:, 0] * len(points) + edges[:, 1], return_index=True)
    return points, edges[first]


def _sides(points: Doubles, edges: Ints, height: Doubles, offset: float) -> tuple[Doubles, Doubles]:
    """Points of the surface on either side, with those where it crosses the plane in both."""
    d = height - offset
    a, b = edges.T
    cut = d[a] * d[b] < 0
    a, b = a[cut], b[cut]
    crossing = points[a] + (d[a] / (d[a] - d[b]))[:, None] * (points[b] - points[a])
    return np.concatenate([points[d <= 0], crossing]), np.concatenate([points[d >= 0], crossing])


def _clip(soup: Doubles, normal: Doubles, offset: float) -> list[Doubles]:
    """The surface on both sides of a plane; triangles across it are cut into three."""
    d = soup @ normal - offset
    result = []
    for sign in (1.0, -1.0):
        side = d * sign
        inside = side >= 0
        count = inside.sum(1)
        kept = [soup[count == 3]]
        for corners in (1, 2):
            chosen = (count == corners) & ~(((side == 0) & inside).sum(1) == corners)
            if not chosen.any():
                continue
            t, s, i = soup[chosen], side[chosen], inside[chosen]
            lone = np.argmax(i if corners == 1 else ~i, axis=1)
            order = (lone[:, None] + np.arange(3)) % 3
            rows = np.arange(len(t))[:, None]
            a, b, c = np.moveaxis(t[rows, order], 1, 0)
            sa, sb, sc = s[rows, order].T
            ab = a + (sa / (sa - sb))[:, None] * (b - a)
            ac = a + (sa / (sa - sc))[:, None] * (c - a)
            if corners == 1:
                kept.append(np.stack([a, ab, ac], 1))
            else:
                kept += [np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)]
        result.append(np.concatenate(kept))
    return [r for r in result if len(r)]


def _thinned(soup: Doubles) -> Doubles:
    """Fewer triangles by snapping corners to a grid; doubled ones fall together."""
    low = soup.reshape(-1, 3).min(0)
    size = float(np.ptp(soup.reshape(-1, 3), axis=0).max()) or 1.0
    for cells in (256, 128, 64, 32):
        snapped = np.round((soup - low) / size * cells)
        flat = (
            (snapped[:, 0] == snapped[:, 1]).all(1)
            | (snapped[:, 1] == snapped[:, 2]).all(1)
            | (snapped[:, 2] == snapped[:, 0]).all(1)
        )
        kept = np.unique(np.sort(_packed(snapped[~flat]), axis=1), axis=0, return_index=True)[1]
        if len(kept) <= _MOST_TRIANGLES or cells == 32:
            return np.asarray(snapped[~flat][kept] * (size / cells) + low)
    return soup


def _packed(snapped: Doubles) -> NDArray[np.int64]:
    cells = snapped.astype(np.int64)
    return cells[..., 0] * (1 << 20) + cells[..., 1] * (1 << 10) + cells[..., 2]


# ---------------------------------------------------------------------- hulls


def _volume(points: Doubles) -> float:
    try:
        return float(ConvexHull(points).volume)
    except (QhullError, ValueError):
        return 0.0


def _corners(soup: Doubles) -> Doubles:
    """The corners of the convex hull; all points where it is flat."""
    points = np.unique(soup.reshape(-1, 3), axis=0)
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except (QhullError, ValueError):
        return points


def _merged(bodies: list[Doubles], loss: float) -> list[Doubles]:
    """Bodies put together as long as their common hull adds no more than `loss`."""
    volumes = [_volume(b) for b in bodies]
    while len(bodies) > 1:
        best: tuple[float, int, int] | None = None
        for i in range(len(bodies)):
            for j in range(i + 1, len(bodies)):
                more = _volume(np.concatenate([bodies[i], bodies[j]])) - volumes[i] - volumes[j]
                if best is None or more < best[0]:
                    best = (more, i, j)
        if best is None or best[0] > loss:
            break
        _, i, j = best
        both = _corners(np.concatenate([bodies[i], bodies[j]])[None])
        bodies = [b for k, b in enumerate(bodies) if k not in (i, j)] + [both]
        volumes = [v for k, v in enumerate(volumes) if k not in (i, j)] + [_volume(both)]
    return bodies


def _hull(points: Doubles, max_vertices: int, thickness: float) -> Hull | None:
    """The body of some points, with few corners; a flat one gets a thickness."""
    if _volume(points) <= 0:
        points = _thickened(points, thickness)
    try:
        corners, triangles = convex_hull(points, max_vertices)
    except RefineError:
        return None
    return Hull(corners, triangles, hull_volume((corners, triangles)))


def _thickened(points: Doubles, thickness: float) -> Doubles:
    """A flat or straight set of points, moved both ways along the directions in which it has no extent."""
    centre = points.mean(0)
    _, extents, axes = np.linalg.svd(points - centre, full_matrices=True)
    spread = np.zeros(3)
    spread[: len(extents)] = extents
    result = points
    for axis in axes[spread < max(thickness * 0.5, 1e-12)]:
        result = np.concatenate([result - axis * thickness / 2, result + axis * thickness / 2])
    return result
