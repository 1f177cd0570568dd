# SPDX-License-Identifier: Apache-2.0
"""Animation stacks, layers, curve nodes and curves."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from .deflate import Deflated, Deflater, ready
from .document import KTIME, Document, Take, ticks
from .properties import ktime, p, properties
from .records import RecordWriter, f64, i32, i64, named, text

__all__ = ["CurveWriter"]

Doubles = NDArray[np.float64]
_LINEAR = 0x6104  # straight between keys; the other bits mark a generic key as Autodesk's tools write it
_STEP = 0x6102  # held until the next key
_AXES = ("X", "Y", "Z")
_SHORT = {"Lcl Translation": "T", "Lcl Rotation": "R", "Lcl Scaling": "S", "DeformPercent": "DeformPercent",
          "Visibility": "Visibility"}  # fmt: skip
_STILL = 1e-9  # of the value's size, below which a curve does not move


class CurveWriter:
    """Curves of one take.

    Parameters
    ----------
    offset
        Seconds at which the clip's time 0 lies on the stage's time line.
    """

    def __init__(self, document: Document, deflater: Deflater, name: str, offset: float, seconds: float) -> None:
        self.document = document
        self.deflater = deflater
        self.offset = offset
        self.curves = 0
        start, stop = ticks(offset), ticks(offset + seconds)
        document.takes.append(Take(name, start, stop))
        stack_id, self.layer = document.id(), document.id()
        range_ = [
            ktime("LocalStart", i64(start)),
            ktime("LocalStop", i64(stop)),
            ktime("ReferenceStart", i64(start)),
            ktime("ReferenceStop", i64(stop)),
        ]

        def emit_stack(w: RecordWriter) -> None:
            with w.nest(b"AnimationStack", i64(stack_id), named(name, "AnimStack"), text("")):
                properties(w, range_)

        def emit_layer(w: RecordWriter) -> None:
            with w.nest(b"AnimationLayer", i64(self.layer), named("BaseLayer", "AnimLayer"), text("")):
                pass

        document.add("AnimationStack", emit_stack)
        document.add("AnimationLayer", emit_layer)
        document.connect(self.layer, stack_id)

    def times(self, seconds: Doubles) -> NDArray[np.int64]:
        """Times of the clip as ticks of the file."""
        return np.round((seconds + self.offset) * KTIME).astype(np.int64)

    def vector(self, model: int, prop: str, times: NDArray[np.int64], values: Doubles) -> None:
        """Animate a property of three numbers: `times (k,)` in ticks, `values (k, 3)`."""
        self._node(model, prop, [f"d|{a}" for a in _AXES], times, values)

    def percent(self, channel: int, times: NDArray[np.int64], values: Doubles) -> None:
        """Animate a blend shape channel: `values (k,)` in percent."""
        self._node(channel, "DeformPercent", ["d|DeformPercent"], times, values[:, None])

    def visibility(self, model: int, times: NDArray[np.int64], shown: NDArray[np.bool_]) -> None:
        """Show and hide a model: `shown (k,)`, each held until the next."""
        self._node(model, "Visibility", ["d|Visibility"], times, shown[:, None].astype(np.float64), steps=True)

    def _node(
        self,
        target: int,
        prop: str,
        names: list[str],
        times: NDArray[np.int64],
        values: Doubles,
        *,
        steps: bool = False,
    ) -> None:
        size = np.abs(values).max(0, initial=0.0)
        moving = (np.ptp(values, axis=0) > _STILL * np.maximum(size, 1.0)) if len(values) > 1 else size < 0
        node_id = self.document.id()
        first = values[0].tolist()

        def emit(w: RecordWriter) -> None:
            head = (i64(node_id), named(_SHORT[prop], "AnimCurveNode"), text(""))
            with w.nest(b"AnimationCurveNode", *head):
                properties(w, [p(n, "Number", "", "A", f64(v)) for n, v in zip(names, first, strict=True)])

        self.document.add("AnimationCurveNode", emit)
        self.document.connect(node_id, self.layer)
        self.document.connect(node_id, target, prop)
        if moving.any():  # readers pass over a property whose X has no curve, so all three get one
            for axis, name in enumerate(names):
                self._curve(node_id, name, times, values[:, axis], steps=steps)

    def _curve(
        self, node_id: int, name: str, times: NDArray[np.int64], values: Doubles, *, steps: bool = False
    ) -> None:
        if not steps:
            keep = _needed(times, values)
            times, values = times[keep], values[keep]
        flags = _STEP if steps else _LINEAR
        curve_id = self.document.id()
        self.curves += 1
        pending: list[Future[Deflated] | Deflated] = [
            self.deflater.submit(times),
            self.deflater.submit(values, "<f4"),
        ]
        default = float(values[0])

        def emit(w: RecordWriter) -> None:
            with w.nest(b"AnimationCurve", i64(curve_id), named("", "AnimCurve"), text("")):
                w.leaf(b"Default", f64(default))
                w.leaf(b"KeyVer", i32(4009))
                w.array(b"KeyTime", ready(pending[0]))
                w.array(b"KeyValueFloat", ready(pending[1]))
                w.array(b"KeyAttrFlags", np.array([flags], np.int32))
                w.array(b"KeyAttrDataFloat", np.zeros(4, np.float32))
                w.array(b"KeyAttrRefCount", np.array([len(times)], np.int32))
            pending.clear()

        self.document.add("AnimationCurve", emit)
        self.document.connect(curve_id, node_id, name)


def _needed(times: NDArray[np.int64], values: Doubles) -> NDArray[np.bool_]:
    """Keys without which a straight line between their neighbours would say something else."""
    keep = np.ones(len(times), bool)
    if len(times) < 3:
        return keep
    before, here, after = values[:-2], values[1:-1], values[2:]
    span = (times[2:] - times[:-2]).astype(np.float64)
    line = before + (after - before) * (times[1:-1] - times[:-2]) / np.where(span > 0, span, 1)
    straight = np.abs(line - here) <= 1e-11 * float(np.abs(values).max())  # no more than rounding
    keep[1:-1] = ~straight
    return keep
