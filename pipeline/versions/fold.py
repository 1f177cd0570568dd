# SPDX-License-Identifier: Apache-2.0
"""Folding: the layers of a stack as one layer that composes the same.

USD offers two ways and neither keeps everything: `StitchLayers` joins time samples that composition hides,
`FlattenLayerStack` loses comments and takes minutes over a thousand layers. Here a stronger layer is laid
over a copy of the weaker one, so the cost follows the size of the stronger layer; what only one of them says
is copied by USD itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pxr import Sdf

from pipeline.versions.fields import NotOneLayer, combine, kind_of, read_fields, spec_at, write_fields

__all__ = ["copy_of", "folded", "overlay", "paths_of"]

ROOT = Sdf.Path.absoluteRootPath


def copy_of(layer: Sdf.Layer, extension: str = ".usdc") -> Sdf.Layer:
    """A layer's content in memory, to be changed."""
    copy = Sdf.Layer.CreateAnonymous(extension)
    copy.TransferContent(layer)
    return copy


def folded(layers: Iterable[Sdf.Layer], extension: str = ".usdc") -> Sdf.Layer:
    """One new layer that says what a stack says.

    Parameters
    ----------
    layers
        Strongest first, at least one; what one of them brings in as a sublayer must follow it.

    Raises
    ------
    NotOneLayer
        No single layer says the same.
    """
    stack = list(layers)
    _refuse_loose_sublayers(stack)
    result = copy_of(stack[-1], extension)
    for strong in reversed(stack[:-1]):
        overlay(strong, result)
    result.subLayerPaths = []
    return result


def _refuse_loose_sublayers(stack: list[Sdf.Layer]) -> None:
    """Sublayers that are not in the stack themselves, or not as they are, cannot be folded in."""
    there = {layer.identifier for layer in stack}
    for layer in stack:
        if any(not offset.IsIdentity() for offset in layer.subLayerOffsets):
            raise NotOneLayer("a sublayer is offset in time")
        if any(layer.ComputeAbsolutePath(path) not in there for path in layer.subLayerPaths):
            raise NotOneLayer("a layer brings in sublayers of its own")


def overlay(strong: Sdf.Layer, weak: Sdf.Layer) -> None:
    """Lay a stronger layer over a weaker one, changing the weaker.

    Raises
    ------
    NotOneLayer
        No single layer says the same; the weaker layer is then half changed and of no use.
    """
    with Sdf.ChangeBlock():
        _over(strong.pseudoRoot, weak.pseudoRoot, weak)


def paths_of(layer: Sdf.Layer) -> list[Sdf.Path]:
    """Paths of all specs of a layer that hold fields: prims, properties, variants, the root."""
    paths: list[Sdf.Path] = []
    layer.Traverse(ROOT, paths.append)
    return [path for path in paths if not path.IsTargetPath() and not path.IsMapperPath()]


def _over(strong: Sdf.Spec, weak: Sdf.Spec, layer: Sdf.Layer) -> None:
    kind = kind_of(strong)
    if kind != "variantSet":
        old = read_fields(weak)
        new = read_fields(strong)
        if "clips" in new and _has_values(weak):
            # clips of a stronger layer hide values beneath; in one layer the values would hide the clips
            raise NotOneLayer("value clips over values")
        write_fields(weak, combine(kind, new, old), old)
    for child in _children(strong):
        beneath = spec_at(layer, child.path)
        if beneath is None:
            Sdf.CopySpec(strong.layer, child.path, layer, child.path)
        elif kind_of(child) in {"attribute", "relationship"}:
            _over_property(child, beneath, layer)
        else:
            _over(child, beneath, layer)


def _over_property(strong: Sdf.Spec, weak: Sdf.Spec, layer: Sdf.Layer) -> None:
    kind, old, new = kind_of(strong), read_fields(weak), read_fields(strong)
    if kind != kind_of(weak):  # an attribute where a relationship was: the stronger one decides what it is
        owner = layer.GetPrimAtPath(strong.path.GetPrimOrPrimVariantSelectionPath())
        owner.RemoveProperty(weak)
        Sdf.CopySpec(strong.layer, strong.path, layer, strong.path)
        return
    both = combine(kind, new, old)
    if "timeSamples" in new or new.get("typeName") != old.get("typeName"):
        Sdf.CopySpec(strong.layer, strong.path, layer, strong.path)  # samples in one go
        old = new
        weak = spec_at(layer, strong.path)
    write_fields(weak, both, old)


def _children(spec: Sdf.Spec) -> Iterator[Sdf.Spec]:
    kind = kind_of(spec)
    if kind == "variantSet":
        yield from spec.variants.values()
        return
    if kind == "variant":
        spec = spec.primSpec
    if kind == "root":
        yield from spec.nameChildren.values()
        return
    yield from spec.properties.values()
    yield from spec.nameChildren.values()
    yield from spec.variantSets.values()


def _has_values(prim: Sdf.Spec) -> bool:
    """Whether an attribute at or beneath a prim has a value of its own."""
    found = False

    def look(path: Sdf.Path) -> None:
        nonlocal found
        if not found and path.IsPrimPropertyPath():
            spec = prim.layer.GetAttributeAtPath(path)
            found = bool(spec) and (spec.HasInfo("default") or spec.HasInfo("timeSamples") or spec.HasInfo("spline"))

    prim.layer.Traverse(prim.path, look)
    return found
