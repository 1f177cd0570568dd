# SPDX-License-Identifier: Apache-2.0
"""What a USD file would compose to, counted from its layers before anything is composed.

Composition opens whatever a layer names, and a pipe never ends. Nor does it stop to ask: forty small layers, each of
which refers to the next twice, are a million million prims. Both are told here, by the layer that does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pxr import Ar, Sdf, Tf, UsdUtils

from pipeline.errors import ImportRefused
from pipeline.sandbox.paths import refuse_irregular
from pipeline.usd.reasons import reason

__all__ = ["MOST_PRIMS", "survey"]

#: prims of a stage, instances counted, that can be looked at
MOST_PRIMS = 100_000_000
#: prims whose arcs are followed one by one; a stage of more is large, and no bomb
MOST_FOLLOWED = 200_000
#: arcs after each other
DEEPEST = 500
#: what values of a damaged layer raise: composition tells of them
_BROKEN = (Tf.ErrorException, UnicodeDecodeError, TypeError)
_LAYERS = (".usd", ".usda", ".usdc", ".usdz")


class Arc(NamedTuple):
    """A reference, payload, inherit or specialize, or a sublayer (of `prim` "/")."""

    prim: str
    layer: str
    target: str


@dataclass
class Outline:
    """The prims of one layer in the order of a walk, and their arcs by the number of the prim."""

    default: str
    paths: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    arcs: list[tuple[int, Arc]] = field(default_factory=list)


def survey(path: str) -> int:
    """Prims that a file composes to, instances counted; an estimate from below, since variants are left out.

    Raises
    ------
    ImportRefused
        It is no layer, names a pipe or device as a layer, or composes to more prims than can be looked at.
    """
    return Survey(path).run()


class Survey:
    """One walk over the layers that a file names."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.outlines: dict[str, Outline] = {}
        self.left = MOST_FOLLOWED
        self.weights: dict[tuple[str, str], int] = {}
        self.variables: dict[str, Any] = {}

    def run(self) -> int:
        """Look at every layer, then count."""
        root = self._read(self.path)
        if root is None:
            return 0
        self.variables = dict(root.expressionVariables) if root.HasExpressionVariables() else {}
        waiting, seen = [root], {root.identifier}
        while waiting:
            layer = waiting.pop()
            for name in self._named(layer):
                if name not in seen:
                    seen.add(name)
                    found = self._read(name)
                    if found is not None:
                        waiting.append(found)
            self._outline(layer)
        count = self._weight(root.identifier, "/", 0, set())
        if count > MOST_PRIMS:
            raise ImportRefused(
                f"composes to {_many(count)} prims, instances counted: {self._why(root.identifier)}",
                path=self.path, remedy="remove the references that multiply it, or inspect one of its layers",
            )  # fmt: skip
        return count

    def _read(self, name: str) -> Any:
        """A layer; None where there is none, which composition tells as well."""
        file = name.partition("[")[0].partition(":SDF_FORMAT_ARGS:")[0]
        try:
            if name == self.path or Path(file).exists():
                refuse_irregular(Path(file))
        except ImportRefused as refused:
            raise ImportRefused(
                f"names {file} as a layer, which {refused.message}", path=self.path, remedy="remove that reference"
            ) from None
        except OSError:
            return None
        try:
            return Sdf.Layer.FindOrOpen(name)
        except Tf.ErrorException as e:
            if name != self.path:
                return None
            told = reason(e).replace(f"{self.path}:", "line ")
            raise ImportRefused(f"does not open: {told}", path=self.path, remedy="export it again") from None

    def _named(self, layer: Any) -> Iterator[str]:
        """Identifiers of the layers that a layer names, those of value clips among them."""
        arcs: set[str] = set()
        with suppress(*_BROKEN):
            arcs.update(a for kind in UsdUtils.ExtractExternalReferences(layer.identifier) for a in kind)
        with suppress(*_BROKEN):
            arcs.update(layer.GetCompositionAssetDependencies())
        for arc in sorted(arcs):
            name = self._resolved(layer, arc)
            if name and name.partition(":SDF_FORMAT_ARGS:")[0].rstrip("]").lower().endswith(_LAYERS):
                yield name

    def _resolved(self, layer: Any, arc: str) -> str:
        if arc.startswith("`"):
            value = Sdf.VariableExpression(arc).Evaluate(self.variables).value
            arc = value if isinstance(value, str) else ""
        if not arc:
            return ""
        anchored = Sdf.ComputeAssetPathRelativeToLayer(layer, arc)
        resolved = str(Ar.GetResolver().Resolve(anchored.partition(":SDF_FORMAT_ARGS:")[0]))
        return resolved or anchored

    def _outline(self, layer: Any) -> None:
        """The arcs of a layer, prim by prim, as long as there are not too many prims."""
        made = Outline(f"/{layer.defaultPrim}" if layer.defaultPrim else "", ["/"], [1])
        self.outlines[layer.identifier] = made
        for name in layer.subLayerPaths:
            made.arcs.append((0, Arc("/", self._resolved(layer, name), "/")))
        stack = [(0, iter(layer.rootPrims))]
        while stack:
            number, children = stack[-1]
            spec = next(children, None)
            if spec is None or self.left <= 0:
                made.ends[number] = len(made.paths)
                stack.pop()
                continue
            if not spec.active:
                continue
            self.left -= 1
            own = len(made.paths)
            made.paths.append(str(spec.path))
            made.ends.append(own + 1)
            with suppress(*_BROKEN):
                made.arcs += [(own, arc) for arc in self._of(layer, spec)]
            stack.append((own, iter(spec.nameChildren)))

    def _of(self, layer: Any, spec: Any) -> Iterator[Arc]:
        path = str(spec.path)
        for key, items in (("references", spec.referenceList), ("payload", spec.payloadList)):
            if spec.HasInfo(key):
                for item in items.GetAddedOrExplicitItems():
                    name = self._resolved(layer, item.assetPath) if item.assetPath else layer.identifier
                    yield Arc(path, name, str(item.primPath) if item.primPath else "")
        for key, items in (("inheritPaths", spec.inheritPathList), ("specializes", spec.specializesList)):
            if spec.HasInfo(key):
                for item in items.GetAddedOrExplicitItems():
                    yield Arc(path, layer.identifier, str(item))

    def _weight(self, layer: str, prim: str, depth: int, above: set[tuple[str, str]]) -> int:
        """Prims beneath a prim of a layer, and beneath all that it names."""
        key = (layer, prim)
        if key in self.weights:
            return self.weights[key]
        outline = self.outlines.get(layer)
        if outline is None or depth > DEEPEST or key in above:
            return 0
        first, last = _span(outline, prim)
        above.add(key)
        count = last - first
        for number, arc in outline.arcs:
            if first <= number < last:
                count += self._weight(arc.layer, self._target(arc), depth + 1, above)
        above.discard(key)
        self.weights[key] = count
        return count

    def _target(self, arc: Arc) -> str:
        outline = self.outlines.get(arc.layer)
        return arc.target or (outline.default if outline else "")

    def _why(self, layer: str) -> str:
        """The arc that leads to most."""
        outline = self.outlines[layer]
        _, worst = max(((self.weights.get((a.layer, self._target(a)), 0), a) for _, a in outline.arcs),
                       key=lambda found: found[0])  # fmt: skip
        target = self._target(worst)
        many = self.weights.get((worst.layer, target), 0)
        named = f"<{target}>" if worst.layer == layer else Path(worst.layer).name
        return f"<{worst.prim}> of {Path(layer).name} refers to {named}, which makes {_many(many)} of them"


def _span(outline: Outline, prim: str) -> tuple[int, int]:
    """The numbers of a prim and of those beneath it."""
    try:
        number = outline.paths.index(prim)
    except ValueError:
        return 0, 0
    return number, outline.ends[number]


def _many(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"{count:.1e}"
