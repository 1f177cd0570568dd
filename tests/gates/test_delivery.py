# SPDX-License-Identifier: Apache-2.0
"""Gates 6 and 7: refined, approved on one exact version, published, or refused with nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trimesh
from pxr import Usd, UsdGeom

from pipeline.errors import GateRefused, HookFailed, UnknownRef, UsageError
from pipeline.gates.board import mark
from pipeline.gates.delivery import approve, commit_if_changed, export_asset, publish, request_review
from pipeline.gates.inspection import inspect_asset
from pipeline.gates.overview import board
from pipeline.gates.refinement import check_refinement, make_style, refine_asset
from pipeline.project import Project
from pipeline.review import decide, decisions
from pipeline.settings import trust

from .conftest import ASSET

PRIM = f"/World/Assets/{ASSET}"


@pytest.fixture
def ready(with_candidate: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """Everything before delivery has passed, and it is committed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    inspect_asset(with_candidate, ASSET)
    with with_candidate.edit() as stage:
        for gate in ("context", "refinement"):
            mark(stage, ASSET, gate, "passed")
    with_candidate.commit("ready")
    return with_candidate


def test_refinement_is_refused_before_context(with_candidate: Project) -> None:
    inspect_asset(with_candidate, ASSET)
    with pytest.raises(GateRefused, match="context"):
        refine_asset(with_candidate, ASSET, "weld")


def test_a_style_is_made_from_nothing_each_time(ready: Project) -> None:
    steps: list[tuple[str, dict]] = [("proportions", {"y": 1.02})]
    make_style(ready, ASSET, "tall", steps)
    ready.commit("a style")
    make_style(ready, ASSET, "tall", [("proportions", {"y": 1.01})])
    stage = ready.open_stage()
    prim = stage.GetPrimAtPath(PRIM)
    assert prim.GetVariantSet("style").GetVariantSelection() == "tall"
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(prim).ComputeAlignedRange()
    assert box.GetSize()[1] == pytest.approx(0.5 * 1.01, abs=1e-5)  # not 1.02 times 1.01
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        prim.GetVariantSet("style").BlockVariantSelection()
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(prim).ComputeAlignedRange()
    assert box.GetSize()[1] == pytest.approx(0.5, abs=1e-5)  # the candidate is as it came


def test_refinement_passes_when_every_style_does(ready: Project) -> None:
    make_style(ready, ASSET, "tall", [("proportions", {"y": 1.02})])
    make_style(ready, ASSET, "giant", [("proportions", {"y": 1.5})])
    result = check_refinement(ready, ASSET)
    assert result.verdicts["tall"] == "pass"
    assert result.verdicts["giant"] != "pass"  # 50 % off its real size
    assert not result.passed
    assert board(ready, ASSET).assets[0].next is not None


