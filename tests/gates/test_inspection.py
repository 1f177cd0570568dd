# SPDX-License-Identifier: Apache-2.0
"""Gate 4: verdicts that count for what was inspected."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.generation import ingest
from pipeline.gates.inspection import inspect_all, inspect_asset, read_verdict, take_verdict
from pipeline.gates.overview import board
from pipeline.project import Project

from .conftest import ASSET, crate_glb


def state(project: Project) -> str:
    return board(project, ASSET).assets[0].gates[3].state


def test_a_good_candidate_passes_and_the_verdict_is_kept(with_candidate: Project) -> None:
    report = inspect_asset(with_candidate, ASSET)
    assert report.verdict == "pass", report.reason
    assert report.stats.triangles == 24
    verdict = read_verdict(with_candidate.open_stage(), ASSET, {"candidate": "c01"})
    assert verdict is not None
    assert verdict.verdict == "pass"
    assert state(with_candidate) == "passed"


def test_the_wrong_size_does_not_pass_for_that_reason(with_candidate: Project, tmp_path: Path) -> None:
    ingest(with_candidate, crate_glb(tmp_path / "low.glb", height=0.3), ASSET)
    reports = inspect_all(with_candidate, ASSET)
    assert reports["c01"].verdict == "pass"
    assert reports["c02"].verdict in ("revise", "reject")
    assert "scale.implausible" in {f.rule for f in reports["c02"].findings if f.severity == "error"}
    assert state(with_candidate) == "passed"  # the board follows the selected one


def test_where_it_stands_in_the_scene_does_not_change_the_verdict(with_candidate: Project) -> None:
    from pipeline.gates.dressing import place_asset

    place_asset(with_candidate, ASSET, at=(7, 2, -3), yaw=45)
    report = inspect_asset(with_candidate, ASSET)
    assert report.verdict == "pass"
    assert report.stats.bounds_m is not None
    assert report.stats.bounds_m[0][1] == pytest.approx(0.0, abs=1e-6)


def test_a_verdict_counts_for_its_content_only(with_candidate: Project) -> None:
    from pxr import UsdGeom

    inspect_asset(with_candidate, ASSET)
    assert take_verdict(with_candidate, ASSET) is not None
    with with_candidate.edit() as stage:
        mesh = next(p for p in stage.Traverse() if p.IsA(UsdGeom.Mesh))
        attribute = UsdGeom.Mesh(mesh).GetPointsAttr()
        attribute.Set([p * 1.5 for p in attribute.Get()])
    assert take_verdict(with_candidate, ASSET) is None
    assert state(with_candidate) == "revise"


def test_an_unknown_variant_is_named_with_what_there_is(with_candidate: Project) -> None:
    with pytest.raises(UsageError, match="c01"):
        inspect_asset(with_candidate, ASSET, {"candidate": "c09"})


def test_nothing_is_inspected_before_there_is_something(briefed: Project) -> None:
    with pytest.raises((GateRefused, UsageError)):
        inspect_asset(briefed, ASSET)


def test_a_partial_inspection_is_not_recorded(with_candidate: Project) -> None:
    inspect_asset(with_candidate, ASSET, rules=["geometry.holes"])
    assert read_verdict(with_candidate.open_stage(), ASSET, {"candidate": "c01"}) is None
