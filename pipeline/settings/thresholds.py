# SPDX-License-Identifier: Apache-2.0
"""Thresholds of inspection that hold for every job (`config/thresholds.toml`); a job's own table wins over them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError
from pipeline.settings import load
from pipeline.settings.jobs import VerdictSetting
from pipeline.settings.spelling import explained


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleThreshold(_Strict):
    """What holds for one rule in every job; None leaves the rule's own.

    Attributes
    ----------
    severity
        How bad its findings are where a job asks for the rule; `off` switches it off.
    limit
        Where a measured value becomes a finding; a budget of the job is not touched. -1 switches the rule off.
    minutes
        What an artist needs to clean one finding up by hand.
    options
        Further numbers the rule knows, by name.
    """

    severity: Literal["error", "warning", "info", "off"] | None = None
    limit: float | None = None
    minutes: float | None = Field(default=None, ge=0)
    options: dict[str, float] = Field(default_factory=dict)


class Weighing(VerdictSetting):
    """How findings add up, where a job says nothing else.

    Attributes
    ----------
    error, warning, info
        Weight of a rule's findings by severity.
    fixable
        What a safe fixer mends counts this much of its weight towards rejection.
    fatal
        Rules whose errors reject where no face is left to judge.
    fixed_minutes
        Work of an artist who runs a fixer and looks at the result.
    """

    error: float = Field(default=1.0, ge=0)
    warning: float = Field(default=0.2, ge=0)
    info: float = Field(default=0.0, ge=0)
    fixable: float = Field(default=0.5, ge=0, le=1)
    fatal: tuple[str, ...] = ("geometry.invalid",)
    fixed_minutes: float = Field(default=0.5, ge=0)

    def of(self, severity: str) -> float:
        """The weight of a severity."""
        return {"error": self.error, "warning": self.warning}.get(severity, self.info)

    def with_job(self, said: VerdictSetting) -> Weighing:
        """These, with what a job says instead; weights are merged rule by rule."""
        own = said.model_dump(exclude_unset=True)
        weights = {**self.weights, **own.pop("weights", {})}
        return self.model_copy(update={**own, "weights": weights})


class Thresholds(_Strict):
    """The whole file."""

    verdict: Weighing = Weighing()
    rules: dict[str, RuleThreshold] = Field(default_factory=dict)

    def of(self, rule: str) -> RuleThreshold:
        """What is said about a rule."""
        return self.rules.get(rule) or RuleThreshold()


def load_thresholds(project: Path | None = None) -> Thresholds:
    """The thresholds that count for a project: what ships, the studio's, the project's.

    Raises
    ------
    ConfigError
        A key or value means nothing.
    """
    try:
        return Thresholds(**load("thresholds", project).get("thresholds", {}))
    except ValidationError as error:
        key, why = explained(error, Thresholds)
        raise ConfigError(f"thresholds: {key}: {why}", remedy="see the comments in config/thresholds.toml") from error
