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

__all__ = ["subtree_digest"]


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
            state.update(f"|{name}=".encode())
            if isinstance(prop, Usd.Relationship):
                state.update(" ".join(_relative(t, root) for t in prop.GetTargets()).encode())
                continue
            for target in prop.GetConnections():
                state.update(_relative(target, root).encode())
            times = prop.GetTimeSamples()
            for time in times or [None]:
                value = prop.Get() if time is None else prop.Get(time)
                if time is not None:
                    state.update(repr(time).encode())
                _add(state, value)
    return str(state.hexdigest())


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
