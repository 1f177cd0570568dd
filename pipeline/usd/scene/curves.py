# SPDX-License-Identifier: Apache-2.0
"""Curves to tubes (or polylines), Points to points: what mesh formats can hold of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pxr import UsdGeom

from pipeline.usd.scene.model import Doubles, Floats, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.patches import basis_functions
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["read_curves", "read_points", "tubes"]

#: sides of a tube; points drawn for one cubic segment
_SIDES = 8
_STEPS = 8
#: more line segments than this stay lines, whatever their width: hair is no mesh
_TUBES = 20_000

_BASIS = {
    "bezier": np.array([[1, 0, 0, 0], [-3, 3, 0, 0], [3, -6, 3, 0], [-1, 3, -3, 1]], float),
    "bspline": np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]], float) / 6,
    "catmullRom": np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], float) / 2,
}


def read_curves(prim: Any, time: Any, space: Space, report: Report, draw: Literal["tubes", "lines"]) -> Mesh | None:
    """BasisCurves, NurbsCurves and HermiteCurves as tubes of their width, or as lines."""
    curves = UsdGeom.Curves(prim)
    path = str(prim.GetPath())
    points = curves.GetPointsAttr().Get(time)
    counts = curves.GetCurveVertexCountsAttr().Get(time)
    if points is None or counts is None or not len(points) or not len(counts):
        return None
    placed = space.points(np.asarray(points))
    lengths = np.asarray(counts, np.int32)
    if lengths.min() < 0 or int(lengths.sum(dtype=np.int64)) > len(placed) or not np.isfinite(placed).all():
        report.lose(path, "curves", "their counts and points do not fit, or are not finite")
        return None
    widths = curves.GetWidthsAttr().Get(time)
    kind = curves.GetWidthsInterpolation()
    line, line_counts, source = _drawn(prim, placed, lengths, time, space, report)
    if not len(line_counts):
        return None
    segments = len(line) - len(line_counts)
    color = prim.GetAttribute("primvars:displayColor")
    found = color.Get(time) if color else None
    rgb = (
        Primvar("displayColor", np.asarray(found, np.float32)[:1], None, "constant")
        if found is not None and len(found)
        else None
    )
    base = {
        "name": prim.GetName(),
        "path": path,
        "color": rgb,
        "slots": (Slot(prim.GetName(), path),),
    }
    thick: Floats | None = None
    if widths is not None and len(widths):
        wide = np.asarray(widths, np.float64)
        if not (np.isfinite(wide) & (wide >= 0)).all():
            report.lose(path, "widths", "some are negative or not finite: they count as zero")
            wide = np.where(np.isfinite(wide) & (wide >= 0), wide, 0.0)
        along = wide[:1] if kind == "constant" or len(wide) == 1 else None
        if along is None:
            along = wide[source] if len(wide) == len(placed) else np.full(len(line), wide.mean())
        thick = (np.broadcast_to(along, len(line)) * space.scale).astype(np.float32)
    if draw == "tubes" and thick is not None and segments <= _TUBES:
        tube = tubes(line, line_counts, thick.astype(np.float64) / 2)
        report.reduce(path, "curves", f"drawn as tubes of {_SIDES} sides")
        return Mesh(points=tube[0], face_counts=tube[1], face_vertices=tube[2], faceted=False, **base)
    report.reduce(path, "curve widths", "drawn as lines")
    return Mesh(
        points=line.astype(np.float32),
        face_counts=line_counts,
        face_vertices=np.arange(len(line), dtype=np.int32),
        kind="lines",
        widths=thick,
        **base,
    )


def _drawn(
    prim: Any, points: Floats, lengths: Ints, time: Any, space: Space, report: Report
) -> tuple[Doubles, Ints, Ints]:
    """The lines of any kind of curves, as `_polylines` gives them."""
    kind = prim.GetTypeName()
    path = str(prim.GetPath())
    if kind == "HermiteCurves":
        found = UsdGeom.HermiteCurves(prim).GetTangentsAttr().Get(time)
        if found and len(found) == len(points):
            return _hermite(points.astype(np.float64), space.points(np.asarray(found)).astype(np.float64), lengths)
        report.lose(path, "tangents", f"{len(found or ())} for {len(points)} points: drawn straight")
    elif kind == "NurbsCurves":
        try:
            return _nurbs(UsdGeom.NurbsCurves(prim), points.astype(np.float64), lengths, time)
        except ValueError as error:
            report.lose(path, "NurbsCurves", f"{error}: its control polygon is drawn")
    return _polylines(prim, points, lengths)


def _hermite(points: Doubles, tangents: Doubles, lengths: Ints) -> tuple[Doubles, Ints, Ints]:
    """Cubics between neighbouring points of each curve."""
    ends = np.cumsum(lengths)
    inner = np.ones(int(ends[-1]), bool)
    inner[ends[lengths > 0] - 1] = False
    first = np.flatnonzero(inner)
    u = np.linspace(0, 1, _STEPS + 1)[:-1]
    weights = np.stack([2 * u**3 - 3 * u**2 + 1, u**3 - 2 * u**2 + u, 3 * u**2 - 2 * u**3, u**3 - u**2], -1)
    shape = np.stack([points[first], tangents[first], points[first + 1], tangents[first + 1]], 1)
    between = np.einsum("uk,skx->sux", weights, shape).reshape(-1, 3)
    long = lengths >= 2
    last = (ends - 1)[long]
    # every curve's last point follows its own segments
    after = np.cumsum((lengths[long] - 1) * _STEPS)
    line = np.insert(between, after, points[last], axis=0)
    source = np.insert(np.repeat(first, _STEPS), after, last)
    return line, ((lengths[long] - 1) * _STEPS + 1).astype(np.int32), source.astype(np.int32)


def _nurbs(curves: Any, points: Doubles, lengths: Ints, time: Any) -> tuple[Doubles, Ints, Ints]:
    """Rational B-splines with the knots, orders and weights of each curve."""
    orders = np.asarray(curves.GetOrderAttr().Get(time) or (), np.int64)
    knots = np.asarray(curves.GetKnotsAttr().Get(time) or (), float)
    weights = np.asarray(curves.GetPointWeightsAttr().Get(time) or (), float)
    if len(orders) != len(lengths) or len(knots) != int((orders + lengths).sum()):
        raise ValueError(f"{len(orders)} orders and {len(knots)} knots do not fit {len(lengths)} curves")
    w = weights if len(weights) == len(points) and np.isfinite(weights).all() else np.ones(len(points))
    lines, counts, sources = [], [], []
    start = knot = 0
    for length, order in zip(lengths.tolist(), orders.tolist(), strict=True):
        basis = basis_functions(knots[knot : knot + length + order], order, length, None)
        own = slice(start, start + length)
        whole = basis @ np.concatenate([points[own] * w[own, None], w[own, None]], 1)
        lines.append(whole[:, :3] / np.where(whole[:, 3:] == 0, 1, whole[:, 3:]))
        counts.append(len(basis))
        sources.append(start + basis.argmax(1))
        start, knot = start + length, knot + length + order
    return np.concatenate(lines), np.array(counts, np.int32), np.concatenate(sources).astype(np.int32)


def _polylines(prim: Any, points: Floats, lengths: Ints) -> tuple[Doubles, Ints, Ints]:
    """Points of the drawn lines, how many a line has, and the control point that each is next to."""
    basis = UsdGeom.BasisCurves(prim)
    numbers = np.arange(len(points), dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)
    kind = str(basis.GetBasisAttr().Get()) if basis else ""
    if not basis or basis.GetTypeAttr().Get() != "cubic" or kind not in _BASIS:
        keep = np.repeat(lengths >= 2, lengths)
        used = numbers[: len(keep)][keep]
        wrap = basis and basis.GetWrapAttr().Get() == "periodic"
        counts = lengths[lengths >= 2]
        if wrap:
            ends = np.cumsum(counts)
            used = np.insert(used, ends, used[ends - counts])
            counts = counts + 1
        return points[used].astype(np.float64), counts.astype(np.int32), used
    wrap = str(basis.GetWrapAttr().Get())
    step = 3 if kind == "bezier" else 1
    ids: list[tuple[Ints, Any, int]] = []
    drawn_counts: list[Ints] = []
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        # curves of equal length are cut into segments together
        if length < 2:
            continue
        first = starts[lengths == length]
        local = np.arange(length)
        if wrap == "periodic":
            heads = np.arange(0, length, step)
            local = np.concatenate([local, local[:3]])
        elif wrap == "pinned" and kind != "bezier":
            local = np.concatenate([[-1], local, [-2]])
            heads = np.arange(0, len(local) - 3)
        else:
            heads = np.arange(0, length - 3, step)
        if not len(heads):
            continue
        control = local[heads[:, None] + np.arange(4)]
        ids.append((first, control, length))
        drawn_counts.append(np.full(len(first), len(heads) * _STEPS + 1, np.int32))
    lines, sources = [], []
    for first, control, length in ids:
        shape = _gathered(points.astype(np.float64), first, control, length)
        u = np.linspace(0, 1, _STEPS + 1)[:-1]
        powers = np.stack([u**0, u, u**2, u**3], -1) @ _BASIS[kind]
        drawn = np.einsum("uk,cskx->csux", powers, shape).reshape(len(first), -1, 3)
        end = np.array([1.0, 1.0, 1.0, 1.0]) @ _BASIS[kind]
        last = np.einsum("k,ckx->cx", end, shape[:, -1])
        lines.append(np.concatenate([drawn, last[:, None]], 1).reshape(-1, 3))
        inner = np.clip(control[:, 1], 0, length - 1)
        own = np.concatenate([np.repeat(inner, _STEPS), inner[-1:]])
        sources.append((first[:, None] + own).ravel())
    if not lines:
        return np.zeros((0, 3)), np.zeros(0, np.int32), np.zeros(0, np.int32)
    return np.concatenate(lines), np.concatenate(drawn_counts), np.concatenate(sources).astype(np.int32)


def _gathered(points: Doubles, first: Ints, control: Ints, length: int) -> Doubles:
    """Control points `(curves, segments, 4, 3)`; -1 and -2 are the phantom points that pin the ends."""
    plain = points[first[:, None, None] + np.clip(control, 0, length - 1)]
    if (control < 0).any():
        a, b = points[first], points[first + min(1, length - 1)]
        y, z = points[first + length - 2], points[first + length - 1]
        plain[:, (control == -1)] = (2 * a - b)[:, None]
        plain[:, (control == -2)] = (2 * z - y)[:, None]
    return np.asarray(plain)


def tubes(line: Doubles, counts: Ints, radius: Doubles, sides: int = _SIDES) -> tuple[Floats, Ints, Ints]:
    """Rings about each point, joined by quads, closed at the ends.

    Parameters
    ----------
    line, counts
        `(n, 3)` points, and how many each line has.
    radius
        `(n,)`.

    Returns
    -------
    tuple
        Points, face counts and face vertices.
    """
    ends = np.cumsum(counts)
    starts = ends - counts
    direction = np.zeros_like(line)
    direction[1:] += line[1:] - line[:-1]
    direction[starts] = 0
    forward = np.zeros_like(line)
    forward[:-1] = line[1:] - line[:-1]
    forward[ends - 1] = 0
    direction = direction + forward
    size = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = np.where(size > 0, direction / np.where(size > 0, size, 1), (0.0, 1.0, 0.0))
    helper = np.zeros_like(line)
    helper[np.arange(len(line)), np.abs(direction).argmin(1)] = 1.0
    u = np.cross(helper, direction)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(direction, u)
    angles = np.arange(sides) * (2 * np.pi / sides)
    offset = np.cos(angles)[:, None] * u[:, None] + np.sin(angles)[:, None] * v[:, None]
    points = (line[:, None] + offset * radius[:, None, None]).reshape(-1, 3)
    inner = np.ones(len(line), bool)
    inner[ends - 1] = False
    ring = np.flatnonzero(inner).astype(np.int32)[:, None] * sides
    k = np.arange(sides, dtype=np.int32)
    nxt = (k + 1) % sides
    walls = np.stack([ring + k, ring + nxt, ring + sides + nxt, ring + sides + k], -1).reshape(-1)
    front = (starts.astype(np.int32)[:, None] * sides + k[::-1]).ravel()
    back = ((ends - 1).astype(np.int32)[:, None] * sides + k).ravel()
    face_counts = np.concatenate([np.full(len(walls) // 4, 4, np.int32), np.full(2 * len(counts), sides, np.int32)])
    return points.astype(np.float32), face_counts, np.concatenate([walls, front, back]).astype(np.int32)


def read_points(prim: Any, time: Any, space: Space, report: Report) -> Mesh | None:
    """UsdGeomPoints as points that stand alone."""
    cloud = UsdGeom.Points(prim)
    path = str(prim.GetPath())
    found = cloud.GetPointsAttr().Get(time)
    if found is None or not len(found):
        return None
    placed = space.points(np.asarray(found))
    sound = np.isfinite(placed).all(axis=1)
    if not sound.all():
        report.lose(path, "points", f"{int((~sound).sum())} points are not finite")
    if not sound.any():
        return None
    widths = None
    authored = cloud.GetWidthsAttr().Get(time)
    if authored is not None and len(authored) in (1, len(found)):
        wide = np.broadcast_to(np.asarray(authored, np.float32), len(found))
        widths = np.maximum(np.nan_to_num(wide[sound], posinf=0.0), 0) * np.float32(space.scale)
    if cloud.GetWidthsAttr().HasAuthoredValue():
        report.reduce(path, "widths of points", "points are drawn without a size")
    color = None
    attribute = prim.GetAttribute("primvars:displayColor")
    values = attribute.Get(time) if attribute else None
    if values is not None and len(values) in (1, len(found)):
        array = np.asarray(values, np.float32)
        color = Primvar(
            "displayColor",
            array if len(array) == 1 else array[sound],
            None,
            "constant" if len(array) == 1 else "vertex",
        )
    count = int(sound.sum())
    return Mesh(
        name=prim.GetName(),
        path=path,
        points=placed[sound],
        face_counts=np.ones(count, np.int32),
        face_vertices=np.arange(count, dtype=np.int32),
        color=color,
        slots=(Slot(prim.GetName(), path),),
        kind="points",
        widths=widths,
    )
