# SPDX-License-Identifier: Apache-2.0
"""The brief: what mechanism gets to see of an asset's intent, inputs and the project's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.gates.board import record_path
from pipeline.gates.inputs import Input
from pipeline.gates.intent import Intent, read_intent
from pipeline.project.memory import rules_of
from pipeline.settings.jobs import Brief, Job, load_job
from pipeline.usd.records import children

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["brief_of", "job_with_intent"]


def job_with_intent(intent: Intent, project: Project) -> Job:
    """The job of an asset with the intent's budgets in place of the job's."""
    job = load_job(intent.job or project.job, project.root)
    if intent.max_triangles:
        budgets = job.budgets.model_copy(update={"max_triangles": intent.max_triangles})
        job = job.model_copy(update={"budgets": budgets})
    if intent.parts:
        job = job.model_copy(update={"needs": job.needs.model_copy(update={"separable": True})})
    return job


def brief_of(project: Project, asset: str, stage: Usd.Stage | None = None) -> Brief:
    """What mechanism gets to see of an asset's intent and inputs."""
    stage = stage or project.open_stage()
    intent = read_intent(stage, asset) or Intent(job=project.job)
    references: dict[str, list[str]] = {}
    views: dict[str, str] = {}
    for prim in children(stage, record_path(asset, "Inputs"), Input):
        entry = Input.read(prim)
        if entry.kind == "image":
            references.setdefault(entry.role, []).append(entry.file)
            if entry.view:
                views[entry.file] = entry.view
    return Brief(
        job=job_with_intent(intent, project),
        size_m=intent.size if any(intent.size) else None,
        parts=intent.parts,
        materials=intent.materials,
        references=references,
        views=views,
        project=project.root,
        name=asset,
        remembered=rules_of(stage),
    )
