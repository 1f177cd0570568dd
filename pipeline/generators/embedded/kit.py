# SPDX-License-Identifier: Apache-2.0
"""Mode `kit`: the words of the prompt become parametric parts at real size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import UsageError
from pipeline.generators.base import Request
from pipeline.generators.embedded import palette as colours
from pipeline.generators.embedded.model import Model, assemble
from pipeline.generators.embedded.pieces import Piece
from pipeline.generators.embedded.props import PROPS
from pipeline.generators.embedded.props.order import DYES, Colour, Order, Parts, srgb
from pipeline.generators.embedded.timber import Hand
from pipeline.generators.embedded.words import Reading, forbidden, read
from pipeline.references import Palette, extract
from pipeline.usd.colour import lab_of_srgb


@dataclass(frozen=True)
class Kit:
    """A built kit before it is packed and painted: named parts and what there is to say about them."""

    parts: Parts
    reading: Reading
    notes: tuple[str, ...]

    @property
    def triangles(self) -> int:
        """Triangles of all parts."""
        return sum(p.triangles for pieces in self.parts.values() for p in pieces)


def _dyes(request: Request, reading: Reading, rng: np.random.Generator) -> dict[str, Colour]:
    """Colours by use: defaults, then the palette asked, then the pictures' palette, then words."""
    result: dict[str, Colour] = {}
    surfaces = [p.path for p in request.pictures("material", "style")]
    shapes = [p.path for p in request.pictures("shape")]
    for sources in (shapes, surfaces):
        if sources:
            result |= _richer(result, colours.dyes_from(extract(sources)))
    if request.palette:
        rgb = np.array([srgb(c) for c in request.palette])
        result |= colours.dyes_from(Palette(rgb, np.full(len(rgb), 1 / len(rgb))))
    if not result and not reading.dyes.get("cloth"):
        choice = ("#b5402f", "#3f6d9e", "#5d8a48", "#c98a2e", "#7b4f8c")
        result["cloth"] = srgb(choice[int(rng.integers(len(choice)))])
    for use, words in reading.dyes.items():
        tints = [c for c in (colours.named(w) for w in words) if c]
        if tints:
            result[use] = tints[0]
        if use == "cloth" and len(tints) > 1:
            result["cloth2"] = tints[1]
    if reading.traits & {"old", "worn", "weathered", "mossy"}:
        for use in ("wood", "dark"):
            r, g, b = result.get(use, DYES[use])
            grey = (r + g + b) / 3
            result[use] = (0.6 * r + 0.4 * grey, 0.6 * g + 0.4 * grey, 0.6 * b + 0.4 * grey)
    if "cloth" in result:
        result["cloth"] = _vary(result["cloth"], rng, 0.03)
    result["wood"] = _vary(result.get("wood", DYES["wood"]), rng, 0.05)
    return result


def _richer(known: dict[str, Colour], new: dict[str, Colour]) -> dict[str, Colour]:
    """Of new colours those that are no duller than what is known for their use: light washes pictures out."""

    def chroma(colour: Colour) -> float:
        return float(np.hypot(*lab_of_srgb(np.array(colour))[1:]))

    return {use: c for use, c in new.items() if use not in known or chroma(c) > 0.75 * chroma(known[use])}


def _vary(colour: Colour, rng: np.random.Generator, amount: float) -> Colour:
    r, g, b = (float(np.clip(c * (1 + rng.uniform(-amount, amount)), 0.05, 0.97)) for c in colour)
    return (r, g, b)


def _hand(traits: frozenset[str], rng: np.random.Generator, detail: float) -> Hand:
    rough = bool(traits & {"old", "worn", "rustic", "weathered", "rough", "rickety", "broken", "medieval"})
    clean = bool(traits & {"modern", "clean", "sleek", "new", "smooth"})
    chunky = bool(traits & {"chunky", "cartoon", "stylised", "stylized"})
    chamfer = 0.006 if clean else 0.011 if chunky else 0.009
    return Hand(
        rng,
        chamfer=chamfer if detail >= 0.2 else 0.0,
        wobble=0.0 if clean else 0.0045 if rough else 0.003,
        detail=detail,
    )


