# SPDX-License-Identifier: Apache-2.0
"""The rules as a page of the reference."""

from __future__ import annotations

from itertools import groupby

from pipeline.checks.protocol import Rule
from pipeline.checks.registry import built_in
from pipeline.settings.jobs import Brief, brief_for


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
    lines += ["## What to do about each\n", "| rule | by hand | in the generator |", "|---|---|---|"]
    lines += [f"| `{r.id}` | {r.advice} | {r.regenerate or '-'} |" for r in built_in()]
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
