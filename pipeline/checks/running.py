# SPDX-License-Identifier: Apache-2.0
"""Running rules side by side: numpy, Embree and the decoders of pictures leave the interpreter to the others.

Rules work on what the context computes once, so a rule that needs what another computes waits for it. There is one
thread more than processors: one that waits costs nothing. What comes out does not depend on who was first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline import progress
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.threads import processors, side_by_side

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
    try:
        return Outcome(list(rule.run(context)))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a rule may break in any way; it is reported, the rest go on
        return Outcome(failure=f"{type(error).__name__}: {error}")
