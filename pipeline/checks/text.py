# SPDX-License-Identifier: Apache-2.0
"""A report as people read it in a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter

from pipeline.checks.report import FindingReport, Report
from pipeline.checks.words import count, measured_name, sentence, size_name

_SIGN = {"error": "x", "warning": "!", "info": "-"}
WIDTH = 100
#: findings of one rule that are told one by one
MOST = 5


def as_text(report: Report) -> str:
    """The report in lines of at most a hundred characters."""
    stats = report.stats
    lines = [f"{report.verdict.upper()}  {report.path}  for {report.job}", ""]
    lines += textwrap.wrap(report.reason, WIDTH)
    lines += textwrap.wrap(f"Next: {report.next_step.action}. {sentence(report.next_step.how)}", WIDTH)
    facts = [
        count(stats.triangles, "triangle"),
        count(stats.meshes, "mesh", "meshes"),
        count(stats.shells, "shell"),
        count(stats.materials, "material"),
        count(stats.textures, "texture"),
    ]
    if stats.size_m:
        facts.append(size_name(stats.size_m))
    lines += ["", ", ".join(facts), ""]
    told: Counter[str] = Counter()
    for finding in report.findings:
        told[finding.rule] += 1
        if told[finding.rule] <= MOST:
            lines += _finding(finding)
    for rule, many in told.items():
        if many > MOST:
            lines += [f"  {rule}: {count(many - MOST, 'more finding')} (--json lists all)", ""]
    for failure in report.errors:
        lines += ["", *textwrap.wrap(f"? {failure.rule} could not run: {failure.message}", WIDTH)]
    lines.append(
        f"{count(len(report.findings), 'finding')}; {count(len(report.passed), 'rule')} passed, "
        f"{len(report.skipped)} not asked for by this job, {report.seconds:.1f} s"
    )
    return "\n".join(lines)


def _finding(finding: FindingReport) -> list[str]:
    head = f"{_SIGN[finding.severity]} {finding.rule}: {finding.message}"
    lines = textwrap.wrap(head, WIDTH, subsequent_indent="    ")
    told = measured_name(finding.measured, finding.limit, finding.unit)
    where = "  ".join(part for part in (finding.prim, f"({told})" if told else "") if part)
    if where:
        lines.append(f"    {where}")
    mend = f"fixer: {finding.fixer}. " if finding.fixer else ""
    if mend or finding.advice:
        lines += textwrap.wrap(f"{mend}{finding.advice}", WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [*lines, ""]
