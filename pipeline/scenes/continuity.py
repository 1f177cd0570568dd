# SPDX-License-Identifier: Apache-2.0
"""Continuity: where a shot does not begin as the one before ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.scenes.facts import Facts
from pipeline.scenes.kinds import Continuity

__all__ = ["Drift", "compare"]


class Drift(BaseModel):
    """One thing that is not as it was.

    Attributes
    ----------
    prim
        Where in the stage.
    field
        presence, asset, pin, variant, position, rotation, scale, visibility, pose, material or light.
    expected, found
        What the shot before ends with, and what this one begins with.
    against
        The shot before.
    """

    shot: str
    against: str
    prim: str
    field: str
    expected: str
    found: str


def compare(before: Facts, after: Facts, shots: tuple[str, str], limits: Continuity) -> list[Drift]:
    """Where the beginning of one shot differs from the end of the one before.

    Parameters
    ----------
    shots
        Names of the one before and of this one.
    """
    told = [
        *_present(before, after),
        *(row for path in sorted(before.things.keys() & after.things.keys())
          for row in _things(path, before.things[path], after.things[path], limits)),
        *(row for path in sorted(before.lights.keys() & after.lights.keys())
          for row in _lights(path, before.lights[path], after.lights[path], limits)),
    ]  # fmt: skip
    return [
        Drift(shot=shots[1], against=shots[0], prim=prim, field=name, expected=expected, found=found)
        for prim, name, expected, found in told
    ]


#: prim, field, what was expected, what was found
_Row = tuple[str, str, str, str]


def _present(before: Facts, after: Facts) -> Iterator[_Row]:
    for mine, theirs in ((before.things, after.things), (before.lights, after.lights)):
        for path in sorted(mine.keys() ^ theirs.keys()):
            was, now = ("there" if path in side else "not there" for side in (mine, theirs))
            yield path, "presence", was, now


def _things(path: str, old: dict[str, Any], new: dict[str, Any], limits: Continuity) -> Iterator[_Row]:
    for name in ("asset", "pin", "visibility"):
        if old[name] != new[name]:
            yield path, name, str(old[name] or "none"), str(new[name] or "none")
    for name in sorted(old["variant"].keys() | new["variant"].keys()):
        a, b = old["variant"].get(name, ""), new["variant"].get(name, "")
        if a != b:
            yield path, "variant", f"{name}={a or 'none'}", f"{name}={b or 'none'}"
    for name, a, b in _moved(old["place"], new["place"], limits):
        yield path, name, a, b
    if old["pin"] == new["pin"] and old["variant"] == new["variant"]:
        for joint, a, b in _posed(old["pose"], new["pose"], limits):
            yield joint, "pose", a, b
        for prim, a, b in _differing(old["material"], new["material"], limits.light):
            yield prim, "material", a, b


def _lights(path: str, old: dict[str, Any], new: dict[str, Any], limits: Continuity) -> Iterator[_Row]:
    for name, a, b in _moved(old["place"], new["place"], limits):
        yield path, name, a, b
    for name, a, b in _differing(_without_place(old), _without_place(new), limits.light):
        yield path, "light", f"{name} {a}", f"{name} {b}"


def _without_place(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "place"}


def _moved(old: NDArray[np.float64], new: NDArray[np.float64], limits: Continuity) -> Iterator[tuple[str, str, str]]:
    if float(np.linalg.norm(old[3, :3] - new[3, :3])) > limits.position_m:
        yield "position", _metres(old[3, :3]), _metres(new[3, :3])
    sizes = [np.linalg.norm(m[:3, :3], axis=1) for m in (old, new)]
    turns = [m[:3, :3] / np.maximum(s, 1e-12)[:, None] for m, s in zip((old, new), sizes, strict=True)]
    angle = float(np.degrees(np.arccos(np.clip((np.trace(turns[0].T @ turns[1]) - 1) / 2, -1, 1))))
    if angle > limits.angle:
        yield "rotation", "as before", f"turned by {angle:.2f} degrees"
    if float(np.abs(sizes[1] / np.maximum(sizes[0], 1e-12) - 1).max()) > limits.scale:
        was, now = (f"{s[0]:.4g} x {s[1]:.4g} x {s[2]:.4g}" for s in sizes)
        yield "scale", was, now


def _posed(
    old: dict[str, NDArray[np.float64]], new: dict[str, NDArray[np.float64]], limits: Continuity
) -> Iterator[tuple[str, str, str]]:
    for path in sorted(old.keys() | new.keys()):
        a, b = old.get(path), new.get(path)
        if a is None or b is None or a.shape != b.shape:
            was, now = (f"{0 if p is None else len(p)} joints" for p in (a, b))
            yield path, was, now
            continue
        turn = np.einsum("nij,nij->n", a[:, :3, :3], b[:, :3, :3])
        angle = np.degrees(np.arccos(np.clip((turn - 1) / 2, -1, 1)))
        move = np.linalg.norm(a[:, 3, :3] - b[:, 3, :3], axis=1)
        off = (angle > limits.angle) | (move > limits.position_m)
        if off.any():
            worst = int(np.where(off, angle + move, 0).argmax())
            yield (
                path,
                "as before",
                f"{int(off.sum())} of {len(a)} joints differ, joint {worst} by {angle[worst]:.1f} degrees",
            )


def _differing(old: dict[str, Any], new: dict[str, Any], share: float) -> Iterator[tuple[str, str, str]]:
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a != b and not _close(a, b, share):
            was, now = ("not there" if v is None or v == "" else _text(v) for v in (a, b))
            yield name, was, now


def _close(a: Any, b: Any, share: float) -> bool:
    try:
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    except (TypeError, ValueError):
        return False
    if x.shape != y.shape or not x.size or isinstance(a, bool):
        return False
    return float(np.abs(x - y).max()) <= share * max(float(np.abs(x).max()), float(np.abs(y).max()))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_text(v) for v in value) + ")"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _metres(place: NDArray[np.float64]) -> str:
    return ", ".join(f"{v:.3f}" for v in place) + " m"
