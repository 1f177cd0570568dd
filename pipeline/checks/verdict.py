# SPDX-License-Identifier: Apache-2.0
"""From findings to a verdict: does it ship, is it worth mending, or is a new one cheaper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.checks.cleanup import by_rule, estimate, hand_minutes, time_name
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.steps import next_step
from pipeline.checks.words import a_or_an, count, lowered, names, sentence
from pipeline.settings.jobs import Brief
from pipeline.settings.thresholds import Weighing

#: kinds of findings that the reason tells in full
TOLD = 3
#: what USD says -> the rule of ours that says the same: it is told by both and counts once
TWICE = {"usd.MissingReferenceValidator": "texture.missing"}


@dataclass(frozen=True)
class _Case:
    """What speaks for and against the asset.

    Attributes
    ----------
    errors, loose
        What cannot ship; warnings that may stay.
    needed
        Errors, and the warnings that keep it from passing.
    weights
        Weight of each rule with errors.
    lost
        There is no geometry to judge.
    spared
        Minutes by hand on errors that another input would avoid.
    score, reject_at, again
        Summed weight of the errors, the weight and the minutes from which a new one is cheaper.
    """

    errors: list[FindingReport]
    needed: list[FindingReport]
    loose: list[FindingReport]
    weights: dict[str, float]
    lost: bool
    spared: float
    score: float
    reject_at: float
    again: float

    @property
    def dear(self) -> bool:
        """By hand it costs more than a new one."""
        return self.spared > self.again

    @property
    def much(self) -> bool:
        """Too much is wrong at once, and fixers do not mend all of it."""
        return self.score >= self.reject_at and not all(f.fixable for f in self.errors)


def judge(report: Report, brief: Brief, weighing: Weighing | None = None) -> None:
    """Set the verdict of a report, with its reason, the next step and the clean-up.

    `reject` where nothing is left to judge, where errors that another input avoids cost more by hand than a new one, or
    where the errors weigh `reject_at` and safe fixers do not mend them all. `revise` where there is an error, or where
    warnings reach `revise_at`; a warning that a safe fixer mends counts 1. Else `pass`.

    Parameters
    ----------
    weighing
        How findings add up where the job says nothing else.
    """
    setting = (weighing or Weighing()).with_job(brief.job.verdict)
    case = _case(report, setting)
    if case.lost or case.much or case.dear:
        report.verdict = "reject"
    else:
        report.verdict = "revise" if case.needed else "pass"
    concerned = case.needed + case.loose
    report.score = round(case.score, 3)
    report.minutes = round(sum(hand_minutes(fs) for fs in by_rule(concerned).values()), 1)
    remedy = case.lost or any(f.regenerate for f in case.errors)
    report.cleanup = estimate(
        [] if case.lost else concerned,
        {f.rule for f in case.needed},
        report.stats,
        brief,
        setting.fixed_minutes,
        setting.regenerate_minutes if remedy else None,
    )
    by_hand = {rule: hand_minutes([f for f in fs if not f.fixable]) for rule, fs in by_rule(case.needed).items()}
    cost = {rule: minutes + case.weights.get(rule, 0.0) for rule, minutes in by_hand.items()}
    report.next_step = next_step(report, brief, case.needed, cost)
    report.reason = _reason(report, brief, case, cost)


def _case(report: Report, setting: Weighing) -> _Case:
    rules = {f.rule for f in report.findings}
    findings = [f for f in report.findings if TWICE.get(f.rule) not in rules]
    errors = [f for f in findings if f.severity == "error"]
    warnings = by_rule(f for f in findings if f.severity == "warning")
    weights = {r: _weight(r, fs, setting) for r, fs in by_rule(errors).items()}
    caution = {r: _caution(r, fs, setting) for r, fs in warnings.items()}
    fixed = {r for r, fs in warnings.items() if any(f.fixable for f in fs)}
    stays = sum(c for r, c in caution.items() if r not in fixed)  # what is left when the fixers have run
    blocking: set[str] = set()
    if stays >= setting.revise_at:
        blocking = set(caution)
    elif sum(caution.values()) >= setting.revise_at:
        blocking = fixed or set(caution)
    avoidable = by_rule(f for f in errors if f.regenerate and not f.fixable)
    return _Case(
        errors=errors,
        needed=errors + [f for r, fs in warnings.items() if r in blocking for f in fs],
        loose=[f for r, fs in warnings.items() if r not in blocking for f in fs],
        weights=weights,
        lost=any(f.rule in setting.fatal for f in errors) and report.stats.triangles == 0,
        spared=sum(hand_minutes(fs) for fs in avoidable.values()),
        score=sum(weights.values()),
        reject_at=setting.reject_at,
        again=setting.regenerate_minutes,
    )


def _weight(rule: str, findings: list[FindingReport], said: Weighing) -> float:
    weight = said.weights.get(rule, max(said.of(f.severity) for f in findings))
    return weight * said.fixable if all(f.fixable for f in findings) else weight


def _caution(rule: str, findings: list[FindingReport], said: Weighing) -> float:
    """Weight of warnings towards `revise`: what a safe fixer mends costs nothing to mend."""
    return said.weights.get(rule, 1.0 if any(f.fixable for f in findings) else said.warning)


def _reason(report: Report, brief: Brief, case: _Case, cost: Mapping[str, float]) -> str:
    """One paragraph: what stands in the way, what mends it, what that costs, what may stay."""
    use = a_or_an(lowered(brief.job.title))
    if case.lost:
        return (
            f"There is no geometry that could be judged as {use}; the file is empty or broken and must be made again."
        )
    left = _left(case, report)
    if report.verdict == "pass":
        return f"Ready as {use}: nothing stands in the way.{left}"
    if not case.errors:
        text = f"Nothing is broken, but as {use} it is not finished: {_told(case.needed, cost)}."
    else:
        text = f"Not usable as {use} yet: {_told(case.errors, cost)}."
    if report.verdict == "reject":
        return f"{text} {_why_new(report, case)}"
    return f"{text} {_how_mended(report, case)}{left}"


def _how_mended(report: Report, case: _Case) -> str:
    done = report.cleanup
    by_hand = by_rule(f for f in case.needed if not f.fixable)
    if not by_hand:
        computing, checking = time_name(done.machine_minutes), time_name(done.hand_minutes)
        return f"Safe fixers mend all of it: {computing} of computing and {checking} to check the result."
    fixed = by_rule(f for f in case.needed if f.fixable)
    many = f"{len(fixed)} of {count(len(fixed) + len(by_hand), 'problem')}"
    first = f"Safe fixers mend {many} ({_titles(fixed)}). " if fixed else ""
    minutes = sum(hand_minutes(fs) for fs in by_hand.values())
    text = f"{first}Left for an artist, {time_name(minutes)}: {_titles(by_hand)}."
    if case.spared:
        text += f" A new one from better input would cost {time_name(case.again)}, so mending is cheaper."
    return text


def _why_new(report: Report, case: _Case) -> str:
    again = time_name(case.again)
    if case.dear:
        by_hand = by_rule(f for f in case.errors if f.regenerate and not f.fixable)
        return (
            f"Mending it by hand ({_titles(by_hand)}) would take {time_name(case.spared)}, a new one from better input "
            f"{again}: generating again is cheaper."
        )
    hand = time_name(report.cleanup.hand_minutes)
    return (
        f"Too much is wrong at once: {count(len(case.weights), 'kind')} of errors weigh {report.score:g}, and this job "
        f"gives up at {case.reject_at:g}. {sentence(hand)} of clean-up would still leave a patched asset; a new one "
        f"costs {again}: generating again is cheaper."
    )


def _left(case: _Case, report: Report) -> str:
    """What may stay as it is."""
    if not case.loose:
        return ""
    what = "; ".join(_plain(fs) for fs in list(by_rule(case.loose).values())[:TOLD])
    more = len(by_rule(case.loose)) - TOLD
    also = f"; and {count(more, 'smaller thing')}" if more > 0 else ""
    minutes = report.cleanup.optional_minutes
    cost = f" ({time_name(minutes)} by hand)" if minutes >= 1 else ""
    return f" Worth a look, but no obstacle{cost}: {what}{also}."


def _told(findings: Iterable[FindingReport], cost: Mapping[str, float]) -> str:
    """The weightiest in full, the rest by their titles."""
    groups = sorted(by_rule(findings).items(), key=lambda item: -cost.get(item[0], 0.0))
    said = "; ".join(_plain(fs) for _, fs in groups[:TOLD])
    rest = dict(groups[TOLD:])
    return said + (f"; also {_titles(rest)}" if rest else "")


def _plain(found: list[FindingReport]) -> str:
    """The first finding of a rule, and how many more places there are."""
    more = f" (and in {count(len(found) - 1, 'more place')})" if len(found) > 1 else ""
    return found[0].message.rstrip(". ") + more


def _titles(groups: Mapping[str, list[FindingReport]]) -> str:
    return names(list(dict.fromkeys(fs[0].title or rule for rule, fs in groups.items())), most=5)
