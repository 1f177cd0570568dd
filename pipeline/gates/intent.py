# SPDX-License-Identifier: Apache-2.0
"""Gate 1, intent: what is it for?

A job of the decision matrix, and what this asset says instead: budgets, real size, formats, target, parts.
Locked before candidates are generated; a locked intent does not change, so that what was promised is what is
inspected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, Field

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import mark, record_path
from pipeline.settings.jobs import Budgets, Job, load_job
from pipeline.usd.records import Record, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["Intent", "IntentResult", "read_intent", "set_intent"]


class Intent(Record):
    """What one asset is for.

    Attributes
    ----------
    size
        Real width (x), height (y), depth (z) in metres, Y up; zeros where nobody said.
    view_distance
        Metres from which it must read; 0 where nobody said.
    """

    schema_type: ClassVar[str] = "GatesIntent"

    job: str = ""
    locked: bool = False
    statement: str = ""
    max_triangles: int = Field(default=0, ge=0)
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    formats: list[str] = Field(default_factory=list)
    target: str = ""
    parts: list[str] = Field(default_factory=list)
    materials: list[str] = Field(default_factory=list)
    view_distance: float = Field(default=0.0, ge=0.0)


class IntentResult(BaseModel):
    """What `gates intent` prints; size is width, height, depth in metres."""

    asset: str
    job: str
    budgets: Budgets
    size: tuple[float, float, float] | None
    formats: list[str]
    target: str
    parts: list[str]
    materials: list[str]
    statement: str
    view_distance: float
    locked: bool


def read_intent(stage: Usd.Stage, asset: str) -> Intent | None:
    """The intent of an asset, or None where it has none yet."""
    return Intent.find(stage, record_path(asset, "Intent"))


def set_intent(
    project: Project,
    asset: str,
    *,
    job: str | None = None,
    max_triangles: int | None = None,
    size: tuple[float, float, float] | None = None,
    formats: list[str] | None = None,
    target: str | None = None,
    parts: list[str] | None = None,
    materials: list[str] | None = None,
    statement: str | None = None,
    view_distance: float | None = None,
    lock: bool = False,
) -> IntentResult:
    """Set what is given, keep the rest, lock when asked; without anything to set, only show.

    Raises
    ------
    UsageError
        An unknown job, a format the job may not target, a name that is no prim name.
    GateRefused
        The intent is locked and would change.
    """
    if asset != valid_name(asset):
        raise UsageError(f"{asset!r} cannot be a prim name", remedy=f"call it {valid_name(asset)!r}")
    given = {
        "job": job,
        "max_triangles": max_triangles,
        "size": size,
        "formats": formats,
        "target": target,
        "parts": parts,
        "materials": materials,
        "statement": statement,
        "view_distance": view_distance,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    stage = project.open_stage()
    old = read_intent(stage, asset)
    intent = (old or Intent(job=project.job)).model_copy(update=changes)
    matrix = load_job(intent.job, project.root)
    _validate(intent, matrix)
    if old and old.locked and intent != old:
        raise GateRefused(
            f"the intent of {asset} is locked and would change in {', '.join(sorted(changes))}",
            prim=record_path(asset, "Intent"),
            remedy=f"unlock it first: gates intent {asset} --unlock",
        )
    if changes or old is None or (lock and not intent.locked):
        intent = intent.model_copy(update={"locked": intent.locked or lock})
        with project.edit() as edit:
            intent.author(edit, record_path(asset, "Intent"))
            mark(
                edit,
                asset,
                "intent",
                "passed" if intent.locked else "revise",
                "" if intent.locked else "not locked",
            )
    return _result(asset, intent, matrix)


def unlock(project: Project, asset: str) -> IntentResult:
    """Open a locked intent for changes; what later gates judged by the old one grows stale with each change."""
    intent = read_intent(project.open_stage(), asset)
    if intent is None:
        raise UsageError(f"{asset} has no intent yet", remedy=f"gates intent {asset} --job JOB")
    intent = intent.model_copy(update={"locked": False})
    with project.edit() as edit:
        intent.author(edit, record_path(asset, "Intent"))
        mark(edit, asset, "intent", "revise", "unlocked")
    return _result(asset, intent, load_job(intent.job, project.root))


def _validate(intent: Intent, job: Job) -> None:
    wrong = [f for f in intent.formats if f not in job.formats]
    if wrong:
        raise UsageError(
            f"a {job.title.lower()} is not delivered as {', '.join(wrong)}",
            remedy=f"choose from: {', '.join(job.formats)}",
        )
    if intent.target and intent.target not in job.targets:
        raise UsageError(
            f"a {job.title.lower()} is not made for {intent.target!r}",
            remedy=f"choose from: {', '.join(job.targets) or 'no target'}",
        )
    if any(intent.size) and not all(s > 0 for s in intent.size):
        raise UsageError("a real size has three lengths above zero", remedy="--size WxHxD in metres, 2.4x2.6x1.8")


def _result(asset: str, intent: Intent, job: Job) -> IntentResult:
    limit = intent.max_triangles or job.budgets.max_triangles
    return IntentResult(
        asset=asset,
        job=job.name,
        budgets=job.budgets.model_copy(update={"max_triangles": limit}),
        size=intent.size if any(intent.size) else None,
        formats=intent.formats or job.formats,
        target=intent.target,
        parts=intent.parts,
        materials=intent.materials,
        statement=intent.statement,
        view_distance=intent.view_distance,
        locked=intent.locked,
    )
