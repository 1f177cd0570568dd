# SPDX-License-Identifier: Apache-2.0
"""The board: where each asset stands at each gate, and what is required next.

A gate is *open* until it was looked at, *revise* when something must change, *rejected* when the candidate
cannot go on, *passed* when it holds. A gate that passed on something that has changed since counts as *revise*
(see `evidence.py`). A later gate refuses to open while an earlier required one is open or rejected; context and
refinement may go on from *revise*, because they are where things are mended; delivery needs every required
gate passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pxr import Sdf
from pydantic import BaseModel

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.evidence import ASSETS, RECORDS, evidence
from pipeline.settings.jobs import GATES, Job, load_job
from pipeline.usd.records import Record, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = [
    "ASSETS",
    "GateCell",
    "asset_names",
    "cells",
    "job_of",
    "known_asset",
    "mark",
    "record_path",
    "require",
]

State = Literal["open", "passed", "revise", "rejected"]
#: gates that may work on what an earlier gate sent back
MENDING = ("context", "refinement")


class GateRecord(Record):
    """What is remembered of one gate of one asset."""

    schema_type: ClassVar[str] = "GatesGate"

    state: State = "open"
    why: str = ""
    time: str = ""
    digest: str = ""


class GateCell(BaseModel):
    """One gate of one asset."""

    gate: str
    state: State
    required: bool
    why: str = ""


def record_path(asset: str, *parts: str) -> str:
    """Prim path of an asset's records.

    Raises
    ------
    UsageError
        No prim can have the asset's name.
    """
    if not Sdf.Path.IsValidIdentifier(asset):
        raise UsageError(
            f"{asset!r} cannot name an asset", remedy=f"use letters, digits and underscores: {valid_name(asset)}"
        )
    return "/".join((RECORDS, asset, *parts))


def asset_names(stage: Usd.Stage) -> list[str]:
    """Every asset that has an intent or a component, in stage order."""
    names: list[str] = []
    for root in (RECORDS, ASSETS):
        prim = stage.GetPrimAtPath(root)
        names += [p.GetName() for p in prim.GetChildren() if p.GetName() not in names] if prim else []
    return names


def job_of(stage: Usd.Stage, project: Project, asset: str) -> Job:
    """The job of an asset, from its intent or else the project's."""
    attribute = stage.GetPrimAtPath(record_path(asset, "Intent"))
    name = attribute.GetAttribute("gates:job").Get() if attribute else None
    return load_job(name or project.job, project.root)


def cells(stage: Usd.Stage, project: Project, asset: str) -> list[GateCell]:
    """The seven gates of one asset."""
    job = job_of(stage, project, asset)
    result = []
    for gate in GATES:
        record = GateRecord.find(stage, record_path(asset, "Gates", gate)) or GateRecord()
        state, why = record.state, record.why
        if state == "passed" and record.digest and record.digest != evidence(stage, asset, gate):
            state, why = "revise", STALE[gate]
        result.append(GateCell(gate=gate, state=state, required=job.requires(gate), why=why))
    return result


def known_asset(stage: Usd.Stage, asset: str) -> None:
    """Raise `UsageError` unless the project has that asset."""
    from pipeline.errors import UsageError

    names = asset_names(stage)
    if asset not in names:
        raise UsageError(
            f"no asset {asset!r} in this project",
            remedy=f"use one of: {', '.join(names)}" if names else f"start one: gates intent {asset}",
        )


def require(stage: Usd.Stage, project: Project, asset: str, gate: str) -> None:
    """Refuse to open `gate` while an earlier required one stands in the way.

    Raises
    ------
    GateRefused
        Names that gate and the command that passes it.
    """
    strict = gate not in MENDING
    for cell in cells(stage, project, asset):
        if cell.gate == gate:
            return
        fine = cell.state == "passed" or (not strict and cell.state == "revise")
        if cell.required and not fine:
            raise GateRefused(
                f"{asset}: gate {gate!r} stays shut: {cell.gate!r} is required for a "
                f"{job_of(stage, project, asset).title.lower()} and is {_said(cell)}",
                prim=record_path(asset, "Gates", cell.gate),
                remedy=REMEDIES[cell.gate].format(asset=asset),
            )


def _said(cell: GateCell) -> str:
    words = {
        "open": "still open",
        "revise": "sent back for changes",
        "rejected": "rejected",
        "passed": "passed",
    }
    return words[cell.state] + (f" ({cell.why})" if cell.why else "")


REMEDIES = {
    "intent": "gates intent {asset} --lock",
    "inputs": "gates input {asset} --prompt TEXT --image FILE",
    "generation": "gates generate {asset}, then gates candidates {asset} --select VARIANT",
    "inspection": "gates inspect {asset} shows what to change; gates candidates {asset} --select takes another",
    "context": "gates context --asset {asset} after gates place {asset}",
    "refinement": "gates refine {asset} OP until gates inspect {asset} passes and no note is open",
    "delivery": "gates publish {asset}",
}


STALE = {
    "intent": "",
    "inputs": "",
    "generation": "the inputs or the intent changed since",
    "inspection": "the asset or its budgets changed since",
    "context": "the asset or its place changed since",
    "refinement": "the asset or its budgets changed since",
    "delivery": "the asset changed since",
}


def mark(stage: Usd.Stage, asset: str, gate: str, state: State, why: str = "") -> None:
    """Write where an asset stands at a gate, with the evidence for it, into the stage's edit target."""
    seen = evidence(stage, asset, gate) if state == "passed" else ""
    GateRecord(state=state, why=why, time=now(), digest=seen).author(stage, record_path(asset, "Gates", gate))
