# SPDX-License-Identifier: Apache-2.0
"""What a generator is asked: intent, inputs and project memory in one request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.generation import generate
from pipeline.gates.inputs import add_inputs, list_inputs
from pipeline.gates.intent import set_intent
from pipeline.gates.spending import refuse_costly, spending
from pipeline.gates.wish import Asked, Wish, make_wish
from pipeline.generators.failures import OverBudget
from pipeline.generators.registry import load_generator
from pipeline.project import Project
from pipeline.project.memory import Memory, remember
from pipeline.references import read_picture
from pipeline.references.png import write_png

from .conftest import ASSET, crate_glb


def wish(project: Project, folder: Path, **asked: object) -> Wish:
    folder.mkdir(exist_ok=True)
    return make_wish(project, project.open_stage(), ASSET, Asked(**asked), folder)  # type: ignore[arg-type]


def test_memory_goes_into_the_request(briefed: Project, tmp_path: Path) -> None:
    remember(briefed, "look", Memory(kind="style", text="hand painted"))
    remember(briefed, "ban", Memory(kind="banned", text="rust, neon sign"))
    remember(briefed, "square", Memory(kind="palette", palette=[(1.0, 0.0, 0.0)]))
    add_inputs(briefed, ASSET, negative="people")
    request = wish(briefed, tmp_path / "w").request
    assert request.prompt == "a wooden crate with a lid. hand painted"
    assert request.negative_prompt == "people, rust, neon sign"
    assert request.palette == ["#ff0000"]


def test_what_is_banned_later_refuses_or_is_stripped(briefed: Project, tmp_path: Path) -> None:
    remember(briefed, "ban", Memory(kind="banned", text="lid"))
    with pytest.raises(GateRefused, match="'lid'"):
        wish(briefed, tmp_path / "w")
    made = wish(briefed, tmp_path / "w", banned="strip")
    assert made.request.prompt == "a wooden crate"
    assert any("'lid'" in n or "lid" in n for n in made.notes)


def test_a_banned_prompt_is_refused_or_stripped_when_it_is_given(briefed: Project) -> None:
    remember(briefed, "ban", Memory(kind="banned", text="gun"))
    with pytest.raises(GateRefused, match="'gun'"):
        add_inputs(briefed, ASSET, prompt="a crate of guns")
    rows = add_inputs(briefed, ASSET, prompt="a crate with a gun", strip=True).inputs
    told = next(r for r in rows if r.role == "prompt")
    assert told.text == "a crate" and "'gun'" in told.notes[0]


@pytest.fixture
def blockout(project: Project, tmp_path: Path) -> Project:
    """An asset whose only guide is a blockout of 0.6 x 0.5 x 0.4 m."""
    set_intent(project, ASSET, lock=True)
    add_inputs(project, ASSET, existing=[crate_glb(tmp_path / "rough.glb")], licence="CC0-1.0", origin="a modeller")
    return project


def test_a_blockout_gives_its_size_and_its_sides(blockout: Project, tmp_path: Path) -> None:
    made = wish(blockout, tmp_path / "w")
    assert made.request.size_m == pytest.approx((0.6, 0.5, 0.4))
    assert [(p.role, p.view) for p in made.request.images] == [
        ("blockout", v) for v in ("front", "right", "back", "left")
    ]
    for picture, ratio in zip(made.request.images, (0.6 / 0.5, 0.4 / 0.5, 0.6 / 0.5, 0.4 / 0.5), strict=True):
        _, alpha = read_picture(picture.path, 512)
        wide, high = (np.ptp(np.flatnonzero((alpha > 0.5).any(axis))) + 1 for axis in (0, 1))
        assert wide / high == pytest.approx(ratio, rel=0.02)
    assert any("blockout" in n for n in made.notes)
    row = next(iter(list_inputs(blockout.open_stage(), ASSET).values()))
    assert (row.licence, row.origin, row.name) == ("CC0-1.0", "a modeller", "rough.glb")


@pytest.mark.long
def test_the_embedded_hull_stays_inside_the_blockout(blockout: Project) -> None:
    generate(blockout, ASSET, options={"mode": "hull"})
    stage = blockout.open_stage()
    from pxr import Usd, UsdGeom

    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default", "render"])
    size = box.ComputeWorldBound(stage.GetPrimAtPath(f"/World/Assets/{ASSET}")).ComputeAlignedRange().GetSize()
    assert tuple(size) == pytest.approx((0.6, 0.5, 0.4), abs=1e-3)


def test_the_intents_size_outranks_the_blockouts(briefed: Project, tmp_path: Path) -> None:
    add_inputs(briefed, ASSET, existing=[crate_glb(tmp_path / "rough.glb", height=0.2)])
    assert wish(briefed, tmp_path / "w").request.size_m == (0.6, 0.5, 0.4)


def test_tasks_start_from_the_blockout_as_glb(blockout: Project, tmp_path: Path) -> None:
    source = wish(blockout, tmp_path / "w", task="retexture").request.source
    assert source is not None and source.suffix == ".glb"
    size = trimesh.load(source).bounding_box.extents
    assert size == pytest.approx((0.6, 0.5, 0.4), abs=1e-5)


def test_a_task_without_a_model_is_refused(briefed: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--existing"):
        wish(briefed, tmp_path / "w", task="remesh")


def test_a_scene_lends_its_colours(briefed: Project, tmp_path: Path) -> None:
    box = trimesh.creation.box(extents=(1, 1, 1))
    paint = trimesh.visual.material.PBRMaterial(baseColorFactor=[20, 60, 200, 255], metallicFactor=0, roughnessFactor=1)
    box.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=paint)
    box.export(tmp_path / "scene.glb")
    add_inputs(briefed, ASSET, existing=[tmp_path / "scene.glb"], role="scene")
    palette = wish(briefed, tmp_path / "w").request.palette
    first = palette[0].lstrip("#")
    red, green, blue = (int(first[i : i + 2], 16) for i in (0, 2, 4))
    assert blue > green > red  # lit, but blue


def test_origin_licence_and_view_can_be_said_later(briefed: Project, tmp_path: Path) -> None:
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[10:50, 10:50] = (150, 90, 40)
    write_png(tmp_path / "front.png", pixels)
    add_inputs(briefed, ASSET, images=[tmp_path / "front.png"], origin="a friend")
    rows = add_inputs(briefed, ASSET, images=[tmp_path / "front.png"], licence="CC-BY-4.0", view="front").inputs
    told = [r for r in rows if r.kind == "image"]
    assert len(told) == 1
    assert (told[0].origin, told[0].licence, told[0].view) == ("a friend", "CC-BY-4.0", "front")
    assert told[0].palette and told[0].palette[0].startswith("#")


def test_a_cut_out_is_kept_beside_its_original(briefed: Project, tmp_path: Path) -> None:
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[10:50, 10:50] = (150, 90, 40)
    write_png(tmp_path / "front.png", pixels)
    add_inputs(briefed, ASSET, images=[tmp_path / "front.png"], cut_out="auto")
    entry = next(i for i in list_inputs(briefed.open_stage(), ASSET).values() if i.kind == "image")
    assert entry.cut_by == "plain" and entry.digest != entry.original_digest
    assert Path(entry.original).stem == entry.original_digest
    _, alpha = read_picture(Path(entry.file))
    assert alpha.min() == 0 and (alpha > 0.5).mean() == pytest.approx(40 * 40 / 64 / 64, abs=0.02)


def test_a_picture_without_a_clean_foreground_says_so(briefed: Project, tmp_path: Path) -> None:
    write_png(tmp_path / "even.png", np.full((64, 64, 3), 90, np.uint8))
    rows = add_inputs(briefed, ASSET, images=[tmp_path / "even.png"]).inputs
    assert any("no clean foreground" in n for r in rows for n in r.notes)


def test_the_estimate_counts_steps_and_candidates(briefed: Project, tmp_path: Path) -> None:
    meshy = load_generator("meshy", project=briefed.root)
    request = wish(briefed, tmp_path / "w", generator="meshy", count=3).request
    cost = spending(briefed, meshy, request)
    assert cost.cost.credits == 3 * (20 + 10)  # text: a preview and a refine each
    assert "3 candidates for about 90 credits" in cost.sentence()
    refuse_costly(cost, "90")
    with pytest.raises(OverBudget, match="nothing was sent"):
        refuse_costly(cost, "89.5")
    with pytest.raises(UsageError, match="money_per_credit"):
        refuse_costly(cost, "5USD")
    with pytest.raises(UsageError, match="amount"):
        refuse_costly(cost, "a lot")


def test_too_dear_a_wish_sends_nothing(briefed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATES_MESHY_URL", "http://127.0.0.1:9")  # nobody listens: a sent job would fail otherwise
    with pytest.raises(OverBudget):
        generate(briefed, ASSET, generator="meshy", max_cost="10")
    only = generate(briefed, ASSET, generator="meshy", only_estimate=True)
    assert only.estimate is not None and only.estimate.cost.credits == 30 and only.candidates == []
