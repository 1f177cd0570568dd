# SPDX-License-Identifier: Apache-2.0
"""An operation, its settings and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pipeline.refiners.core.subject import Subject


class Settings(BaseModel):
    """Base of every operation's settings: unknown keys are refused, each field says its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoSettings(Settings):
    """An operation without settings."""


class Skipped(BaseModel):
    """A prim the operation passed over."""

    prim: str
    why: str


class RefineResult(BaseModel):
    """What one refinement did.

    Attributes
    ----------
    asset
        The prim that was refined.
    op
        The operation.
    layer
        Identifier of the layer that holds the opinions.
    geometry
        Asset path of the new geometry layer, where topology changed and a store was given.
    variant
        `SET=NAME` when the opinions lie inside a variant.
    changed
        Whether anything was written; doing it again writes nothing.
    before, after
        Numbers of the operation, the same keys in both.
    error
        Geometric error where shape changed: `mean` and `max` distance as a share of the diagonal, and in metres.
    details
        What else is worth knowing: the engine that ran, faces removed.
    notes
        Sentences for the reader.
    skipped
        Prims that were passed over, and why.
    """

    asset: str
    op: str
    layer: str = ""
    geometry: str | None = None
    variant: str | None = None
    changed: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    error: dict[str, float] | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    skipped: list[Skipped] = Field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Operation:
    """One thing that can be done to an asset.

    Attributes
    ----------
    name
        As typed: `fill-holes`.
    summary
        One line for help.
    settings
        Its settings with their defaults.
    run
        Changes the subject.
    measure
        Numbers of interest, called before and after `run`.
    rounds
        How often it runs at most, as long as it finds something more: mending one place may show another.
    fixes
        Ids of the rules whose findings it removes.
    """

    name: str
    summary: str
    run: Callable[[Subject, Any], None]
    settings: type[Settings] = NoSettings
    measure: Callable[[Subject], dict[str, Any]] | None = None
    fixes: tuple[str, ...] = ()
    rounds: int = 1
