# SPDX-License-Identifier: Apache-2.0
"""A report as people read it in a terminal: the verdict first, then what to type, then the findings by weight."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from pipeline.checks.cleanup import by_rule, time_name
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.words import count, measured_name, sentence, size_name

_SIGN = {"error": "x", "warning": "!", "info": "-"}
_COLOUR = {"error": "red", "warning": "yellow", "info": "blue", "pass": "green", "revise": "yellow", "reject": "red"}
_RANK = {"error": 0, "warning": 1, "info": 2}
#: columns of a report: as wide as the terminal, but not wider than is read with ease, nor narrower than words are
NARROWEST, WIDTH, WIDEST = 40, 80, 100
#: findings of one rule that are told one by one
MOST = 4

Paint = Callable[..., str]


def as_text(report: Report, width: int = WIDTH, paint: Paint | None = None) -> str:
    """The report in lines.

    Parameters
    ----------
    width
        Columns; only a word that is longer (a file, a command's argument) runs over them.
    paint
        `click.style`, or whatever else gives text a colour; None leaves it plain.
    """
    return _Text(max(NARROWEST, min(width, WIDEST)), paint or (lambda text, **_: text)).told(report)


class _Text:
    def __init__(self, width: int, paint: Paint) -> None:
        self.width = width
        self.paint = paint

    def told(self, report: Report) -> str:
        stats = report.stats
        colour = _COLOUR[report.verdict]
        head = self.paint(report.verdict.upper(), fg=colour, bold=True)
        where = f"{report.path}{f'  {report.prim}' if report.asked else ''}"
        room = self.width - len(report.verdict) - 2
        lines = [f"{head}  {shortened(where, room)}", f"for {report.job}", "", *self._wrap(report.reason), ""]
        lines += self._wrap(f"Next: {report.next_step.action}. {sentence(report.next_step.how)}")
        lines += [line for command in report.next_step.commands for line in self._command(command)]
        lines += self._wrap(_cleanup(report)) if report.verdict != "pass" else []
        facts = [
            count(stats.triangles, "triangle"), count(stats.meshes, "mesh", "meshes"), count(stats.shells, "shell"),
            count(stats.materials, "material"), count(stats.textures, "texture"),
        ]  # fmt: skip
        if stats.size_m:
            facts.append(size_name(stats.size_m))
        lines += ["", *self._wrap(", ".join(facts)), ""]
        for found in in_order(report):
            lines += [*self._rule(found, report.many(found[0].rule)), ""]
        for failure in report.errors:
            lines += [
                *self._wrap(f"? {failure.rule} could not run: {failure.message}{_from(failure.source)}", "    "),
                "",
            ]
        for hook in (h for h in report.hooks if not h.ok):
            lines += [
                *self._wrap(f"? hook post_inspect/{hook.name} ({hook.source}) failed: {hook.message}", "    "),
                "",
            ]
        every = len(report.findings) + sum(report.unlisted.values())
        last = (
            f"{count(every, 'finding')}; {count(len(report.passed), 'rule')} passed, "
            f"{len(report.skipped)} not asked for by this job, {report.seconds:.1f} s"
        )
        return "\n".join([*lines, *self._wrap(last)])

    def _rule(self, found: list[FindingReport], many: int) -> list[str]:
        first = found[0]
        sign = self.paint(_SIGN[first.severity], fg=_COLOUR[first.severity], bold=True)
        if len(found) == 1:
            lines = self._wrap(f"{_SIGN[first.severity]} {first.rule}: {first.message}", "    ")
            lines += self._where(first, "    ")
        else:
            lines = self._wrap(f"{_SIGN[first.severity]} {first.rule}: {first.title}, {count(many, 'place')}", "    ")
            for finding in found[:MOST]:
                lines += self._wrap(f"    {finding.message}", "      ")
                lines += self._where(finding, "      ")
            if len(found) > MOST:
                lists = "all" if many == len(found) else f"{len(found)}, --prim PATH those beneath a prim"
                lines += self._wrap(f"    and {many - MOST:,} more: --json lists {lists}", "      ")
        lines[0] = sign + lines[0][1:]
        mend = f"fixer: {first.fixer}. " if first.fixer else ""
        return lines + (self._wrap(f"    {mend}{first.advice}", "    ") if mend or first.advice else [])

    def _where(self, finding: FindingReport, indent: str) -> list[str]:
        told = measured_name(finding.measured, finding.limit, finding.unit)
        measured = f"({told})" if told else ""
        room = self.width - len(indent)
        prim = shortened(finding.prim, room)
        if prim and measured and len(prim) + 2 + len(measured) <= room:
            parts = [f"{prim}  {measured}"]
        else:
            parts = [part for part in (prim, measured) if part]
        return [self.paint(indent + part, dim=True) for part in parts]

    def _wrap(self, text: str, indent: str = "") -> list[str]:
        return textwrap.wrap(
            text, self.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )  # fmt: skip

    def _command(self, command: str) -> list[str]:
        """A command, cut where a shell allows it."""
        lines = textwrap.wrap(
            command, self.width - 6, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        if any(quote in command for quote in "'\""):  # a quoted blank is no place to cut
            lines = [command]
        return [
            "  " + self.paint(line, bold=True) + (" \\" if i < len(lines) - 1 else "") for i, line in enumerate(lines)
        ]


def in_order(report: Report) -> list[list[FindingReport]]:
    """The findings by rule: errors first, then what costs most to clean up."""
    cost = {item.rule: item.hand_minutes for item in report.cleanup.items}
    groups = list(by_rule(report.findings).values())
    return sorted(groups, key=lambda found: (min(_RANK[f.severity] for f in found), -cost.get(found[0].rule, 0.0)))


def shortened(path: str, room: int) -> str:
    """A path in `room` characters: its beginning and its end, which tell most; `/World/…/lid/handle`."""
    if len(path) <= room:
        return path
    parts = path.split("/")
    first = "/".join(parts[:2]) if path.startswith("/") else parts[0]
    last: list[str] = []
    for part in reversed(parts):
        if len(first) + 3 + sum(len(p) + 1 for p in last) + len(part) > room:
            break
        last.insert(0, part)
    if last:
        return f"{first}/…/{'/'.join(last)}"
    return f"…{path[-max(room - 1, 1) :]}"


def _from(source: str) -> str:
    return f" [{source}]" if source else ""


def _cleanup(report: Report) -> str:
    done = report.cleanup
    said = [f"{time_name(done.hand_minutes)} by hand", f"{time_name(done.machine_minutes)} by machine"]
    if done.optional_minutes >= 1:
        said.append(f"{time_name(done.optional_minutes)} more for what may stay")
    if done.regenerate_minutes is not None:
        said.append(f"a new one: {time_name(done.regenerate_minutes)}")
    return f"Clean-up: {'; '.join(said)}."
