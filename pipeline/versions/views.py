# SPDX-License-Identifier: Apache-2.0
"""What a layer stack says, path by path, without composing a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from pxr import Sdf, Usd

from pipeline.errors import StageError, UnknownRef
from pipeline.usd.reasons import reason
from pipeline.versions.fields import NotOneLayer, combine, kind_of, read_fields, spec_at
from pipeline.versions.fold import folded
from pipeline.versions.store import VersionStore

__all__ = ["SpecView", "StackView", "view_of", "view_of_file", "view_of_version"]


@dataclass(frozen=True)
class SpecView:
    """What a stack says at one path.

    Attributes
    ----------
    kind
        `prim`, `attribute`, `relationship`, `variant`, `variantSet` or `root`.
    names
        Finds the names of child prims, which cost as much as there are.
    """

    kind: str
    fields: dict[str, object]
    names: Callable[[], tuple[str, ...]] = tuple

    @cached_property
    def children(self) -> tuple[str, ...]:
        """Names of child prims, in order."""
        return self.names()


@dataclass(frozen=True)
class StackView:
    """A stack of layers, strongest first.

    Attributes
    ----------
    names
        What identifies each layer's content: an object's name or a file's path.
    label
        How the stack was asked for.
    stage
        What keeps the layers open, where they are a stage's.
    """

    layers: tuple[Sdf.Layer, ...]
    names: tuple[str, ...]
    label: str = ""
    stage: Usd.Stage | None = None

    def at(self, path: Sdf.Path) -> SpecView | None:
        """What is said at a path; None where nothing is there."""
        specs = [spec for spec in (spec_at(layer, path) for layer in self.layers) if spec is not None]
        if not specs:
            return None
        kind = kind_of(specs[0])
        specs = [spec for spec in specs if kind_of(spec) == kind]
        fields = read_fields(specs[-1])
        for spec in reversed(specs[:-1]):
            strong = read_fields(spec)
            try:
                fields = combine(kind, strong, fields)
            except NotOneLayer:
                fields = fields | strong
        has_children = kind in {"prim", "root", "variant"}
        return SpecView(kind, fields, partial(self.children_at, path) if has_children else tuple)

    def children_at(self, path: Sdf.Path) -> tuple[str, ...]:
        """Names of the child prims at a prim, variant or root path, in the order that composition gives them."""
        children: dict[str, None] = {}
        for layer in reversed(self.layers):
            spec = spec_at(layer, path)
            if spec is not None and kind_of(spec) in {"prim", "root", "variant"}:
                owner = spec.primSpec if kind_of(spec) == "variant" else spec
                children.update(dict.fromkeys(owner.nameChildren.keys()))
        return tuple(children)

    def folded(self, extension: str = ".usdc") -> Sdf.Layer:
        """All of it as one layer in memory.

        Raises
        ------
        NotOneLayer
            No single layer says the same.
        """
        return folded(self.layers, extension)


def view_of_version(store: VersionStore, identifier: str, label: str = "") -> StackView:
    """The stack of a version."""
    stack = store.index.get(identifier).stack
    layers = [layer for name in stack for layer in _with_sublayers(store.open_object(name))]
    names = tuple(Path(layer.realPath).name for layer in layers)
    return StackView(tuple(layers), names, label or identifier)


def _with_sublayers(layer: Sdf.Layer) -> Iterator[Sdf.Layer]:
    """A layer and what it brings in beneath itself."""
    yield layer
    for path in layer.subLayerPaths:
        beneath = Sdf.Layer.FindOrOpenRelativeToLayer(layer, path)
        if beneath:
            yield from _with_sublayers(beneath)


def view_of_file(path: Path) -> StackView:
    """The layer stack of any layer or stage file, read from the disk now.

    Raises
    ------
    StageError
        It cannot be read.
    """
    from pxr import Tf

    try:
        for loaded in filter(None, [Sdf.Layer.Find(str(path))]):
            loaded.Reload()
        # nothing is composed but the layer stack
        stage = Usd.Stage.OpenMasked(str(path), Usd.StagePopulationMask(), Usd.Stage.LoadNone)
    except Tf.ErrorException as error:
        raise StageError(
            f"this file cannot be read as USD: {reason(error)}", path=path, remedy="check the file"
        ) from error
    layers = tuple(stage.GetLayerStack(includeSessionLayers=False))
    return StackView(layers, tuple(layer.identifier for layer in layers), path.name, stage)


def view_of(store: VersionStore, ref: str) -> StackView:
    """The stack of a branch, tag, version, layer file or stage file.

    Raises
    ------
    UnknownRef
        Nothing is called that.
    """
    try:
        return view_of_version(store, store.refs.resolve(ref), ref)
    except UnknownRef:
        path = Path(ref).absolute()
        if not path.is_file():
            raise
    return view_of_file(path)
