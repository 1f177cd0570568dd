# SPDX-License-Identifier: Apache-2.0
"""A diff for people: grouped by prim, geometry summarised, one line a change."""

from __future__ import annotations

from collections.abc import Iterator

from pxr import Sdf

from pipeline.versions.diff import Change, Diff
from pipeline.versions.plain import short

__all__ = ["lines"]

#: what a line begins with says how to colour it: `+` came, `-` went, `~` differs, `@` names a prim
Line = tuple[str, str]


def lines(diff: Diff, most: int = 400) -> Iterator[Line]:
    """(sign, text) of each line.

    Parameters
    ----------
    most
        Lines after which the rest is only counted.
    """
    groups = _grouped(diff)
    shown = 0
    for prim in sorted(groups):
        if shown >= most:
            rest = sum(len(rows) for name, rows in groups.items() if name >= prim)
            yield "@", f"… and {rest:,} more changes; --json lists them all"
            return
        rows = groups[prim]
        if rows and rows[0][1] == "":
            yield rows[0][0], str(prim) + _beneath(rows)
            shown += 1
            continue
        yield "@", str(prim)
        for sign, text in rows:
            yield sign, f"  {text}"
        shown += 1 + len(rows)
    yield "@", summary(diff)


def summary(diff: Diff) -> str:
    """One line: how much differs."""
    if not diff:
        return "no difference"
    parts = [(len(diff.added), "added"), (len(diff.removed), "removed"), (len(diff.changed), "changed")]
    return ", ".join(f"{count:,} {word}" for count, word in parts if count)


def _grouped(diff: Diff) -> dict[Sdf.Path, list[Line]]:
    """Rows by prim; a prim that came or went stands for all beneath it, its first row having no text."""
    groups: dict[Sdf.Path, list[Line]] = {}
    for sign, paths in (("+", diff.added), ("-", diff.removed)):
        tops: set[Sdf.Path] = set()
        for path in sorted(Sdf.Path(text) for text in paths):
            top = next((prefix for prefix in path.GetPrefixes() if prefix in tops), None)
            if top is not None:
                groups[top].append((sign, _kind(path)))
            elif path.IsPropertyPath():
                groups.setdefault(path.GetPrimOrPrimVariantSelectionPath(), []).append((sign, path.name))
            else:
                tops.add(path)
                groups.setdefault(path, []).insert(0, (sign, ""))
    for change in diff.changed:
        path = Sdf.Path(change.path)
        owner = path.GetPrimOrPrimVariantSelectionPath() if path.IsPropertyPath() else path
        name = f"{path.name}." if path.IsPropertyPath() else ""
        rows = groups.setdefault(owner, [])
        rows.extend(_change(change, name))
    return groups


def _change(change: Change, name: str) -> Iterator[Line]:
    field = f"{name}{change.field}".removesuffix(".default")
    if change.elements:
        yield "~", field
        for element in change.elements:
            yield element[0], f"  {element[2:]}"
        return
    if change.extent:
        yield "~", f"{field}: {change.extent}"
    elif change.old is None:
        yield "+", f"{field} = {short(change.new)}"
    elif change.new is None:
        yield "-", f"{field} = {short(change.old)}"
    else:
        yield "~", f"{field}: {short(change.old)} → {short(change.new)}"


def _kind(path: Sdf.Path) -> str:
    return "property" if path.IsPropertyPath() else "variant" if path.IsPrimVariantSelectionPath() else "prim"


def _beneath(rows: list[Line]) -> str:
    words = [text for _, text in rows[1:]]
    counts = [(words.count(kind), kind) for kind in ("prim", "property", "variant")]
    plural = {"prim": "prims", "property": "properties", "variant": "variants"}
    text = ", ".join(f"{n} {kind if n == 1 else plural[kind]}" for n, kind in counts if n)
    return f"  ({text})" if text else ""
