# SPDX-License-Identifier: Apache-2.0
"""Every service does its job over real HTTP against a stand-in of its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.generators import TRAINED, Picture, Request

from .conftest import CONTRACTS, Bench
from .standins.server import Reply

WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "%image%"}},
    "2": {"class_type": "Sampler", "inputs": {"seed": "%seed%", "text": "style, %prompt%", "image": ["1", 0]}},
}


@pytest.fixture
def wish(request_image: Request, tmp_path: Path) -> Request:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(WORKFLOW))
    options = {"comfyui": {"workflow": str(path)}}
    return request_image.model_copy(update={"seed": 7, "target_triangles": 5000, "options": options})


@pytest.mark.parametrize("name", CONTRACTS)
def test_image_becomes_a_candidate(name: str, bench: Callable[..., Bench], wish: Request) -> None:
    at = bench(name)
    outcome = at.ask(wish)
    assert not outcome.failed
    [candidate] = outcome.candidates
    assert candidate.file.read_bytes() == at.standin.model
    assert (candidate.generator, candidate.seed) == (name, 7)
    record = candidate.provenance
    assert record["digital_source_type"] == TRAINED
    assert record["prompt"] == wish.prompt
    assert len(record["inputs"]["shape.png"]) == 64
    assert record["jobs"][0]["step"] == "image"
    if name != "stability":
        assert record["job_id"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_asking_again_sends_nothing(name: str, bench: Callable[..., Bench], wish: Request) -> None:
    at = bench(name)
    first = at.ask(wish)
    sent = len(at.standin.seen)
    again = at.ask(wish)
    assert [c.provenance["sha256"] for c in again.candidates] == [c.provenance["sha256"] for c in first.candidates]
    assert len(at.standin.seen) == sent


@pytest.mark.parametrize("name", [n for n, (_, key) in CONTRACTS.items() if key])
def test_wrong_key_is_said_and_never_shown(
    name: str, bench: Callable[..., Bench], wish: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.generators.keys.KEYRING", "sevengates-test")
    at = bench(name)
    monkeypatch.setenv(f"GATES_{name.upper()}_KEY", "a-wrong-and-secret-key")
    [failure] = at.ask(wish).failed
    assert failure.code == "generator.key"
    assert "a-wrong-and-secret-key" not in failure.message
    text = "".join(p.read_text() for p in (at.folder / "jobs").glob("*.json"))
    assert "secret-key" not in text


@pytest.mark.parametrize("name", ["meshy", "tripo", "tencent", "rodin", "fal"])
def test_refusal_for_content_is_never_sent_again(name: str, bench: Callable[..., Bench], wish: Request) -> None:
    at = bench(name)
    at.standin.moderated = "refused by moderation: content_policy"
    first = at.ask(wish).failed
    if name == "rodin":
        # its contract has one word for all failures
        assert first[0].code == "generator.failed"
        return
    assert first[0].code == "generator.moderated"
    tasks = len(at.standin.tasks)
    assert at.ask(wish).failed[0].code == "generator.moderated"
    assert len(at.standin.tasks) == tasks == 1


@pytest.mark.parametrize("name", ["meshy", "tripo", "hunyuan", "tencent", "fal", "comfyui", "selfhosted"])
def test_failed_job_tells_the_reason(name: str, bench: Callable[..., Bench], wish: Request) -> None:
    at = bench(name)
    at.standin.fail = "the machine ran dry"
    [failure] = at.ask(wish, tries=1).failed
    assert "ran dry" in failure.message
    assert at.ledger.spent() == (0, 0)
    assert at.ledger.all()[0].state == "failed"


def test_meshy_text_takes_a_preview_and_a_refine(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    wish = Request(asset="s", prompt="a stall", target_triangles=8000, topology="quad", pose="a-pose", seed=3)
    [candidate] = at.ask(wish).candidates
    preview, refine = (s.json for s in at.standin.calls("POST", "/openapi/v2/text-to-3d"))
    assert preview == {
        "mode": "preview",
        "prompt": "a stall",
        "moderation": True,
        "ai_model": "meshy-6",
        "topology": "quad",
        "target_formats": ["glb"],
        "target_polycount": 8000,
        "should_remesh": True,
        "pose_mode": "a-pose",
    }
    assert refine["preview_task_id"] == "task-1"
    assert candidate.cost.credits == 30
    assert [j["step"] for j in candidate.provenance["jobs"]] == ["preview", "refine"]
    assert any("seed" in note for note in candidate.notes)


@pytest.mark.parametrize(
    ("name", "task", "route"),
    [
        ("meshy", "retexture", "/openapi/v1/retexture"),
        ("meshy", "remesh", "/openapi/v1/remesh"),
        ("meshy", "rig", "/openapi/v1/rigging"),
        ("tripo", "retexture", "/v3/models/texture"),
        ("tripo", "remesh", "/v3/mesh/decimate"),
        ("tripo", "rig", "/v3/animations/rig"),
        ("tripo", "animate", "/v3/animations/retarget"),
    ],
)
def test_tasks_that_start_from_a_model(
    name: str, task: str, route: str, bench: Callable[..., Bench], tmp_path: Path, model_bytes: bytes
) -> None:
    source = tmp_path / "in.glb"
    source.write_bytes(model_bytes)
    at = bench(name)
    [candidate] = at.ask(Request(asset="s", prompt="mossy", task=task, source=source, target_triangles=900)).candidates
    assert candidate.file.exists()
    [sent] = at.standin.calls("POST", route)
    if name == "tripo":
        assert sent.json["input"] == "file_1"
    else:
        assert sent.json["model_url"].startswith("data:model/gltf-binary;base64,")


def test_tripo_views_keep_their_places(bench: Callable[..., Bench], picture: Path) -> None:
    at = bench("tripo")
    views = [Picture(path=picture, view=v) for v in ("back", "front")]
    at.ask(Request(asset="s", images=views, negative_prompt="x", seed=5))
    [sent] = at.standin.calls("POST", "/v3/generation/multiview")
    assert [bool(i) for i in sent.json["inputs"]] == [True, False, True, False]
    assert sent.json["model_seed"] == 5


def test_rodin_is_told_the_size_in_centimetres(bench: Callable[..., Bench], wish: Request) -> None:
    at = bench("rodin")
    # the list of files is not complete the first time
    at.standin.faults["list"] = [Reply()]
    assert at.ask(wish.model_copy(update={"size_m": (2.4, 2.6, 1.8), "seed": 70000})).candidates
    form = at.standin.calls("POST", "/api/v2/rodin")[0].form
    assert form["bbox_condition"] == [b"[240, 260, 180]"]
    assert form["seed"] == [b"4464"]
    assert form["quality_override"] == [b"5000"]


def test_comfyui_fills_the_workflow(bench: Callable[..., Bench], wish: Request) -> None:
    at = bench("comfyui")
    at.ask(wish)
    [sent] = at.standin.calls("POST", "/prompt")
    nodes = sent.json["prompt"]
    assert nodes["1"]["inputs"]["image"] == "in/stored.png"
    assert nodes["2"]["inputs"] == {"seed": 7, "text": "style, a red thing", "image": ["1", 0]}


def test_hunyuan_without_texture_waits_on_the_line(bench: Callable[..., Bench], wish: Request) -> None:
    at = bench("hunyuan")
    [candidate] = at.ask(wish.model_copy(update={"pbr": False})).candidates
    assert at.standin.calls("POST", "/generate") and not at.standin.calls("POST", "/send")
    assert candidate.file.read_bytes() == at.standin.model


def test_what_a_service_cannot_do_is_refused_before_sending(bench: Callable[..., Bench]) -> None:
    at = bench("stability")
    [failure] = at.ask(Request(asset="s", prompt="a stall")).failed
    assert failure.code == "generator.request"
    assert "image" in failure.message
    assert not at.standin.seen


def test_fal_links_of_another_host_are_not_followed(bench: Callable[..., Bench], wish: Request) -> None:
    at = bench("fal")
    at.standin.links = "http://169.254.169.254"
    [failure] = at.ask(wish).failed
    assert "another host" in failure.message
    assert not at.standin.calls("GET", "/fal-ai")
