# SPDX-License-Identifier: Apache-2.0
"""The graph of versions: who descends from whom."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.versions.index import Index
from pipeline.versions.version import Version, read_version

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """Questions about descent, answered from the index and, where it lags, from the layers."""

    index: Index

    def log(self, head: str, limit: int | None = None) -> list[Version]:
        """A version and all before it: newest first, children always before their parents."""
        graph = self.graph([head])
        children = dict.fromkeys(graph, 0)
        for version in graph.values():
            for parent in version.parents:
                children[parent] += 1
        ready = [_newest_first(graph[head])]
        found: list[Version] = []
        while ready and (limit is None or len(found) < limit):
            identifier = heapq.heappop(ready)[-1]
            version = graph[identifier]
            found.append(version)
            for parent in version.parents:
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(ready, _newest_first(graph[parent]))
        return found

    def graph(self, heads: Iterable[str]) -> dict[str, Version]:
        """All versions that the heads descend from, themselves included."""
        known = self.index.all()
        read: list[Version] = []
        graph: dict[str, Version] = {}
        waiting = list(heads)
        while waiting:
            identifier = waiting.pop()
            if identifier in graph:
                continue
            version = known.get(identifier)
            if version is None:
                version = read_version(self.index.layout, identifier)
                read.append(version)
            graph[identifier] = version
            waiting.extend(version.parents)
        if read:
            self.index.add(read)
        return graph

    def between(self, old: str, new: str) -> list[Version]:
        """Versions that `new` descends from and `old` does not, newest first."""
        before = self.graph([old])
        return [version for version in self.log(new) if version.id not in before]

    def since(self, old: str, new: str) -> Iterator[Version]:
        """Versions from `new` back along first parents until `old`; cheap where they are close."""
        identifier = new
        while identifier != old:
            version = self.index.get(identifier)
            yield version
            if not version.parents:
                return
            identifier = version.parents[0]

    def descends(self, identifier: str, ancestor: str) -> bool:
        """Whether `ancestor` is `identifier` or before it."""
        return ancestor in self.graph([identifier])

    def merge_base(self, a: str, b: str) -> str | None:
        """The newest version that both descend from; None for unrelated histories."""
        common = self.graph([a]).keys() & self.graph([b]).keys()
        if not common:
            return None
        graph = self.graph(common)
        beneath = {parent for identifier in common for parent in graph[identifier].parents}
        return max(common - beneath, key=lambda identifier: (graph[identifier].time, identifier))


def _newest_first(version: Version) -> tuple[_Reversed, str]:
    return (_Reversed(version.time), version.id)


class _Reversed(str):
    """Text that sorts backwards."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
