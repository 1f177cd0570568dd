# SPDX-License-Identifier: Apache-2.0
"""The cheapest next step, with the commands to type."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.checks.fixers import ordered, settings_for
from pipeline.checks.report import FindingReport, NextStep, Report
from pipeline.checks.words import names
from pipeline.settings.jobs import DEFAULT_JOB, Brief

ASSETS = "/World/Assets/"
#: what a fixed copy is written as: formats that hold materials, UVs and rigs
KEPT = {".usd": ".usd", ".usda": ".usda", ".usdc": ".usdc", ".usdz": ".usdz", ".glb": ".glb", ".gltf": ".glb", ".fbx": ".fbx"}  # noqa: E501  # fmt: skip
OTHERWISE = ".usdc"
#: candidates worth asking for when it is generated again
AGAIN = 4


def next_step(report: Report, brief: Brief, needed: Sequence[FindingReport], cost: Mapping[str, float]) -> NextStep:
    """What to do next.

    Parameters
    ----------
    needed
        The findings that the verdict stands on.
    cost
        Rule -> how much it speaks against the asset; the weightiest is named first.
    """
    place = _Place.of(report, brief)
    heavy = sorted(needed, key=lambda f: -cost.get(f.rule, 0.0))
    if report.verdict == "pass":
        left = any(f.severity == "warning" for f in report.findings)
        return NextStep(
            action="accept",
            how="hand it on; the warnings may stay" if left else "hand it on",
            commands=[f"gates status {place.asset}"] if place.asset else [],
        )
    if report.verdict == "reject":
        changes = _distinct(f.regenerate for f in heavy if f.regenerate and not f.fixable)
        changes = (changes or _distinct(f.regenerate for f in heavy if f.regenerate))[:3]
        return NextStep(
            action="regenerate",
            how="; ".join(changes) or "generate again with another seed or generator",
            commands=place.again(heavy, brief),
            change_input=changes,
        )
    operations = ordered(f.fixer for f in needed if f.fixable)
    if all(f.fixable for f in needed):
        return NextStep(
            action="fix",
            how=f"run the safe fixers: {', '.join(operations)}",
            operations=operations,
            commands=place.fixing(operations, brief),
        )
    by_hand = [f for f in heavy if not f.fixable]
    advice = _distinct(f.advice for f in by_hand if f.advice)
    first = f"run the safe fixers ({', '.join(operations)}), then by hand: " if operations else ""
    commands = place.fixing(operations, brief, last=False) if operations else []
    file = place.fixed if operations else place.file
    for number, operation in enumerate(_distinct(f.operation for f in by_hand if f.operation)):
        commands.append(place.refining(operation, file, number))
        file = place.refined(number)
    return NextStep(
        action="refine",
        how=first + " ".join(advice[:3]),
        operations=operations,
        commands=[*commands, *([place.inspecting(brief, file)] if place.asset or file else [])],
    )


class _Place:
    """Where it lies: an asset of a project, a file, or a stage in memory (then nothing can be typed)."""

    def __init__(self, asset: str, file: Path | None, prim: str, found: Collection[str] = ()) -> None:
        self.asset = asset
        self.file = file
        self.prim = prim
        self.found = found

    @classmethod
    def of(cls, report: Report, brief: Brief) -> _Place:
        found = {f.rule for f in report.findings}
        if brief.name and brief.project and report.prim == ASSETS + brief.name:
            return cls(brief.name, None, "", found)
        file = Path(report.path) if Path(report.path).is_file() else None
        return cls("", file, report.asked, found)

    @property
    def fixed(self) -> Path | None:
        """Beside the file, where the fixers' result goes."""
        return self._beside("fixed")

    def refined(self, number: int) -> Path | None:
        """Beside the file, where the result of a person's operation goes."""
        return self._beside(f"refined{number + 1 if number else ''}")

    def fixing(self, operations: Sequence[str], brief: Brief, last: bool = True) -> list[str]:
        """Run safe fixers, and see whether it helped."""
        if self.asset:
            done = [
                shlex.join(["gates", "refine", self.asset, o, *(_settings(o, brief, self.found))])
                for o in operations
            ]  # fmt: skip
            return [*done, *([f"gates inspect {self.asset}"] if last else [])]
        if self.file is None:
            return []
        return [self.inspecting(brief, self.file, ["--fix", str(self.fixed)])]

    def refining(self, operation: str, file: Path | None, number: int) -> str:
        """One operation that a person completes."""
        words = operation.split()
        if self.asset or file is None:
            return shlex.join(["gates", "refine", self.asset or "ASSET", *words])
        return shlex.join(["gates", "refine", str(file), *words, "--out", str(self.refined(number))])

    def inspecting(self, brief: Brief, file: Path | None, more: Sequence[str] = ()) -> str:
        """Inspect it, or what became of it."""
        if self.asset or file is None:
            return f"gates inspect {self.asset}"
        job = ["--job", brief.job.name] if brief.job.name != DEFAULT_JOB else []
        prim = ["--prim", self.prim] if self.prim else []
        return shlex.join(["gates", "inspect", str(file), *job, *prim, *more])

    def again(self, findings: Sequence[FindingReport], brief: Brief) -> list[str]:
        """Change the input, generate, choose; for a file a person says which asset it is."""
        asset = self.asset or "ASSET"
        parts = names(brief.parts, len(brief.parts)) or "PARTS"
        changes = _distinct(f.input.replace("{parts}", parts) for f in findings if f.input and not f.fixable)
        return [
            *(f"gates input {asset} {change}" for change in changes[:2]),
            f"gates generate {asset} --count {AGAIN}",
            f"gates candidates {asset}",
        ]

    def _beside(self, word: str) -> Path | None:
        if self.file is None:
            return None
        return self.file.with_name(f"{self.file.stem}-{word}{KEPT.get(self.file.suffix.lower(), OTHERWISE)}")


def _settings(operation: str, brief: Brief, found: Collection[str]) -> list[str]:
    return [
        part
        for key, value in settings_for(operation, brief, found).items()
        for part in ("--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    ]


def _distinct(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
