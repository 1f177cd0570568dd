# SPDX-License-Identifier: Apache-2.0
"""Which measures there are: ours, those of plug-ins, those of the studio."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.scenes.notes.protocol import Measure
from pipeline.settings.extensions import classes_of, load_extensions

__all__ = ["GROUP", "Registry", "load_measures"]

GROUP = "sevengates.notes"
#: the order in which an art director asks: does it stand, is it seen, does it belong
FAMILIES = ("place", "frame", "look")


@dataclass
class Registry:
    """Measures by kind, in the order they run, and what could not be loaded.

    Attributes
    ----------
    failures
        Where a measure was looked for -> why it was left out.
    origins
        kind -> where it came from: `built-in`, an entry point or a file.
    """

    measures: dict[str, Measure] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def add(self, measure: type[Measure], origin: str) -> None:
        """Take a measure in; the later one of the same kind wins, so a studio can replace ours."""
        made = measure()
        self.measures[made.kind] = made
        self.origins[made.kind] = origin

    def chosen(self, kinds: list[str] | None) -> list[Measure]:
        """The measures of those kinds; all of them where None.

        Raises
        ------
        UsageError
            There is no such kind.
        """
        for kind in kinds or []:
            if kind not in self.measures:
                known = ", ".join(sorted(self.measures))
                raise UsageError(f"there is no measure {kind!r}", remedy=f"use some of: {known}")
        return [m for kind, m in self.measures.items() if kinds is None or kind in kinds]


@cache
def built_in() -> tuple[type[Measure], ...]:
    """The measures that ship, by family and file name."""
    here = Path(__file__).parent
    found: list[type[Measure]] = []
    for family in FAMILIES:
        for file in sorted((here / family).glob("*.py")):
            if file.stem != "__init__":
                found += classes_of(
                    importlib.import_module(f"pipeline.scenes.notes.{family}.{file.stem}"), Measure, "kind"
                )
    return tuple(found)


def load_measures() -> Registry:
    """All measures that this process can run; what does not load is kept with its reason."""
    result = Registry()
    for measure in built_in():
        result.add(measure, "built-in")
    result.failures |= load_extensions(GROUP, "notes", Measure, "kind", result.add)
    return result
