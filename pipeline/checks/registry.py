# SPDX-License-Identifier: Apache-2.0
"""Which rules there are: ours, those of plug-ins, those of the studio, and USD's own validators."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.checks.protocol import Rule
from pipeline.errors import ConfigError, UsageError
from pipeline.settings.extensions import classes_of, load_extensions
from pipeline.settings.jobs import Brief
from pipeline.settings.spelling import near, unknown
from pipeline.settings.thresholds import Thresholds

GROUP = "sevengates.checks"
#: origins of rules that others may replace
OURS = ("built-in", "USD")
_ID = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+")


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
    replaced
        id of a rule of ours -> where the one came from that runs instead.
    """

    rules: dict[str, Rule] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)

    def add(self, rule: type[Rule], origin: str) -> None:
        """Take a rule in; it replaces one of ours that has its id, but not another's.

        Raises
        ------
        TypeError, ValueError
            It is no rule, says nonsense about itself, or its id is taken.
        """
        made = rule()
        _sound(made)
        taken = self.origins.get(made.id, "built-in")
        if taken not in OURS:
            raise ValueError(f"the id {made.id} is taken by {taken}; give it another")
        if made.id in self.rules and origin not in OURS:
            self.replaced[made.id] = origin
        self.rules[made.id] = made
        self.origins[made.id] = origin

    def chosen(self, ids: list[str] | None) -> list[Rule]:
        """The rules of those ids, families (`geometry`) or patterns (`usd.*`); all of them where None.

        Raises
        ------
        UsageError
            There is no such rule.
        """
        from difflib import get_close_matches
        from fnmatch import fnmatchcase

        if ids is None:
            return list(self.rules.values())
        result: dict[str, Rule] = {}
        for wanted in ids:
            pattern = wanted if "." in wanted or "*" in wanted else f"{wanted}.*"
            hits = [i for i in self.rules if fnmatchcase(i, pattern)]
            if not hits:
                close = get_close_matches(wanted, [*self.rules, *{r.family for r in self.rules.values()}], 4, 0.5)
                told = f"did you mean {', '.join(close)}? " if close else ""
                raise UsageError(f"there is no rule {wanted!r}", remedy=f"{told}gates rules lists all")
            result.update({i: self.rules[i] for i in hits})
        return [r for i, r in self.rules.items() if i in result]

    def check(self, brief: Brief, thresholds: Thresholds) -> None:
        """Refuse what a job or the thresholds say of rules and options that there are not.

        A rule of a family of its own that resembles none here may come from a plug-in which this machine lacks.

        Raises
        ------
        ConfigError
            A rule's id or an option is mistyped.
        """
        families = {rule.family for rule in self.rules.values()}
        job = brief.job
        for where, ids in (
            (f"job {job.name!r}: rules", job.rules),
            (f"job {job.name!r}: verdict.weights", job.verdict.weights),
            ("thresholds: rules", thresholds.rules),
            ("thresholds: verdict.weights", thresholds.verdict.weights),
            ("thresholds: verdict.fatal", thresholds.verdict.fatal),
        ):
            for name in ids:
                if name not in self.rules and (name.partition(".")[0] in families or near(name, self.rules)):
                    raise ConfigError(f"{where}: there is no rule {name!r}", remedy=unknown(name, self.rules))
        for name, said in thresholds.rules.items():
            known = self.rules[name].options if name in self.rules else said.options
            for option in said.options:
                if option not in known:
                    raise ConfigError(f"thresholds: {name} has no option {option!r}", remedy=unknown(option, known))


def _sound(rule: Rule) -> None:
    """What a rule says about itself is what others rely on.

    Raises
    ------
    TypeError
        It is not.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"{type(rule).__name__} is no Rule")
    name = type(rule).__name__
    if not isinstance(rule.id, str) or not _ID.fullmatch(rule.id):
        raise TypeError(f"{name}: the id {rule.id!r} is not family.name")
    if rule.severity not in ("error", "warning", "info"):
        raise TypeError(f"{name}: the severity {rule.severity!r} is not error, warning or info")
    numbers = (rule.minutes, rule.limit, rule.seconds)
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers if n is not None):
        raise TypeError(f"{name}: limit, minutes and seconds are numbers")
    texts = ("title", "why", "unit", "fixer", "advice", "regenerate", "input", "operation")
    wrong = [t for t in texts if not isinstance(getattr(rule, t, ""), str)]
    if wrong or not getattr(rule, "title", ""):
        raise TypeError(f"{name}: {wrong[0] if wrong else 'title'} is missing or no text")


@cache
def built_in() -> tuple[type[Rule], ...]:
    """The rules that ship, by family and file name."""
    here = Path(__file__).parent
    found: list[type[Rule]] = []
    for file in sorted(here.glob("*/*.py")):
        if file.stem != "__init__" and file.parent.name != "usd_plugin":
            found += classes_of(importlib.import_module(f"pipeline.checks.{file.parent.name}.{file.stem}"), Rule, "id")
    return tuple(found)


def load_rules(project: Path | None = None) -> Registry:
    """All rules that this process can run; what does not load is kept with its reason.

    Parameters
    ----------
    project
        Its `checks/` count as well, where it was trusted.
    """
    from pipeline.checks.usd_rules import usd_rules

    result = Registry()
    for rule in built_in():
        result.add(rule, "built-in")
    for made in usd_rules():
        result.rules[made.id] = made
        result.origins[made.id] = "USD"
    result.failures |= load_extensions(GROUP, "checks", Rule, "id", result.add, project)
    return result
