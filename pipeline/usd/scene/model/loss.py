# SPDX-License-Identifier: Apache-2.0
"""What could not be kept."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that the stage says and the result does not hold.

    Attributes
    ----------
    prim
        The path of the prim that says it.
    what
        What is lost, in USD's words: `blend shape in-between`, `light filter`.
    why
        The reason, and what stands in its place.
    reduced
        The stage is sound; the flattened scene holds less than it says. A copy of the stage as USD loses nothing.
    """

    prim: str
    what: str
    why: str
    reduced: bool = False
