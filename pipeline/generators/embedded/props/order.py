# SPDX-License-Identifier: Apache-2.0
"""What a prop's builder gets to know: size, workmanship, colours, and which extras were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.generators.embedded.pieces import Look, Piece
from pipeline.generators.embedded.timber import Hand

Colour = tuple[float, float, float]
Parts = dict[str, list[Piece]]


def srgb(code: str) -> Colour:
    """`#rrggbb` as sRGB in 0-1."""
    value = int(code.lstrip("#"), 16)
    return ((value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255)


#: what things are coloured when neither words nor pictures say; sRGB
DYES: dict[str, Colour] = {
    "wood": srgb("#a9713f"),
    "dark": srgb("#70452a"),
    "cloth": srgb("#b5402f"),
    "cloth2": srgb("#efe2c4"),
    "metal": srgb("#5b5853"),
    "glass": srgb("#ffd27a"),
    "stone": srgb("#8f8a80"),
    "leaf": srgb("#5f8a3c"),
    "paint": srgb("#3f7d86"),
    "clay": srgb("#b4653f"),
}


@dataclass(frozen=True)
class Order:
    """One prop to build.

    Attributes
    ----------
    size
        width (x), height (y), depth (z) in metres.
    clearance
        metres between touching pieces; negative lets them overlap, which `fault` uses to fuse a kit.
    dyes
        sRGB by use; see `DYES`.
    extras
        how many of each extra (`crate`, `barrel`, `lamp`, `sign`, goods by name); 0 forbids one.
    traits
        adjectives that steer form: `striped`, `gable`, `awning`, `old`, `chunky`, …
    """

    size: tuple[float, float, float]
    hand: Hand
    dyes: Mapping[str, Colour] = field(default_factory=lambda: dict(DYES))
    clearance: float = 0.0025
    extras: Mapping[str, int] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()

    @property
    def rng(self) -> np.random.Generator:
        """The one source of chance."""
        return self.hand.rng

    def dye(self, use: str) -> Colour:
        """The colour for a use."""
        return self.dyes.get(use) or DYES[use]

    def look(self, material: str, use: str = "", shade: float = 1.0) -> Look:
        """An even look in the colour of `use` (the material's own without one)."""
        r, g, b = self.dye(use or material)
        if (material, use) == ("wood", "dark"):
            material = "timber"
        return Look(material, (min(r * shade, 1), min(g * shade, 1), min(b * shade, 1)))

    def woods(self, use: str = "wood") -> list[Look]:
        """Three tones of one wood, for boards side by side."""
        return [self.look("wood", use, s) for s in (0.93, 1.0, 1.06)]

    def sized(self, *size: float) -> Order:
        """The same order at another size."""
        return replace(self, size=(size[0], size[1], size[2]))

    def play(self, metres: float) -> float:
        """A distance between pieces that only touch: `metres`, or an overlap where pieces overlap."""
        return metres if self.clearance > 0 else -0.006

    def wants(self, extra: str, otherwise: int) -> int:
        """How many of an extra: what was asked, or `otherwise`."""
        return self.extras.get(extra, otherwise)


def shifted(pieces: list[Piece], x: float, y: float, z: float) -> list[Piece]:
    """All pieces moved by metres."""
    return [p.moved((x, y, z)) for p in pieces]


def turned(
    pieces: list[Piece], axis: str, degrees: float, about: tuple[float, float, float] = (0, 0, 0)
) -> list[Piece]:
    """All pieces rotated about one axis through a point."""
    return [p.turned(axis, degrees, about) for p in pieces]