def test_what_is_published_is_the_version_that_was_approved(ready: Project) -> None:
    head = ready.log()[0].id
    with pytest.raises(GateRefused, match="approved"):
        publish(ready, ASSET)
    request_review(ready, ASSET)
    row = approve(ready, ASSET, comment="good")
    assert row.version == head
    result = publish(ready, ASSET)
    assert (result.number, result.version) == (1, head)
    package = ready.root / result.path
    assert {Path(f).suffix for f in result.files} >= {".glb", ".usd", ".json", ".png"}
    glb = next(package.rglob("*.glb"))
    low, high = trimesh.load(glb, force="scene").bounds  # a reader that is not ours
    assert tuple(round(float(b - a), 4) for a, b in zip(low, high, strict=True)) == (0.6, 0.5, 0.4)
    receipt = json.loads((package / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["version"] == head
    assert [d["decision"] for d in receipt["decisions"]] == ["requested", "approved"]
    assert board(ready, ASSET).assets[0].next is None


def test_changes_asked_for_on_the_approved_version_take_the_approval_back(ready: Project) -> None:
    approve(ready, ASSET)
    decide(ready, ASSET, "changes", ready.branch_name, "the lid is too thin")
    with pytest.raises(GateRefused, match="approved"):
        publish(ready, ASSET)
    assert [d.decision for d in decisions(ready.open_stage(), ASSET)] == ["approved", "changes"]
    with pytest.raises(UsageError, match="words"):
        decide(ready, ASSET, "changes", ready.branch_name)
    with pytest.raises(UnknownRef):
        decide(ready, ASSET, "comment", "feedbeef", "which one?")


def test_a_version_that_had_not_passed_cannot_be_approved(ready: Project) -> None:
    with ready.edit() as stage:
        mark(stage, ASSET, "refinement", "revise", "uv seams")
    ready.commit("sent back")
    with pytest.raises(GateRefused, match="refinement"):
        approve(ready, ASSET)
    assert approve(ready, ASSET, version=ready.log()[1].id).version == ready.log()[1].id


def test_a_failing_hook_stops_the_publish_and_nothing_changed(ready: Project) -> None:
    approve(ready, ASSET)
    hook = ready.root / "hooks" / "pre_publish" / "10_no.py"
    hook.parent.mkdir(parents=True)
    hook.write_text("import sys; sys.exit('not on a Friday')", encoding="utf-8")
    trust.trust(ready.root)
    before = sorted(p for p in (ready.root / "publish").rglob("*"))
    work = ready.work_path.read_bytes()
    with pytest.raises(HookFailed, match="not on a Friday"):
        publish(ready, ASSET)
    assert sorted(p for p in (ready.root / "publish").rglob("*")) == before
    assert ready.work_path.read_bytes() == work


def test_the_job_says_which_formats_it_is_delivered_in(ready: Project, tmp_path: Path) -> None:
    with pytest.raises(GateRefused, match="3mf") as error:
        export_asset(ready, ASSET, tmp_path / "crate.3mf")
    assert error.value.exit_code == 3
    assert export_asset(ready, ASSET, tmp_path / "crate.obj").stats.triangles == 24


def test_an_export_leaves_the_placement_behind(ready: Project, tmp_path: Path) -> None:
    from pipeline.gates.dressing import place_asset

    place_asset(ready, ASSET, at=(5, 1, 2), yaw=30)
    with ready.edit() as stage:
        mark(stage, ASSET, "context", "passed")
    low, high = export_asset(ready, ASSET, tmp_path / "crate.glb").stats.bounds_m or ((), ())
    assert low == pytest.approx((-0.3, 0.0, -0.2), abs=1e-5)
    assert high == pytest.approx((0.3, 0.5, 0.2), abs=1e-5)


def test_commit_if_changed_makes_no_empty_versions(ready: Project) -> None:
    head = ready.log()[0].id
    assert commit_if_changed(ready, "nothing") == head
    with ready.edit() as stage:
        stage.DefinePrim("/World/Set/barrel", "Xform")
    assert commit_if_changed(ready, "a barrel") != head


def test_a_package_shows_its_styles_as_variants_and_a_scene_selects_one(ready: Project) -> None:
    from pipeline.gates.dressing import add_asset
    from pipeline.gates.scenes import new_scene, view
    from pipeline.scenes import world_box

    for style, grown in (("low", 1.0), ("tall", 1.02)):
        make_style(ready, ASSET, style, [("proportions", {"y": grown})])
    inspect_asset(ready, ASSET)
    with ready.edit() as stage:
        for gate in ("context", "refinement"):
            mark(stage, ASSET, gate, "passed")
    ready.commit("two styles")
    approve(ready, ASSET)
    result = publish(ready, ASSET, formats=["usd"])
    assert f"{ASSET}.usda" in result.files
    package = Usd.Stage.Open(str(ready.root / result.path / f"{ASSET}.usda"))
    prim = package.GetDefaultPrim()
    assert sorted(prim.GetVariantSet("style").GetVariantNames()) == ["low", "tall"]
    assert prim.GetVariantSet("style").GetVariantSelection() == "tall"
    assert Usd.ModelAPI(prim).GetKind() == "component"
    assert ready.verify().problems == []
    new_scene(ready, "market")
    for name, height, follow in (("low", 0.5, False), ("tall", 0.51, True)):
        placed = add_asset(
            ready, "market", ASSET, name=name, origin="published", follow=follow, variants={"style": name}
        )
        assert placed.layer == f"publish/{ASSET}/{ASSET}.usda" if follow else f"{result.path}/{ASSET}.usda"
        scene = view(ready, "market")
        box = world_box(scene.GetPrimAtPath(f"/World/Assets/{name}"))
        assert box is not None
        assert box.size[1] == pytest.approx(height, abs=1e-4)
