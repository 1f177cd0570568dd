# SPDX-License-Identifier: Apache-2.0
"""Light rigs: template stages, fitted to a subject of any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.render.lamps import Array, Lamp, read_lamps
from pipeline.resources import folder
from pipeline.usd.scene import read_scene

#: the rig of a stage that has no lights
DEFAULT = "studio_softbox"


def names() -> list[str]:
    """The rigs that ship."""
    return sorted(p.stem for p in (folder("stages") / "light_rigs").glob("*.usda"))


def rig_path(name: str | Path) -> Path:
    """The stage of a rig, by name or path.

    Raises
    ------
    pipeline.errors.UsageError
        There is none.
    """
    shipped = folder("stages") / "light_rigs" / f"{name}.usda"
    for candidate in (shipped, Path(name)):
        if candidate.is_file():
            return candidate
    raise UsageError(
        f"there is no light rig {str(name)!r}", remedy=f"use one of {', '.join(names())}, or a USD file with lights"
    )


def load(name: str | Path, bounds: Array) -> tuple[Lamp, ...]:
    """The lamps of a rig around a subject.

    Rigs are made for a subject with a radius of one metre on the floor at the origin. Lamps move and grow with
    the subject, so their radiance and the light that reaches it stay the same.

    Parameters
    ----------
    bounds
        ``(2, 3)`` metres.
    """
    scene = read_scene(str(rig_path(name)), clips=False)
    lamps, _ = read_lamps(scene)
    low, high = np.asarray(bounds, np.float64)
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-6)
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    # aimed at the middle of the subject, not at its foot
    middle = np.array([0, max(float(high[1] - low[1]) / 2 - radius * 0.1, 0), 0])
    return tuple(_fitted(lamp, radius, foot + middle) for lamp in lamps)


def _fitted(lamp: Lamp, radius: float, foot: Array) -> Lamp:
    if lamp.kind in {"distant", "dome"}:
        return lamp
    return replace(lamp, position=lamp.position * radius + foot, size=tuple(s * radius for s in lamp.size))
