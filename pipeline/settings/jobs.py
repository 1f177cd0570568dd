# SPDX-License-Identifier: Apache-2.0
"""Jobs of the decision matrix, and the brief: one job with what an asset's intent says instead.

The brief is what mechanism (checks, refiners, exporters) gets to see of an intent: numbers and names, no
gates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError, UsageError
from pipeline.settings import load
from pipeline.settings.spelling import explained, near

Severity = Literal["error", "warning", "info"]
GATES = ("intent", "inputs", "generation", "inspection", "context", "refinement", "delivery")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budgets(_Strict):
    """Limits of what ships; 0 switches a limit off. Units as in `config/jobs.toml`."""

    max_triangles: int = 0
    max_materials: int = 0
    max_joints: int = 0
    max_influences: int = 0
    texture_min: int = 0
    texture_max: int = 0
    min_texel_density: float = 0.0
    file_size_mb: float = 0.0
    lods: int = 0


class Needs(_Strict):
    """What must be there at all."""

    uvs: bool = False
    textures: bool = False
    pbr: bool = False
    rig: bool = False
    animation: bool = False
    separable: bool = False
    closed: bool = False
    ground: bool = False
    power_of_two: bool = False
    allow_mirrored_uvs: bool = True
    pose: Literal["", "a-pose", "t-pose"] = ""


class RuleSetting(_Strict):
    """A job's say about one rule; None leaves the rule's own default."""

    severity: Literal["error", "warning", "info", "off"] | None = None
    limit: float | None = None


class VerdictSetting(_Strict):
    """How findings add up to a verdict.

    Attributes
    ----------
    reject_at
        Summed weight of errors from which a new one is made.
    regenerate_minutes
        Work of a person who changes the input, generates again, inspects and chooses: what clean-up is weighed against.
    revise_at
        Summed weight of warnings from which they are no longer passed over.
    weights
        Rule id -> weight of its findings.
    """

    reject_at: float = 4.0
    regenerate_minutes: float = Field(default=30.0, ge=0)
    revise_at: float = 1.0
    weights: dict[str, float] = Field(default_factory=dict)


class Job(_Strict):
    """One row of the decision matrix (`config/jobs.toml`)."""

    name: str
    title: str
    prioritises: list[str] = Field(default_factory=list)
    gates: list[Literal["intent", "inputs", "generation", "inspection", "context", "refinement", "delivery"]]
    formats: list[str]
    targets: list[str] = Field(default_factory=list)
    usage: Literal["prop", "character", "scene", "product", "print"] = "prop"
    budgets: Budgets = Budgets()
    needs: Needs = Needs()
    rules: dict[str, RuleSetting] = Field(default_factory=dict)
    verdict: VerdictSetting = VerdictSetting()

    def requires(self, gate: str) -> bool:
        """Whether this job may not pass over `gate`."""
        return gate in self.gates


class Remembered(_Strict):
    """What the project remembers that an asset is judged by.

    Attributes
    ----------
    palette
        The project's colours, linear Rec.709.
    max_saturation
        Highest HSV saturation (of sRGB values) that it allows; 0 where nobody said.
    heights_m
        Words -> (smallest, largest) height in metres of what they name; 0 leaves an end open.
    banned
        Words and phrases that nothing may be called.
    """

    palette: list[tuple[float, float, float]] = Field(default_factory=list)
    max_saturation: float = 0.0
    heights_m: dict[str, tuple[float, float]] = Field(default_factory=dict)
    banned: list[str] = Field(default_factory=list)


class Brief(_Strict):
    """One asset's intent as mechanism sees it: a job, and what the intent says instead.

    Attributes
    ----------
    size_m
        Real width (x), height (y), depth (z) in metres, Y up; None where nobody said.
    parts
        Names of the parts that must be separable, empty where that does not matter.
    materials
        Names of the materials that are expected.
    references
        Pictures by role (`shape`, `material`, `style`), absolute paths.
    views
        Which side a picture shows, where somebody said: path -> `front`, `back`, `left`, `right`, `top`, `bottom`.
    project
        The project whose configuration counts; None for what counts without one.
    name
        What the asset is called; empty where that is not known.
    remembered
        What the project remembers.
    """

    job: Job
    size_m: tuple[float, float, float] | None = None
    parts: list[str] = Field(default_factory=list)
    materials: list[str] = Field(default_factory=list)
    references: dict[str, list[str]] = Field(default_factory=dict)
    views: dict[str, str] = Field(default_factory=dict)
    project: Path | None = None
    name: str = ""
    remembered: Remembered = Remembered()


DEFAULT_JOB = "game-ready-prop"


def job_names(project: Path | None = None) -> list[str]:
    """The jobs that count for a project, in the order of the configuration."""
    return list(load("jobs", project).get("jobs", {}))


def load_job(name: str, project: Path | None = None) -> Job:
    """One job of the decision matrix.

    Raises
    ------
    UsageError
        There is no such job.
    ConfigError
        Its table has a key or a value that means nothing.
    """
    jobs = load("jobs", project).get("jobs", {})
    if name not in jobs:
        close = near(name, jobs)
        remedy = f"use one of: {', '.join(jobs)}"
        raise UsageError(f"unknown job {name!r}", remedy=f"did you mean {close!r}? {remedy}" if close else remedy)
    try:
        return Job(name=name, **jobs[name])
    except ValidationError as error:
        key, why = explained(error, Job)
        raise ConfigError(
            f"job {name!r}: {key}: {why}", remedy="see the comments at the top of config/jobs.toml"
        ) from error


def brief_for(job: str | Job | Brief | None, project: Path | None = None) -> Brief:
    """A brief from whatever names one; None is the default job."""
    if isinstance(job, Brief):
        return job
    return Brief(job=job if isinstance(job, Job) else load_job(job or DEFAULT_JOB, project), project=project)
