# SPDX-License-Identifier: Apache-2.0
"""The things the kit can build, by name: a builder, a usual size in metres, and the extras it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.generators.embedded.props.containers import barrel, basket, crate
from pipeline.generators.embedded.props.goods import WARES
from pipeline.generators.embedded.props.order import Order, Parts
from pipeline.generators.embedded.props.stall import stall
from pipeline.generators.embedded.timber import bar

__all__ = ["PROPS", "Prop"]


@dataclass(frozen=True)
class Prop:
    """One thing: how it is built, its usual width, height and depth in metres, the extras it takes."""

    build: Callable[[Order], Parts]
    size: tuple[float, float, float]
    extras: frozenset[str] = frozenset()


def block(order: Order) -> Parts:
    """A plain box that stands in for a thing the kit does not know."""
    w, h, d = order.size
    piece = bar((-w / 2, h / 2, 0), (w / 2, h / 2, 0), d, h, order.look("stone"), order.hand)
    return {"block": [piece]}


PROPS: dict[str, Prop] = {
    "barrel": Prop(barrel, (0.6, 0.9, 0.6)),
    "basket": Prop(basket, (0.45, 0.35, 0.45)),
    "block": Prop(block, (1.0, 1.0, 1.0)),
    "crate": Prop(crate, (0.8, 0.8, 0.8)),
    "stall": Prop(stall, (2.4, 2.6, 1.8), frozenset({"crate", "barrel", "lamp", "sign", *WARES})),
}
