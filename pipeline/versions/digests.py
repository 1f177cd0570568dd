# SPDX-License-Identifier: Apache-2.0
"""The digest index: for an immutable layer, sixteen bytes that stand for all fields of each spec.

With it the difference of two large layers is a join of two sorted arrays. It is a cache in `.gates/digests`,
made when first wanted; a checkpoint inherits its predecessor's, of which only what changed is counted anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from pxr import Sdf

from pipeline.usd.writing import temporary
from pipeline.versions.fields import as_numbers, is_list_op, read_fields, spec_at
from pipeline.versions.fold import paths_of
from pipeline.versions.layout import Layout

__all__ = ["DigestTable", "carry_digests", "digests_of"]


@dataclass(frozen=True)
class DigestTable:
    """Digests of one layer.

    Attributes
    ----------
    keys
        (n,) uint64, ascending: xxh3 of each path.
    digests
        (n, 2) uint64: xxh3-128 of the fields at that path, and of the children's names in order.
    paths
        n paths in the same order.
    """

    keys: np.ndarray
    digests: np.ndarray
    paths: np.ndarray

    def differing(self, other: DigestTable) -> list[Sdf.Path]:
        """Paths that only one of the tables has, or whose fields differ."""
        mine = _missing_or_other(self, other)
        theirs = _missing_or_other(other, self)
        found = {str(p) for p in self.paths[mine]} | {str(p) for p in other.paths[theirs]}
        return [Sdf.Path(path) for path in found]


def digests_of(layout: Layout, name: str, layer: Sdf.Layer) -> DigestTable:
    """The table of an object, from the cache or counted now."""
    table = _load(layout, name)
    if table is None:
        paths = paths_of(layer)
        table = _table({str(path): _digest(spec_at(layer, path)) for path in paths})
        _save(layout, name, table)
    return table


def carry_digests(layout: Layout, old: str, new: str, layer: Sdf.Layer, deltas: Iterable[Sdf.Layer]) -> None:
    """Make the table of a checkpoint from that of the checkpoint it was folded from, where there is one."""
    table = _load(layout, old)
    if table is None:
        return
    touched = {path for delta in deltas for path in paths_of(delta)}
    found = dict(zip(table.paths.tolist(), map(tuple, table.digests.tolist()), strict=True))
    for path in touched:
        spec = spec_at(layer, path)
        if spec is not None:
            found[str(path)] = _digest(spec)
    _save(layout, new, _table(found))


def _missing_or_other(a: DigestTable, b: DigestTable) -> np.ndarray:
    """(n,) bool: rows of `a` that `b` lacks or has with other fields."""
    if not len(b.keys):
        return np.ones(len(a.keys), bool)
    at = np.minimum(np.searchsorted(b.keys, a.keys), len(b.keys) - 1)
    found = b.keys[at] == a.keys
    equal = (b.digests[at] == a.digests).all(axis=1)
    different: np.ndarray = ~(found & equal)
    return different


def _table(digests: dict[str, tuple[int, int]]) -> DigestTable:
    paths = np.array(list(digests), dtype=object)
    keys = np.fromiter((xxhash.xxh3_64_intdigest(p.encode()) for p in digests), np.uint64, len(digests))
    values = np.array(list(digests.values()), np.uint64).reshape(-1, 2)
    order = np.argsort(keys)
    return DigestTable(keys[order], values[order], paths[order])


def _digest(spec: Sdf.Spec) -> tuple[int, int]:
    state = xxhash.xxh3_128()
    fields = read_fields(spec)
    for name in sorted(fields):
        state.update(name.encode())
        _feed(state, fields[name])
    if hasattr(spec, "nameChildren"):
        state.update("\n".join(spec.nameChildren.keys()).encode())
    value = state.intdigest()
    return value >> 64, value & 0xFFFFFFFFFFFFFFFF


def _feed(state: Any, value: Any) -> None:
    kind = type(value).__name__
    state.update(kind.encode())
    if isinstance(value, dict):
        for key in sorted(value):
            state.update(repr(key).encode())
            _feed(state, value[key])
    elif is_list_op(value):
        for part in _PARTS:
            items = getattr(value, part)
            if items or part == "explicitItems":
                state.update(f"{part}{value.isExplicit}{items!r}".encode())
    elif (numbers := as_numbers(value)) is not None:
        state.update(np.ascontiguousarray(numbers))
    else:
        state.update(repr(value).encode())


_PARTS = ("explicitItems", "prependedItems", "appendedItems", "deletedItems", "addedItems", "orderedItems")


def _file(layout: Layout, name: str) -> Path:
    return layout.private / "digests" / name[:2] / f"{name}.npz"


def _load(layout: Layout, name: str) -> DigestTable | None:
    try:
        with np.load(_file(layout, name)) as found:
            text = found["paths"].tobytes().decode()
            return DigestTable(found["keys"], found["digests"], np.array(text.split("\n"), dtype=object))
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _save(layout: Layout, name: str, table: DigestTable) -> None:
    """Failing to keep a cache is no harm."""
    text = np.frombuffer("\n".join(table.paths.tolist()).encode(), np.uint8)
    target = _file(layout, name)
    with suppress(OSError), temporary(target) as partial:
        with partial.open("wb") as out:
            np.savez(out, keys=table.keys, digests=table.digests, paths=text)
        partial.replace(target)
