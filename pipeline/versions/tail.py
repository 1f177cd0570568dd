# SPDX-License-Identifier: Apache-2.0
"""Keeping stacks short without making anybody wait.

A stack is a tail of small deltas over one checkpoint. When the tail grows beyond five, its newest deltas are
folded into one, as many as are of like size; so each change is copied a few times over its life, and never
because the project is large. When the tail weighs half as much as the checkpoint, all of it becomes the new
checkpoint: a cost the commits since the last one have earned.
"""

from __future__ import annotations

from pxr import Sdf

from pipeline.versions.digests import carry_digests
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.fold import folded
from pipeline.versions.store import VersionStore

__all__ = ["LONGEST_TAIL", "shortened", "store_layer"]

#: deltas over a checkpoint; each opens about as fast as a hundred prims
LONGEST_TAIL = 5
#: bytes of deltas that are never worth a checkpoint on their own
SMALL = 1 << 14
#: bytes of text from which a binary layer opens faster
BINARY_FROM = 1 << 17


def shortened(store: VersionStore, stack: list[str]) -> list[str]:
    """A stack (object names, strongest first) that composes the same and is short enough.

    A delta that repeats an earlier one to the byte has its name too, and a layer may be in a stack once: its
    strongest place counts.
    """
    stack = list(dict.fromkeys(stack))
    sizes = [store.object_path(name).stat().st_size for name in stack]
    weight = sum(sizes[:-1])
    if weight >= max(SMALL, sizes[-1] // 2):
        try:
            return [_fold(store, stack, ".usdc")]
        except NotOneLayer:
            pass
    if len(stack) - 1 <= LONGEST_TAIL:
        return stack
    count = _like_in_size(sizes[:-1])
    try:
        return [_fold(store, stack[:count]), *stack[count:]]
    except NotOneLayer:
        return _fold_any_two(store, stack)


def store_layer(store: VersionStore, layer: Sdf.Layer) -> str:
    """Store a layer as text, or as binary where text would be slow to open; returns the object's name."""
    text = layer.ExportToString()
    if len(text) < BINARY_FROM:
        return store.objects.add_bytes(text.encode(), ".usda").name
    return store.objects.add_content(layer, ".usdc").name


def _like_in_size(sizes: list[int]) -> int:
    """How many of the newest deltas to fold: until the next is more than twice all of them together."""
    total = sizes[0] + sizes[1]
    for count in range(2, len(sizes)):
        if sizes[count] > 2 * total:
            return count
        total += sizes[count]
    return len(sizes)


def _fold_any_two(store: VersionStore, stack: list[str]) -> list[str]:
    """Fold the oldest two neighbours that can be; a stack where none can stays as long as it is."""
    for i in range(len(stack) - 3, -1, -1):
        try:
            return [*stack[:i], _fold(store, stack[i : i + 2]), *stack[i + 2 :]]
        except NotOneLayer:
            continue
    return stack


def _fold(store: VersionStore, names: list[str], extension: str = "") -> str:
    layers = [store.open_object(name) for name in names]
    layer = folded(layers)
    name = store.objects.add_content(layer, extension).name if extension else store_layer(store, layer)
    store.index.add_fold(name, names)
    if extension:
        carry_digests(store.layout, names[-1], name, layer, layers[:-1])
    return name
