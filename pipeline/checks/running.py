# SPDX-License-Identifier: Apache-2.0
"""Running rules side by side: numpy, Embree and the decoders of pictures leave the interpreter to the others.

Rules work on what the context computes once, so a rule that needs what another computes waits for it. There is one
thread more than processors: one that waits costs nothing. What comes out does not depend on who was first.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path

from pipeline import progress
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.threads import processors, side_by_side
from pipeline.errors import GatesError

#: the families that take longest begin first; the others begin at the same time from the other end
FIRST = ("geometry", "uv", "topology", "silhouette", "scale", "texture", "material")
#: more threads than this wait for each other
MOST = 8


@dataclass
class Outcome:
    """What one rule said.

    Attributes
    ----------
    findings
        What it found.
    failure
        Why it broke; empty where it did not.
    """

    findings: list[Finding] = field(default_factory=list)
    failure: str = ""


def run_all(rules: Sequence[Rule], context: Context, threads: int | None = None) -> list[Outcome]:
    """Run each rule; one that breaks stops none of the others.

    Parameters
    ----------
    threads
        How many run at the same time; one more than there are processors where None. 1 runs them one by one, here.

    Returns
    -------
    list of Outcome
        In the order of the rules.
    """
    result = [Outcome() for _ in rules]
    waiting = _order(rules)
    count = min(threads or min(processors() + 1, MOST), len(waiting))
    if count < 2:
        for i, rule in enumerate(rules):
            progress.step(f"inspecting {rule.id}", i, len(rules))
            result[i] = _run(rule, context)
        return result
    done = 0
    for i, outcome in side_by_side([partial(_numbered, rules, i, context) for i in waiting], count):
        result[i] = outcome
        done += 1
        progress.step(f"inspected {rules[i].id}", done, len(rules))
    for i, rule in enumerate(rules):
        if rule.alone:
            progress.step(f"inspecting {rule.id}", done, len(rules))
            result[i] = _run(rule, context)
            done += 1
    return result


def _order(rules: Sequence[Rule]) -> list[int]:
    """Numbers of the rules that may run beside others, the costly families first, else as they are."""
    rank = {family: i for i, family in enumerate(FIRST)}
    beside = [i for i, rule in enumerate(rules) if not rule.alone]
    return sorted(beside, key=lambda i: rank.get(rules[i].family, len(FIRST)))


def _numbered(rules: Sequence[Rule], number: int, context: Context) -> tuple[int, Outcome]:
    return number, _run(rules[number], context)


def _run(rule: Rule, context: Context) -> Outcome:
    if not rule.source or rule.alone or not rule.seconds:
        return _told(rule, context)
    kept: list[Outcome | BaseException] = []

    def work() -> None:
        try:
            kept.append(_told(rule, context))
        except BaseException as error:  # noqa: BLE001  an interruption is the caller's
            kept.append(error)

    thread = threading.Thread(target=copy_context().run, args=(work,), name=rule.id, daemon=True)
    thread.start()
    thread.join(rule.seconds)  # a thread cannot be stopped: it is left behind, and the report does not wait for it
    if not kept:
        return Outcome(failure=f"it did not finish within {rule.seconds:g} seconds")
    if isinstance(kept[0], BaseException):
        raise kept[0]
    return kept[0]


def _told(rule: Rule, context: Context) -> Outcome:
    try:
        findings = list(rule.run(context))
        for finding in findings:
            _sound(rule, finding, context)
        return Outcome(findings)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a rule may break in any way; it is reported, the rest go on
        return Outcome(failure=broken(error))


def broken(error: BaseException) -> str:
    """What an exception of a rule says, and the line of the rule it came from."""
    if isinstance(error, GatesError):  # raised on purpose, with a remedy
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    line = f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
    return f"{type(error).__name__}: {error}{line}"


def _sound(rule: Rule, finding: object, context: Context) -> None:
    """What a rule found is what reports and viewers rely on.

    Raises
    ------
    TypeError, ValueError
        It is not.
    """
    if not isinstance(finding, Finding):
        raise TypeError(f"it found {finding!r:.60}, which is no Finding")
    if finding.rule != rule.id or finding.severity not in ("error", "warning", "info"):
        raise ValueError(f"its finding says it is {finding.rule!r:.40}, {finding.severity!r:.20}")
    if not isinstance(finding.message, str) or not isinstance(finding.prim, str):
        raise TypeError("message and prim of its finding are no text")
    numbers = (finding.measured, finding.limit)
    if any(isinstance(n, bool) or not isinstance(n, Real) for n in numbers if n is not None):
        raise TypeError("measured and limit of its finding are no numbers")
    for mark in finding.marks:
        shape = context.parts[mark.part].shape
        if mark.part < 0:
            raise ValueError(f"it marks the part {mark.part}")
        for what, indices, many in (
            ("face", mark.faces, len(shape.triangles)),
            ("point", mark.points, len(shape.points)),
        ):
            if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < many:
                raise ValueError(f"it marks a {what} that is not there: {int(indices.min())} to {int(indices.max())}")
