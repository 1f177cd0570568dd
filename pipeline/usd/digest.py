# SPDX-License-Identifier: Apache-2.0
"""A digest of what a prim and everything beneath it compose to.

Two stages give the same digest exactly when the prims, their types, their applied schemas and all resolved
values beneath the path are the same; where the opinions stand (which layer, which arc) does not count. The
root's own transform is left out, because it is a placement and no part of the asset.
"""

from __future__ import annotations

import numpy as np
import xxhash
from pxr import Sdf, Usd

__all__ = ["arcs_digest", "subtree_digest"]


def subtree_digest(prim: Usd.Prim) -> str:
    """Hexadecimal 128-bit digest of the composed subtree, unselected variants left out.

    Arrays are hashed as memory, so that the cost is that of reading them once.
    """
    state = xxhash.xxh3_128()
    root = prim.GetPath()
    for each in Usd.PrimRange(prim, Usd.TraverseInstanceProxies()):
        path = each.GetPath()
        state.update(str(path.MakeRelativePath(root)).encode())
        state.update(f"|{each.GetTypeName()}|{','.join(each.GetAppliedSchemas())}".encode())
        skip_xform = path == root
        for prop in each.GetAuthoredProperties():
            name = prop.GetName()
            if skip_xform and name.startswith("xformOp"):
                continue
            _add_property(state, prop, root)
    return str(state.hexdigest())


def arcs_digest(prim: Usd.Prim, without: str = "") -> str:
    """Hexadecimal 128-bit digest of what the stage's own layers say beneath a prim.

    Prims that only come with a reference or payload are not visited: the arc that brings them, with the name of its
    layer, stands for them. So the cost is that of the prims that were authored here, and the digest is only as good
    as the layers' names (those of a project's objects are digests of their content).

    Parameters
    ----------
    without
        Path of a subtree that is left out.
    """
    state = xxhash.xxh3_128()
    own = set(prim.GetStage().GetLayerStack())
    walk = iter(Usd.PrimRange(prim, Usd.PrimAllPrimsPredicate))
    for each in walk:
        path = each.GetPath()
        if without and path == Sdf.Path(without):
            walk.PruneChildren()
            continue
        if not any(spec.layer in own for spec in each.GetPrimStack()):
            walk.PruneChildren()
            continue
        kind = Usd.ModelAPI(each).GetKind()
        state.update(f"{path}|{each.GetTypeName()}|{each.IsActive()}|{kind}|{each.GetAppliedSchemas()}".encode())
        state.update(str(sorted(each.GetVariantSets().GetAllVariantSelections().items())).encode())
        root = each.GetPrimIndex().rootNode
        for arc in root.children:
            # the layer of a local arc has the name of the version that happens to be open
            local = arc.layerStack == root.layerStack
            layer = "" if local else arc.layerStack.identifier.rootLayer.identifier.rpartition("/")[2]
            state.update(f"|{arc.arcType}|{layer}|{arc.path}".encode())
        for prop in each.GetAuthoredProperties():
            _add_property(state, prop, path)
    return str(state.hexdigest())


def _add_property(state: xxhash.xxh3_128, prop: Usd.Property, root: Sdf.Path) -> None:
    """A property with its targets, connections and samples."""
    state.update(f"|{prop.GetName()}=".encode())
    if isinstance(prop, Usd.Relationship):
        state.update(" ".join(_relative(t, root) for t in prop.GetTargets()).encode())
        return
    for target in prop.GetConnections():
        state.update(_relative(target, root).encode())
    times = prop.GetTimeSamples()
    for time in times or [None]:
        value = prop.Get() if time is None else prop.Get(time)
        if time is not None:
            state.update(repr(time).encode())
        _add(state, value)


def _relative(target: Sdf.Path, root: Sdf.Path) -> str:
    return str(target.MakeRelativePath(root)) if target.HasPrefix(root) else str(target)


def _add(state: xxhash.xxh3_128, value: object) -> None:
    if isinstance(value, Sdf.AssetPath):
        state.update((value.resolvedPath or value.path).rpartition("/")[2].encode())
        return
    if hasattr(value, "__array__") or type(value).__name__.endswith("Array"):
        array = np.asarray(value)
        if array.dtype.kind in "fiub":
            state.update(f"{array.dtype}{array.shape}".encode())
            state.update(np.ascontiguousarray(array).data)
            return
    state.update(str(value).encode())
