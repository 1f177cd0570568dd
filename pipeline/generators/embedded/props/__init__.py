# SPDX-License-Identifier: Apache-2.0
"""The things the kit can build, by name: a builder, a usual size in metres, and the extras it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.generators.embedded.props.containers import barrel, basket, crate
from pipeline.generators.embedded.props.furniture import bench, chair, shelf, stool, table
from pipeline.generators.embedded.props.goods import WARES
from pipeline.generators.embedded.props.nature import bush, pine, rock, tree
from pipeline.generators.embedded.props.order import Order, Parts
from pipeline.generators.embedded.props.stall import stall
from pipeline.generators.embedded.props.street import fence, lamp, lamppost, pillar, pot, sign, signpost
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
    "bench": Prop(bench, (1.6, 0.85, 0.55)),
    "block": Prop(block, (1.0, 1.0, 1.0)),
    "bush": Prop(bush, (1.4, 0.9, 0.9)),
    "chair": Prop(chair, (0.48, 0.95, 0.5)),
    "crate": Prop(crate, (0.8, 0.8, 0.8)),
    "fence": Prop(fence, (3.0, 1.1, 0.22)),
    "lamp": Prop(lamp, (0.22, 0.42, 0.22)),
    "lamppost": Prop(lamppost, (0.4, 3.2, 0.4)),
    "pillar": Prop(pillar, (0.7, 3.0, 0.7)),
    "pine": Prop(pine, (2.2, 5.0, 2.2)),
    "pot": Prop(pot, (0.35, 0.4, 0.35)),
    "rock": Prop(rock, (1.6, 0.9, 1.1)),
    "shelf": Prop(shelf, (1.0, 1.9, 0.35)),
    "sign": Prop(sign, (1.1, 1.0, 0.18)),
    "signpost": Prop(signpost, (1.5, 2.4, 0.3)),
    "stall": Prop(stall, (2.4, 2.6, 1.8), frozenset({"crate", "barrel", "lamp", "sign", "table", *WARES})),
    "stool": Prop(stool, (0.36, 0.46, 0.36)),
    "table": Prop(table, (1.6, 0.76, 0.8)),
    "tree": Prop(tree, (3.0, 4.5, 3.0)),
}