def build(request: Request, seed: int, clearance: float = 0.0025, detail: float = 1.0) -> Kit:
    """Build the parts of one candidate, fitted to the size asked.

    Parameters
    ----------
    clearance
        metres between touching pieces; negative values overlap them.
    detail
        1 is as fine as chamfers need; lower is coarser.
    """
    reading = read(request.prompt)
    rng = np.random.default_rng([seed, 7])
    prop = PROPS.get(reading.thing)
    notes: list[str] = []
    size = request.size_m
    if prop is None:
        prop = PROPS["block"]
        what = f"{reading.noun!r}" if reading.noun else "a prompt that names no known thing"
        notes.append(
            f"the kit does not know {what}: this is a plain box of the size asked, no likeness; "
            f"it knows {', '.join(sorted(PROPS.keys() - {'block'}))}"
        )
    if size is None:
        size = prop.size
        notes.append("no size was asked: the usual {:g} x {:g} x {:g} m was taken".format(*size))
    extras = dict(reading.counts)
    for word in forbidden(request.negative_prompt):
        extras[word] = 0
    hand = _hand(reading.traits, rng, detail)
    order = Order(size, hand, _dyes(request, reading, rng), clearance, extras, reading.traits)
    parts = _row(prop.build, order, reading.number)
    if request.size_m is None and reading.number > 1:
        size = (size[0] * reading.number * 1.08, size[1], size[2])
    parts = _fit(parts, size)
    if reading.unknown:
        notes.append(f"words that steered nothing: {', '.join(dict.fromkeys(reading.unknown))}")
    missing = [p for p in request.parts if p not in parts]
    if missing:
        notes.append(f"no part called {', '.join(missing)}; the parts are {', '.join(parts)}")
    ignored = [w for w in reading.counts if reading.counts[w] and w not in prop.extras]
    if ignored:
        notes.append(f"{reading.thing or 'a box'} takes no {', '.join(ignored)}")
    return Kit(parts, reading, tuple(notes))


def _row(make: Callable[[Order], Parts], order: Order, number: int) -> Parts:
    """`number` of a thing side by side, each built anew; their parts are numbered."""
    if number == 1:
        return make(order)
    result: Parts = {}
    edge = 0.0
    for i in range(number):
        parts = make(order)
        points = np.concatenate([p.points for pieces in parts.values() for p in pieces])
        shift = (edge - float(points[:, 0].min()), 0.0, 0.0)
        edge += float(np.ptp(points[:, 0])) + order.play(0.08 * order.size[0])
        result |= {f"{name}_{i + 1}": [p.moved(shift) for p in pieces] for name, pieces in parts.items()}
    return result


def _fit(parts: Parts, size: Sequence[float]) -> Parts:
    """Scale to the size asked exactly, stand it on y = 0 and centre it in x and z."""
    points = np.concatenate([p.points for pieces in parts.values() for p in pieces])
    low, high = points.min(0), points.max(0)
    factor = np.asarray(size, float) / np.maximum(high - low, 1e-9)
    middle = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])

    def place(piece: Piece) -> Piece:
        return replace(piece, points=(piece.points - middle) * factor)

    return {name: [place(p) for p in pieces] for name, pieces in parts.items()}


def coarsened(make: Callable[[float], Kit], target: int) -> Kit:
    """The finest of a few details that stays within `target` triangles; the coarsest where none does."""
    kit = make(1.0)
    if not target:
        return kit
    for detail in (0.7, 0.5, 0.3, 0.1):
        if kit.triangles <= target:
            break
        kit = make(detail)
    return kit


def kit_model(request: Request, seed: int) -> Model:
    """One candidate of mode `kit`.

    Raises
    ------
    UsageError
        The size is not three positive numbers.
    """
    if request.size_m and min(request.size_m) <= 0:
        raise UsageError("a size needs three positive numbers", remedy="say it as WxHxD in metres, 2.4x2.6x1.8")
    kit = coarsened(lambda detail: build(request, seed, detail=detail), request.target_triangles)
    notes = list(kit.notes)
    if request.target_triangles and kit.triangles > request.target_triangles:
        notes.append(
            f"{kit.triangles} triangles where {request.target_triangles} were asked: refinement has to reduce it"
        )
    if request.pose:
        notes.append("the kit builds props: a pose means nothing to it")
    return assemble(kit.parts, request.texture_size, seed, notes)
