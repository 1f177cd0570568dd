# SPDX-License-Identifier: Apache-2.0
"""Which rules there are: ours, those of plug-ins, those of the studio, and USD's own validators."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.checks.protocol import Rule
from pipeline.errors import UsageError
from pipeline.settings.extensions import classes_of, load_extensions

GROUP = "sevengates.checks"


@dataclass
class Registry:
    """Rules by id, in the order they run, and what could not be loaded.

    Attributes
    ----------
    rules
        id -> rule.
    failures
        Where a rule was looked for -> why it was left out.
    origins
        id -> where it came from: `built-in`, an entry point or a file.
    """

    rules: dict[str, Rule] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def add(self, rule: type[Rule], origin: str) -> None:
        """Take a rule in; the later one of the same id wins, so a studio can replace ours."""
        made = rule()
        self.rules[made.id] = made
        self.origins[made.id] = origin

    def chosen(self, ids: list[str] | None) -> list[Rule]:
        """The rules of those ids, families (`geometry`) or patterns (`usd.*`); all of them where None.

        Raises
        ------
        UsageError
            There is no such rule.
        """
        from fnmatch import fnmatchcase

        if ids is None:
            return list(self.rules.values())
        result: dict[str, Rule] = {}
        for wanted in ids:
            pattern = wanted if "." in wanted or "*" in wanted else f"{wanted}.*"
            hits = [i for i in self.rules if fnmatchcase(i, pattern)]
            if not hits:
                near = ", ".join(sorted(self.rules)[:60])
                raise UsageError(f"there is no rule {wanted!r}", remedy=f"use one of: {near}")
            result.update({i: self.rules[i] for i in hits})
        return [r for i, r in self.rules.items() if i in result]


@cache
def built_in() -> tuple[type[Rule], ...]:
    """The rules that ship, by family and file name."""
    here = Path(__file__).parent
    found: list[type[Rule]] = []
    for file in sorted(here.glob("*/*.py")):
        if file.stem != "__init__" and file.parent.name != "usd_plugin":
            found += classes_of(importlib.import_module(f"pipeline.checks.{file.parent.name}.{file.stem}"), Rule, "id")
    return tuple(found)


def load_rules() -> Registry:
    """All rules that this process can run; what does not load is kept with its reason."""
    from pipeline.checks.usd_rules import usd_rules

    result = Registry()
    for rule in built_in():
        result.add(rule, "built-in")
    for made in usd_rules():
        result.rules[made.id] = made
        result.origins[made.id] = "USD"
    result.failures |= load_extensions(GROUP, "checks", Rule, "id", result.add)
    return result
