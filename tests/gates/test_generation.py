# SPDX-License-Identifier: Apache-2.0
"""Gate 3: candidates as variants behind payloads, with their record."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Usd, UsdGeom, UsdMedia

from pipeline.errors import GateRefused, GeneratorError, ImportRefused, UsageError
from pipeline.gates.board import mark
from pipeline.gates.generation import candidates, generate, ingest, select
from pipeline.gates.inspection import inspect_asset
from pipeline.project import Project

from .conftest import ASSET, crate_glb

PRIM = f"/World/Assets/{ASSET}"


def test_a_candidate_is_a_variant_behind_its_own_payload_with_a_record(with_candidate: Project) -> None:
    stage = with_candidate.open_stage()  # held: a prim does not keep its stage alive
    prim = stage.GetPrimAtPath(PRIM)
    assert prim.GetVariantSet("candidate").GetVariantNames() == ["c01"]
    assert Usd.ModelAPI(prim).GetKind() == "component"
    assert prim.HasPayload() or prim.HasAuthoredPayloads()
    record = UsdMedia.AuthorshipAPI.GetAll(prim)
    assert len(record) == 1
    unloaded = Usd.Stage.Open(stage.GetRootLayer(), Usd.Stage.LoadNone)
    assert not unloaded.GetPrimAtPath(f"{PRIM}/geo")


def test_names_triangles_and_bounds_are_those_of_the_file(with_candidate: Project) -> None:
    row = candidates(with_candidate, ASSET).candidates[0]
    assert row.triangles == 24  # two boxes of twelve
    stage = with_candidate.open_stage()
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default", "render"]).ComputeWorldBound(stage.GetPrimAtPath(PRIM))
    size = box.ComputeAlignedRange().GetSize()
    assert tuple(round(s, 5) for s in size) == (0.6, 0.5, 0.4)


def test_several_candidates_live_side_by_side_and_one_is_selected(with_candidate: Project, tmp_path: Path) -> None:
    ingest(with_candidate, crate_glb(tmp_path / "low.glb", height=0.3), ASSET, variant="low")
    rows = candidates(with_candidate, ASSET)
    assert {c.variant for c in rows.candidates} == {"c01", "low"}
    assert rows.selected == "c01"
    assert select(with_candidate, ASSET, "low").selected == "low"
    with pytest.raises(UsageError, match="c07"):
        select(with_candidate, ASSET, "c07")


def test_a_name_that_is_taken_is_refused_unless_it_is_replaced(with_candidate: Project, tmp_path: Path) -> None:
    low = crate_glb(tmp_path / "low.glb", height=0.3)
    with pytest.raises(UsageError, match="c01"):
        ingest(with_candidate, low, ASSET, variant="c01")
    with_candidate.commit("before")
    with with_candidate.edit() as stage:
        prim = stage.GetPrimAtPath(PRIM)
        with prim.GetVariantSet("candidate").GetVariantEditContext():
            UsdGeom.Xform.Define(stage, f"{PRIM}/left_over")
    with_candidate.commit("something inside the old one")
    ingest(with_candidate, low, ASSET, variant="c01", replace=True)
    stage = with_candidate.open_stage()
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(stage.GetPrimAtPath(PRIM))
    assert round(box.ComputeAlignedRange().GetSize()[1], 5) == 0.3
    assert not stage.GetPrimAtPath(f"{PRIM}/left_over")
    assert len(UsdMedia.AuthorshipAPI.GetAll(stage.GetPrimAtPath(PRIM))) == 1


def test_a_truncated_file_is_refused_and_the_project_is_as_it_was(briefed: Project, tmp_path: Path) -> None:
    whole = crate_glb(tmp_path / "crate.glb").read_bytes()
    (tmp_path / "cut.glb").write_bytes(whole[: len(whole) // 2])
    before = briefed.work_path.read_bytes()
    with pytest.raises(ImportRefused, match=r"cut\.glb"):
        ingest(briefed, tmp_path / "cut.glb", ASSET)
    assert briefed.work_path.read_bytes() == before
    staging = briefed.layout.private / "staging"
    assert not staging.exists() or not any(staging.iterdir())


def test_the_embedded_generator_gives_different_candidates_for_different_seeds(briefed: Project) -> None:
    result = generate(briefed, ASSET, count=2, seed=1)
    assert [c.variant for c in result.candidates] == ["c01", "c02"]
    assert len({c.layer for c in result.candidates}) == 2
    assert all(c.provenance["prompt"].startswith("a wooden crate") for c in result.candidates)
    stage = briefed.open_stage()
    record = UsdMedia.AuthorshipAPI.GetAll(stage.GetPrimAtPath(PRIM))[0]
    assert record.GetDigitalSourceTypeAttr().Get().endswith("/algorithmicMedia")  # IPTC: no trained model


def test_an_unknown_generator_is_named_with_what_there_is(briefed: Project) -> None:
    with pytest.raises((UsageError, GeneratorError), match="embedded"):
        generate(briefed, ASSET, generator="dreams")


def test_a_rejected_candidate_cannot_be_selected(with_candidate: Project, tmp_path: Path) -> None:
    ingest(with_candidate, crate_glb(tmp_path / "low.glb", height=0.3), ASSET)
    inspect_asset(with_candidate, ASSET, {"candidate": "c02"})
    with with_candidate.edit() as stage:
        stage.GetPrimAtPath("/Project/Assets/crate/Verdicts/candidate_c02").GetAttribute("gates:verdict").Set("reject")
        mark(stage, ASSET, "inspection", "open")
    with pytest.raises(GateRefused, match="c02"):
        select(with_candidate, ASSET, "c02")
