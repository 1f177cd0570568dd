# SPDX-License-Identifier: Apache-2.0
"""The shortlist: likeness, ranks, records, thumbnails and labels, pruning; the stage is read by stock USD."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import GateRefused
from pipeline.gates.candidate import CandidateRow, Scores
from pipeline.gates.generation import candidates, contact_sheet, ingest, select
from pipeline.gates.inputs import add_inputs
from pipeline.gates.inspection import inspect_asset
from pipeline.gates.intent import set_intent
from pipeline.gates.pruning import prune
from pipeline.gates.shortlist import caption, look_at_candidates
from pipeline.project import Project
from pipeline.project.memory import recall
from pipeline.references.png import write_png

from .conftest import ASSET, crate_glb

PRIM = f"/World/Assets/{ASSET}"
#: reads a project's stage with nothing of ours on the path
READER = """
import json, sys
from pxr import Usd, UsdMedia, UsdSemantics
stage = Usd.Stage.Open(sys.argv[1])
prim = stage.GetPrimAtPath(sys.argv[2])
records = UsdMedia.AuthorshipAPI.GetAll(prim)
api = records[0]
image = UsdMedia.AssetPreviewsAPI(prim).GetDefaultThumbnails().defaultImage
flat = list(api.GetInputsAttr().Get())
parts = [c for c in prim.GetPrimAtPath("geo").GetChildren() if c.HasAPI(UsdSemantics.LabelsAPI, "part")]
print(json.dumps({
    "records": len(records), "tool": api.GetSoftwarePackageAttr().Get(), "version": api.GetSoftwareVersionAttr().Get(),
    "terms": api.GetUsageTermsAttr().Get(), "source": api.GetDigitalSourceTypeAttr().Get(),
    "inputs": dict(zip(flat[::2], flat[1::2])), "thumbnail": image.resolvedPath,
    "category": list(UsdSemantics.LabelsAPI(prim, "category").GetLabelsAttr().Get()),
    "parts": sorted(UsdSemantics.LabelsAPI(c, "part").GetLabelsAttr().Get()[0] for c in parts),
    "candidate": prim.GetCustomData()["gates"]["candidate"]["triangles"],
}))
"""


def read_by_stock_usd(stage: Path) -> dict:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PXR_", "GATES_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-I", "-c", READER, str(stage), PRIM], env=clean, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def silhouette(path: Path, width: int, height: int, tone: tuple[int, int, int] = (140, 100, 70)) -> Path:
    """A plain box seen from the front: `width` by `height` of 100 pixels, on white."""
    pixels = np.full((120, 120, 3), 255, np.uint8)
    pixels[60 - height // 2 : 60 + height // 2, 60 - width // 2 : 60 + width // 2] = tone
    write_png(path, pixels)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crate as high as asked and a flat one, with a picture of a front that is 0.6 wide and 0.5 high."""
    folder = tmp_path_factory.mktemp("made")
    project = Project.create(folder / "project", job="game-ready-prop", work="alice")
    set_intent(project, ASSET, size=(0.6, 0.5, 0.4), formats=["glb", "usd"], max_triangles=500, lock=True)
    add_inputs(project, ASSET, prompt="a wooden crate with a lid")
    add_inputs(project, ASSET, images=[silhouette(folder / "front.png", 96, 80)], licence="CC0-1.0", origin="here")
    facts = {
        "model": "boxes-3", "version": "3.1", "prompt": "a wooden crate", "job_id": "job-77", "licence": "CC-BY-4.0",
        "negative_prompt": "rust", "task": "image", "inputs": {"front.png": "ab" * 32},
        "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }  # fmt: skip
    ingest(project, crate_glb(folder / "flat.glb", height=0.12), ASSET, variant="flat")
    ingest(project, crate_glb(folder / "tall.glb"), ASSET, variant="tall", generator="boxes", provenance=facts)
    return project.root


@pytest.fixture
def two(made: Path, tmp_path: Path) -> Project:
    """A copy of it: a project folder may be moved and copied."""
    shutil.copytree(made, tmp_path / "project")
    return Project.open(tmp_path / "project", work="alice")


def test_what_looks_like_the_picture_stands_first_and_says_why(two: Project) -> None:
    rows = {c.variant: c for c in candidates(two, ASSET).candidates}
    assert rows["tall"].rank == 1 and rows["flat"].rank == 2
    tall = rows["tall"].scores
    assert tall.likeness is not None and rows["flat"].scores.likeness is not None
    assert tall.likeness > rows["flat"].scores.likeness
    assert rows["tall"].score == tall.likeness  # nobody inspected it: likeness is all there is
    assert any("outlines overlap by" in w and "CIEDE2000" in w for w in tall.why)


def test_inspection_and_likeness_count_together(two: Project) -> None:
    for name in ("tall", "flat"):
        inspect_asset(two, ASSET, {"candidate": name})
    row = next(c for c in candidates(two, ASSET).candidates if c.variant == "tall")
    assert row.scores.inspection is not None and row.scores.likeness is not None
    assert row.score == pytest.approx(0.6 * row.scores.inspection + 0.4 * row.scores.likeness, abs=1e-3)
    assert row.verdict in ("pass", "revise", "reject")


def test_another_picture_makes_the_likeness_stale_until_it_is_measured_again(two: Project, tmp_path: Path) -> None:
    add_inputs(two, ASSET, images=[silhouette(tmp_path / "second.png", 40, 90)])
    stale = candidates(two, ASSET).candidates[0]
    assert stale.scores.likeness is None and any("--score" in w for w in stale.scores.why)
    look_at_candidates(two, ASSET, ["tall", "flat"])
    assert all(len(c.scores.pictures) == 2 for c in candidates(two, ASSET).candidates)


def test_a_verdict_on_what_was_there_before_does_not_count(two: Project, tmp_path: Path) -> None:
    inspect_asset(two, ASSET, {"candidate": "flat"})
    with two.edit() as stage:  # as if it had been made a day earlier
        verdict = stage.GetPrimAtPath(f"/Project/Assets/{ASSET}/Verdicts/candidate_flat")
        verdict.GetAttribute("gates:time").Set("2020-01-01T00:00:00Z")
    row = next(c for c in candidates(two, ASSET).candidates if c.variant == "flat")
    assert row.scores.inspection is None and any("made again" in w for w in row.scores.why)


def test_stock_usd_reads_the_whole_record_after_a_commit(two: Project) -> None:
    select(two, ASSET, "tall")
    two.commit("two candidates")
    told = read_by_stock_usd(two.stage_path)
    assert told["records"] == 1
    assert (told["tool"], told["version"], told["terms"]) == ("gates ingest", "3.1", "CC-BY-4.0")
    assert told["source"].endswith("/trainedAlgorithmicMedia")
    wanted = {"model": "boxes-3", "prompt": "a wooden crate", "job": "job-77", "negative_prompt": "rust"}
    assert {k: told["inputs"][k] for k in wanted} == wanted
    assert told["inputs"]["front.png"] == "ab" * 32
    assert Path(told["thumbnail"]).is_file() and "/objects/" in told["thumbnail"]
    assert told["category"] == ["crate"]
    assert told["parts"] == ["body", "chest"]
    assert told["candidate"] == 24


def test_numbers_stand_beneath_the_pictures() -> None:
    row = CandidateRow(
        variant="c02", generator="x", triangles=12345, score=0.814, rank=2, verdict="pass",
        scores=Scores(inspection=0.9, likeness=0.685), cost={"credits": 30, "usd": 0.3},
    )  # fmt: skip
    assert caption(row) == "2. c02 · score 0.81 (pass)\n12,345 triangles · 30 credits, 0.3 usd · likeness 0.69"


def test_the_sheet_is_drawn_best_first(two: Project, tmp_path: Path) -> None:
    result = contact_sheet(two, ASSET, tmp_path / "sheet.png")
    assert [c.variant for c in result.candidates] == ["tall", "flat"]
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_a_choice_is_remembered_with_the_losers_reasons(two: Project) -> None:
    result = select(two, ASSET, "tall", "keeps the proportions")
    assert result.remembered == f"past_{ASSET}"
    past = recall(two.open_stage(), "past")[f"past_{ASSET}"]
    assert (past.winner, past.losers, past.why) == ("tall", ["flat"], "keeps the proportions")
    assert past.text == "a wooden crate with a lid"
    assert "likeness" in past.reasons[0] and " against " in past.reasons[0]
    assert select(two, ASSET, "tall").remembered == ""  # the same again changes nothing


def test_pruning_needs_a_winner(two: Project) -> None:
    with two.edit() as stage:
        stage.GetPrimAtPath(PRIM).GetVariantSet("candidate").ClearVariantSelection()
    with pytest.raises(GateRefused, match="none has lost"):
        prune(two, ASSET)


def test_pruning_wins_what_nothing_needs(two: Project) -> None:
    select(two, ASSET, "tall")
    layer = next(c.layer for c in candidates(two, ASSET).candidates if c.variant == "flat")
    stored = two.objects.path(layer, ".usdc")
    size = stored.stat().st_size
    tried = prune(two, ASSET, dry_run=True)
    assert tried.removed == ["flat"] and tried.bytes_won >= size and stored.exists()
    done = prune(two, ASSET)
    assert (done.removed, done.bytes_won) == (["flat"], tried.bytes_won)
    assert not stored.exists()
    assert [c.variant for c in candidates(two, ASSET).candidates] == ["tall"]
    assert two.verify().problems == []
    assert prune(two, ASSET).sentence() == "nothing to prune"


def test_what_a_version_holds_stays_and_is_said(two: Project) -> None:
    select(two, ASSET, "tall")
    version = two.commit("both").id
    done = prune(two, ASSET)
    assert done.removed == ["flat"] and done.bytes_won == 0 and done.files_kept > 0
    assert any("history" in n for n in done.notes)
    two.commit("without the loser")
    assert [c.variant for c in candidates(two, ASSET).candidates] == ["tall"]
    then = two.open_stage(version)
    prim = then.GetPrimAtPath(PRIM)
    prim.GetVariantSet("candidate").SetVariantSelection("flat")
    assert prim.GetPrimAtPath("geo").GetChildren()
    assert two.verify().problems == []


def test_the_best_losers_can_stay_and_others_work_counts(two: Project, tmp_path: Path) -> None:
    ingest(two, crate_glb(tmp_path / "half.glb", height=0.3), ASSET, variant="half")
    select(two, ASSET, "tall")
    two.commit("three")
    ours = Project.open(two.root, work="bob")
    ingest(ours, crate_glb(tmp_path / "low.glb", height=0.2), ASSET, variant="low")
    ingest(two, crate_glb(tmp_path / "low.glb", height=0.2), ASSET, variant="low")
    done = prune(two, ASSET, keep=1)
    assert "half" not in done.removed and set(done.removed) == {"flat", "low"}
    assert done.bytes_won == 0  # the version needs one, bob's uncommitted work the other
    assert ours.verify().problems == []
