# SPDX-License-Identifier: Apache-2.0
"""The rules as a list: what each measures, its limit for a job, why it matters and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, Field

from pipeline.checks.context import setting_for
from pipeline.checks.protocol import Rule
from pipeline.checks.registry import built_in, load_rules
from pipeline.settings.jobs import Brief, brief_for
from pipeline.settings.thresholds import load_thresholds


class RuleRow(BaseModel):
    """One rule, in the terms of a job."""

    rule: str
    title: str
    measures: str = Field(default="", description="what is found, and when")
    why: str = ""
    severity: str = Field(description="`off` where the job does not ask for it")
    limit: float | None = None
    unit: str = ""
    minutes: float = Field(default=0.0, description="to clean one finding up by hand")
    fixer: str = Field(default="", description="the refiner operation that mends it safely")
    by_hand: str = ""
    in_the_generator: str = Field(default="", description="the change of input that avoids it")
    options: dict[str, float] = Field(default_factory=dict)
    origin: str = Field(default="", description="`built-in`, `USD`, an entry point or a file")


class RuleList(BaseModel):
    """All rules that would be looked at, and those that did not load."""

    job: str
    rules: list[RuleRow]
    failures: dict[str, str] = Field(default_factory=dict)


def list_rules(job: str | None = None, rules: Sequence[str] | None = None, project: Path | None = None) -> RuleList:
    """The rules of those ids, families or patterns, as a job asks for them.

    Raises
    ------
    UsageError
        There is no such job or rule.
    """
    brief, thresholds, known = brief_for(job, project), load_thresholds(project), load_rules(project)
    rows = []
    for rule in known.chosen(list(rules) if rules else None):
        setting, said = setting_for(rule, brief, thresholds), thresholds.of(rule.id)
        rows.append(
            RuleRow(
                rule=rule.id,
                title=rule.title,
                measures=" ".join(str(getattr(rule, "doc", "") or rule.__doc__ or "").split("\n\n")[0].split()),
                why=rule.why,
                severity=setting.severity if setting.on else "off",
                limit=setting.limit,
                unit=rule.unit,
                minutes=rule.minutes if said.minutes is None else said.minutes,
                fixer=rule.fixer,
                by_hand=rule.advice,
                in_the_generator=rule.regenerate,
                options={**rule.options, **said.options},
                origin=known.origins.get(rule.id, ""),
            )
        )
    return RuleList(job=brief.job.name, rules=rows, failures=known.failures)


def as_markdown() -> str:
    """Every rule that ships: what it looks for, its limit and severity for the default job, its fixer and advice."""
    brief = brief_for(None)
    lines = [
        "# Rules\n",
        "What `gates inspect` measures. Limits and severities are those of the default job, "
        f"`{brief.job.name}`; a job changes them in its",
        '`[jobs.<name>.rules."<rule id>"]` table, where a limit of -1 or the severity `off` switches a rule off. '
        "A rule that this job",
        "does not ask for is marked with a dash. USD's own validators run as `usd.<Name>`.\n",
    ]
    for family, rules in groupby((rule() for rule in built_in()), key=lambda r: r.family):
        lines += [f"## {family}\n", "| rule | found when | limit | severity | fixer |", "|---|---|---|---|---|"]
        for rule in rules:
            lines.append(_row(rule, brief))
        lines.append("")
    lines += ["## Why, and what to do about each\n", "| rule | why | by hand | in the generator |", "|---|---|---|---|"]
    lines += [f"| `{r.id}` | {r.why} | {r.advice} | {r.regenerate or '-'} |" for r in built_in()]
    return "\n".join(lines) + "\n"


def _row(rule: Rule, brief: Brief) -> str:
    doc = " ".join((rule.__doc__ or "").split("\n\n")[0].split())
    severity = rule.severity_for(brief)
    limit = rule.limit_for(brief)
    shown = "any" if limit is None else f"{limit:g} {rule.unit}".strip()
    if severity is None:
        return f"| `{rule.id}` | {doc} | - | - | {_fixer(rule)} |"
    return f"| `{rule.id}` | {doc} | {shown} | {severity} | {_fixer(rule)} |"


def _fixer(rule: Rule) -> str:
    return f"`{rule.fixer}`" if rule.fixer else "-"
