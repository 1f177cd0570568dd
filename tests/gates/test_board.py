# SPDX-License-Identifier: Apache-2.0
"""The sequence of the gates: nobody skips a required one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import mark, require
from pipeline.gates.evidence import evidence
from pipeline.gates.generation import candidates, generate, ingest, select
from pipeline.gates.inputs import add_inputs
from pipeline.gates.intent import set_intent, unlock
from pipeline.gates.overview import board
from pipeline.project import Project
from pipeline.settings.jobs import GATES

from .conftest import ASSET, crate_glb


def states(project: Project) -> dict[str, str]:
    return {c.gate: c.state for c in board(project, ASSET).assets[0].gates}


def test_a_new_asset_stands_before_the_first_gate(project: Project) -> None:
    assert board(project).assets == []
    set_intent(project, ASSET)
    row = board(project, ASSET).assets[0]
    assert [c.gate for c in row.gates] == list(GATES)
    assert row.next == "intent"
    assert states(project)["intent"] == "revise"  # not locked yet
    set_intent(project, ASSET, lock=True)
    assert board(project, ASSET).assets[0].next == "inputs"


def test_generation_refuses_without_a_locked_intent_and_without_inputs(project: Project, tmp_path: Path) -> None:
    set_intent(project, ASSET)
    with pytest.raises(GateRefused, match="intent"):
        generate(project, ASSET)
    set_intent(project, ASSET, lock=True)
    with pytest.raises(GateRefused, match="inputs"):
        ingest(project, crate_glb(tmp_path / "c.glb"), ASSET)
    assert candidates(project, ASSET).candidates == []


def test_a_required_gate_cannot_be_skipped(with_candidate: Project) -> None:
    stage = with_candidate.open_stage()
    with pytest.raises(GateRefused, match="inspection") as refused:
        require(stage, with_candidate, ASSET, "context")
    assert refused.value.exit_code == 3
    assert refused.value.remedy
    with pytest.raises(GateRefused):
        require(stage, with_candidate, ASSET, "delivery")


def test_a_job_may_not_require_a_gate(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "greybox", job="greybox", work="alice")
    set_intent(project, ASSET, lock=True)
    add_inputs(project, ASSET, prompt="a crate")
    ingest(project, crate_glb(tmp_path / "c.glb"), ASSET)
    select(project, ASSET, "c01")
    require(project.open_stage(), project, ASSET, "context")  # a greybox needs no inspection
    required = {c.gate: c.required for c in board(project, ASSET).assets[0].gates}
    assert required["context"]
    assert not required["inspection"]


def test_mending_gates_go_on_from_revise_and_delivery_does_not(with_candidate: Project) -> None:
    with with_candidate.edit() as stage:
        mark(stage, ASSET, "inspection", "revise", "too many triangles")
    stage = with_candidate.open_stage()
    require(stage, with_candidate, ASSET, "context")
    with with_candidate.edit() as edit:
        for gate in ("context", "refinement"):
            mark(edit, ASSET, gate, "passed")
    with pytest.raises(GateRefused, match="sent back"):
        require(with_candidate.open_stage(), with_candidate, ASSET, "delivery")
    with with_candidate.edit() as edit:
        mark(edit, ASSET, "inspection", "rejected", "fused")
    with pytest.raises(GateRefused, match="rejected"):
        require(with_candidate.open_stage(), with_candidate, ASSET, "context")


def test_one_changed_word_makes_the_candidates_stale_and_a_budget_does_not(with_candidate: Project) -> None:
    assert states(with_candidate)["generation"] == "passed"
    unlock(with_candidate, ASSET)
    set_intent(with_candidate, ASSET, max_triangles=400, lock=True)
    assert states(with_candidate)["generation"] == "passed"
    add_inputs(with_candidate, ASSET, prompt="a wooden chest with a lid")
    assert states(with_candidate)["generation"] == "revise"


def test_evidence_of_inspection_follows_the_geometry_and_not_the_placement(with_candidate: Project) -> None:
    from pxr import UsdGeom

    from pipeline.gates.dressing import place_asset

    before = evidence(with_candidate.open_stage(), ASSET, "inspection")
    context = evidence(with_candidate.open_stage(), ASSET, "context")
    place_asset(with_candidate, ASSET, at=(1, 0, 2), yaw=30)
    assert evidence(with_candidate.open_stage(), ASSET, "inspection") == before
    assert evidence(with_candidate.open_stage(), ASSET, "context") != context
    with with_candidate.edit() as stage:
        mesh = next(p for p in stage.Traverse() if p.IsA(UsdGeom.Mesh))
        points = UsdGeom.Mesh(mesh).GetPointsAttr()
        points.Set([p * 1.001 for p in points.Get()])
    assert evidence(with_candidate.open_stage(), ASSET, "inspection") != before


def test_an_unknown_asset_is_named_with_what_there_is(briefed: Project) -> None:
    with pytest.raises(UsageError, match="barrel") as error:
        board(briefed, "barrel")
    assert ASSET in str(error.value)
