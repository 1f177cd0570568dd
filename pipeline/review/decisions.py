# SPDX-License-Identifier: Apache-2.0
"""Decisions on exact versions, kept as prims below /Project/Decisions.

A decision names the version it was made on. Recording it makes a newer version, which is not approved: what
was approved is what was looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.usd.records import Record, children, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["ROOT", "Decision", "DecisionRow", "approved_version", "decide", "decisions"]

ROOT = "/Project/Decisions"
Kind = Literal["requested", "comment", "changes", "approved"]


class Decision(Record):
    """One entry of the review history."""

    schema_type: ClassVar[str] = "GatesDecision"

    decision: Kind = "requested"
    version: str = ""
    asset: str = ""
    comment: str = ""
    by: str = ""
    time: str = ""


class DecisionRow(BaseModel):
    """What `gates review` prints."""

    decision: Kind
    version: str
    asset: str
    comment: str = ""
    by: str
    time: str
    prim: str = Field(default="")


def decide(
    project: Project, asset: str, kind: Kind, version: str, comment: str = "", by: str | None = None
) -> DecisionRow:
    """Write one decision into the work layer.

    Raises
    ------
    UnknownRef
        There is no such version.
    UsageError
        Changes were asked for without saying which.
    """
    if kind == "changes" and not comment:
        raise UsageError("asking for changes needs words", remedy='gates review changes ASSET -m "what to change"')
    exact = project.store.refs.resolve(version)
    entry = Decision(decision=kind, version=exact, asset=asset, comment=comment, by=by or project.work, time=now())
    with project.edit() as stage:
        number = len(list(children(stage, ROOT, Decision))) + 1
        path = f"{ROOT}/{valid_name(f'd{number:04d}_{kind}_{project.work}')}"
        entry.author(stage, path)
    return _row(path, entry)


def decisions(stage: Usd.Stage, asset: str | None = None) -> list[DecisionRow]:
    """The history, oldest first."""
    rows = [_row(str(p.GetPath()), Decision.read(p)) for p in children(stage, ROOT, Decision)]
    return [r for r in sorted(rows, key=lambda r: (r.time, r.prim)) if asset in (None, r.asset)]


def approved_version(stage: Usd.Stage, asset: str) -> str | None:
    """The version that was approved last, unless changes were asked for on it afterwards."""
    approved: str | None = None
    for row in decisions(stage, asset):
        if row.decision == "approved":
            approved = row.version
        elif row.decision == "changes" and row.version == approved:
            approved = None
    return approved


def _row(path: str, entry: Decision) -> DecisionRow:
    return DecisionRow(**entry.model_dump(), prim=path)
