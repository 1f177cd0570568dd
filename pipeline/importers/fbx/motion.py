# SPDX-License-Identifier: Apache-2.0
"""Animation stacks as clips: curves evaluated on the frames of the file's rate and at their own keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.fbx.nodes import Chain
from pipeline.importers.scene import Channel, Clip, Scene

Doubles = NDArray[np.float64]

_TICKS = 46_186_158_000
_TICKS_8000 = 141_120_000
_RATES = {1: 120.0, 2: 100.0, 3: 60.0, 4: 50.0, 5: 48.0, 6: 30.0, 7: 30.0, 10: 25.0, 11: 24.0, 13: 23.976}
_CONSTANT, _LINEAR, _CUBIC = 0x2, 0x4, 0x8
_MOST_KEYS = 200_000
_TRANSFORM = ("Lcl Translation", "Lcl Rotation", "Lcl Scaling")


@dataclass(slots=True)
class _Curve:
    times: Doubles
    values: Doubles
    modes: NDArray[np.int64]
    right: Doubles
    left: Doubles  # slope at which the span that begins here ends

    def at(self, t: Doubles) -> Doubles:
        """Values at times in seconds; the ends go on as they are."""
        if len(self.times) == 1:
            return np.full(len(t), self.values[0])
        i = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        gap = self.times[i + 1] - self.times[i]
        u = np.clip((t - self.times[i]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        a, b = self.values[i], self.values[i + 1]
        straight = a + (b - a) * u
        u2, u3 = u * u, u * u * u
        cubic = (
            (2 * u3 - 3 * u2 + 1) * a
            + (u3 - 2 * u2 + u) * gap * self.right[i]
            + (3 * u2 - 2 * u3) * b
            + (u3 - u2) * gap * self.left[i]
        )
        mode = self.modes[i]
        step = np.where(u >= 1, b, a)
        value = np.where(mode & _CUBIC, cubic, np.where(mode & _CONSTANT, step, straight))
        return np.asarray(np.where(t < self.times[0], self.values[0], value))

    @property
    def bent(self) -> bool:
        """Whether straight lines between the keys are not what it says."""
        return bool((self.modes[:-1] & _CUBIC).any())


def read_clips(
    document: Document, scene: Scene, nodes: dict[int, int], channels: dict[int, tuple[int, int, int]], version: int
) -> None:
    """Add a clip for every stack that moves something.

    Parameters
    ----------
    nodes
        Node numbers by the id of the Model.
    channels
        By the id of a blend shape channel: node, number of the shape, number of shapes.
    """
    ticks = _TICKS_8000 if version >= 8000 else _TICKS
    mode = int(document.settings.number("TimeMode", 11))
    rate = _RATES.get(mode, document.settings.number("CustomFrameRate", 24.0))
    rate = rate if 1.0 <= rate <= 1000.0 else 24.0
    for stack in document.of_kind("AnimationStack"):
        layers = document.children(stack, "AnimationLayer")
        if len(layers) > 1:
            scene.lose(stack.name, "animation layers", f"the base layer of {len(layers)} is kept")
        if layers:
            reader = _Stack(document, scene, layers[0], ticks, rate)
            moved = reader.channels(nodes, channels)
            if moved:
                scene.clips.append(Clip(stack.name, moved))


class _Stack:
    def __init__(self, document: Document, scene: Scene, layer: Object, ticks: int, rate: float) -> None:
        self.document, self.scene, self.ticks, self.rate = document, scene, ticks, rate
        self.layer = layer

    def channels(self, nodes: dict[int, int], shapes: dict[int, tuple[int, int, int]]) -> list[Channel]:
        """Channels of everything that the layer moves."""
        by_target: dict[int, dict[str, dict[str, _Curve]]] = {}
        targets: dict[int, Object] = {}
        other: set[str] = set()
        for curve_node in self.document.children(self.layer, "AnimationCurveNode"):
            curves = self._curves(curve_node)
            if not curves:
                continue
            for link in self.document.out[curve_node.id]:
                if not link.property:
                    continue
                if (link.object.id in nodes and link.property in _TRANSFORM) or link.object.id in shapes:
                    by_target.setdefault(link.object.id, {})[link.property] = curves
                    targets[link.object.id] = link.object
                else:
                    other.add(f"{link.object.name}: {link.property}")
        for what in sorted(other)[:20]:
            self.scene.lose(self.layer.name, f"animation of {what}", "only transforms and blend shapes move")
        made: list[Channel] = []
        for target, properties in by_target.items():
            if target in nodes:
                made += self._transform(targets[target], nodes[target], properties)
        return made + self._weights(by_target, shapes)

    def _curves(self, curve_node: Object) -> dict[str, _Curve]:
        found = {}
        for link in self.document.into[curve_node.id]:
            if link.object.kind == "AnimationCurve":
                curve = self._curve(link.object)
                if curve is not None:
                    found[link.property] = curve
        return found

    def _curve(self, curve: Object) -> _Curve | None:
        record, array = curve.record, self.document.array
        times, values = array(record, "KeyTime", np.int64), array(record, "KeyValueFloat", np.float64)
        if times is None or values is None or not len(times) or len(times) != len(values):
            return None
        seconds = times / self.ticks
        if not np.isfinite(values).all() or (np.diff(seconds) < 0).any():
            self.scene.lose(curve.name or "curve", "animation curve", "its keys are not finite or not in order")
            return None
        flags, data = array(record, "KeyAttrFlags", np.int64), array(record, "KeyAttrDataFloat", np.float64)
        uses = array(record, "KeyAttrRefCount", np.int64)
        n = len(times)
        modes, right, left = np.full(n, _LINEAR), np.zeros(n), np.zeros(n)
        fits = flags is not None and uses is not None and len(flags) == len(uses)
        if fits and flags is not None and uses is not None and (uses >= 0).all() and int(uses.sum()) == n:
            modes = np.repeat(flags, uses)
            if data is not None and len(data) == 4 * len(flags):
                slopes = np.repeat(data.reshape(-1, 4), uses, axis=0)
                right, left = np.nan_to_num(slopes[:, 0]), np.nan_to_num(slopes[:, 1])
        return _Curve(seconds, values, modes, right, left)

    def _times(self, curves: list[_Curve], *, dense: bool) -> Doubles:
        """Where to evaluate: the keys, and the frames between them where lines between keys are not enough."""
        keys = np.unique(np.concatenate([c.times for c in curves]))
        if dense or any(c.bent for c in curves):
            first, last = float(keys[0]), float(keys[-1])
            frames = min(int((last - first) * self.rate) + 1, _MOST_KEYS)
            keys = np.unique(np.concatenate([keys, np.arange(frames) / self.rate + first]))
        return np.asarray(keys[np.concatenate([[True], np.diff(keys) > 1e-6])])

    def _transform(self, model: Object, node: int, properties: dict[str, dict[str, _Curve]]) -> list[Channel]:
        curves = [c for group in properties.values() for c in group.values()]
        chain = Chain.of(model)
        dense = "Lcl Rotation" in properties  # Euler angles between keys are no shortest turns
        times = self._times(curves, dense=dense)
        zero = (0.0, 0.0, 0.0)
        values = []
        for name, fallback in zip(_TRANSFORM, (zero, zero, (1.0, 1.0, 1.0)), strict=True):
            rest = model.vector(name, fallback)
            group = properties.get(name, {})
            columns = [
                group[f"d|{a}"].at(times) if f"d|{a}" in group else np.full(len(times), rest[k])
                for k, a in enumerate("XYZ")
            ]
            values.append(np.stack(columns, axis=1))
        t, q, s = chain.apply(*values)
        flip = np.concatenate([[1.0], np.cumprod(np.where((q[1:] * q[:-1]).sum(1) < 0, -1.0, 1.0))])
        found = (("translation", t), ("rotation", q * flip[:, None]), ("scale", s))
        return [
            Channel(node, path, times, value)  # type: ignore[arg-type]
            for path, value in found
            if len(times) == 1 or np.ptp(value, axis=0).max() > 1e-12 or (path == "rotation" and dense)
        ]

    def _weights(
        self, found: dict[int, dict[str, dict[str, _Curve]]], shapes: dict[int, tuple[int, int, int]]
    ) -> list[Channel]:
        by_node: dict[int, list[tuple[int, int, _Curve]]] = {}
        for target, properties in found.items():
            if target in shapes and "DeformPercent" in properties:
                node, number, count = shapes[target]
                curve = next(iter(properties["DeformPercent"].values()))
                by_node.setdefault(node, []).append((number, count, curve))
        made = []
        for node, entries in by_node.items():
            times = self._times([c for _, _, c in entries], dense=False)
            rest = self.scene.nodes[node].weights
            count = entries[0][1]
            values = np.tile(np.array(rest[:count] if len(rest) >= count else [0.0] * count), (len(times), 1))
            for number, _, curve in entries:
                values[:, number] = curve.at(times) / 100.0
            made.append(Channel(node, "weights", times, values))
        return made
