# SPDX-License-Identifier: Apache-2.0
"""The result of an inspection, as programs read it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from pipeline.checks.protocol import Marks
from pipeline.checks.subject import Part
from pipeline.settings.jobs import Severity

Verdict = Literal["pass", "revise", "reject"]
Box = tuple[tuple[float, float, float], tuple[float, float, float]]
EXIT = {"pass": 0, "revise": 3, "reject": 4}


class _Model(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="null")


class MarkSample(_Model):
    """Where a finding is: how many faces and points, and the first of them. The rest is in `Report.marks`."""

    prim: str
    faces: int = 0
    points: int = 0
    first_faces: list[int] = Field(default_factory=list)
    first_points: list[int] = Field(default_factory=list)


class FindingReport(_Model):
    """One finding, with what to do about it."""

    rule: str
    title: str = Field(default="", description="what the rule looks for, in a few words")
    severity: Severity
    prim: str
    message: str
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    fixable: bool = False
    fixer: str = Field(default="", description="the refiner operation that mends it")
    advice: str = ""
    regenerate: str = Field(default="", description="the change of input by which a generator avoids it")
    input: str = Field(default="", description="options of `gates input` that make this change")
    operation: str = Field(default="", description="the operation by which a person mends what no fixer may")
    minutes: float = Field(default=0.0, description="estimated work of an artist, minutes")
    places: int = Field(default=0, description="meshes it is on")
    where: list[MarkSample] = Field(default_factory=list, description="the first of those meshes")


class Stats(_Model):
    """What the asset is made of; lengths in metres, Y up."""

    triangles: int = 0
    vertices: int = 0
    points: int = 0
    meshes: int = 0
    instances: int = 0
    shells: int = 0
    materials: int = 0
    textures: int = 0
    uv_sets: int = 0
    joints: int = 0
    clips: int = 0
    area_m2: float = 0.0
    bounds_m: Box | None = None
    size_m: tuple[float, float, float] | None = None
    bytes: int = 0


class RuleFailure(_Model):
    """A rule that could not be loaded or broke while it ran."""

    rule: str
    message: str
    source: str = Field(default="", description="the file of a rule that does not ship")


class HookSaid(_Model):
    """A `post_inspect` hook that ran after the verdict was recorded."""

    name: str
    source: str
    ok: bool
    message: str = ""


class NextStep(_Model):
    """The cheapest way on: `accept`, `fix`, `refine` or `regenerate`, and how."""

    action: Literal["accept", "fix", "refine", "regenerate"]
    how: str
    operations: list[str] = Field(default_factory=list, description="refiner operations, in the order that serves")
    commands: list[str] = Field(
        default_factory=list, description="what to type, in order; words in capitals are a person's to say"
    )
    change_input: list[str] = Field(
        default_factory=list, description="what to change about the input before generating again, the weightiest first"
    )


class CleanupItem(_Model):
    """What the findings of one rule cost to clean up."""

    rule: str
    title: str
    findings: int
    hand_minutes: float = Field(default=0.0, description="work of an artist")
    machine_minutes: float = Field(default=0.0, description="running the fixer, where a safe one mends all of them")
    needed: bool = Field(description="the verdict stands on it; the others may stay")


class Cleanup(_Model):
    """The estimate behind a verdict, and what it is based on."""

    hand_minutes: float = Field(default=0.0, description="work of an artist until the verdict is `pass`")
    machine_minutes: float = Field(default=0.0, description="fixers, and inspecting again")
    optional_minutes: float = Field(default=0.0, description="work of an artist on what may stay")
    regenerate_minutes: float | None = Field(
        default=None, description="a new one, where that is a remedy: change the input, generate, inspect"
    )
    basis: str = ""
    items: list[CleanupItem] = Field(default_factory=list, description="the costliest first")


class Report(_Model):
    """What was found, and what it means for the job.

    `marks(i)` are the faces and points of the i-th finding; they stay in memory and are written by
    `inspect(..., marks=FILE)`, since a JSON document of a million indices serves nobody.
    """

    path: str
    prim: str = ""
    job: str
    verdict: Verdict
    reason: str = ""
    next_step: NextStep = NextStep(action="accept", how="")
    score: float = Field(default=0.0, description="summed weight of the errors; the job rejects from its `reject_at`")
    minutes: float = Field(default=0.0, description="estimated clean-up of all errors and warnings by an artist")
    cleanup: Cleanup = Cleanup()
    stats: Stats = Stats()
    findings: list[FindingReport] = Field(default_factory=list)
    unlisted: dict[str, int] = Field(
        default_factory=dict, description="by rule: further findings, which count but are not listed; --prim shows them"
    )
    passed: list[str] = Field(default_factory=list, description="rules that ran and found nothing")
    skipped: list[str] = Field(default_factory=list, description="rules that this job switches off")
    errors: list[RuleFailure] = Field(default_factory=list)
    hooks: list[HookSaid] = Field(default_factory=list, description="what ran after the verdict was recorded")
    seconds: float = 0.0

    _marks: list[tuple[Marks, ...]] = PrivateAttr(default_factory=list)
    _parts: tuple[Part, ...] = PrivateAttr(default=())
    _asked: str = PrivateAttr(default="")

    @property
    def asked(self) -> str:
        """The prim that somebody asked for; empty where the whole file was meant."""
        return self._asked

    @property
    def exit_code(self) -> int:
        """0 pass, 3 revise, 4 reject."""
        return EXIT[self.verdict]

    def marks(self, finding: int) -> tuple[Marks, ...]:
        """Faces and points of a finding; part numbers count as in `Subject.parts`."""
        return self._marks[finding] if finding < len(self._marks) else ()

    def marked_faces(self, finding: int) -> dict[str, NDArray[np.int32]]:
        """Triangles of a finding by prim path."""
        return {self._parts[m.part].prim: m.faces for m in self.marks(finding)}

    def many(self, rule: str) -> int:
        """How many findings a rule has, those that are not listed among them."""
        return sum(f.rule == rule for f in self.findings) + self.unlisted.get(rule, 0)

    def shorten(self, most: int) -> None:
        """List only the first findings of each rule, and count the others."""
        listed: dict[str, int] = {}
        kept = []
        for number, finding in enumerate(self.findings):
            listed[finding.rule] = listed.get(finding.rule, 0) + 1
            if listed[finding.rule] <= most:
                kept.append(number)
        self.unlisted = {rule: n - most for rule, n in listed.items() if n > most}
        if self.unlisted:
            self.findings = [self.findings[n] for n in kept]
            self._marks = [self._marks[n] for n in kept]
