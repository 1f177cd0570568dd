# SPDX-License-Identifier: Apache-2.0
"""Gate 2."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import GateRefused, ImportRefused, UsageError
from pipeline.gates.inputs import add_inputs, keep_only
from pipeline.project import Project
from pipeline.project.memory import Memory, remember

from .conftest import ASSET


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a sketch.png"
    Image.fromarray(np.full((32, 48, 3), (200, 40, 30), np.uint8)).save(path)
    return path


def test_inputs_are_named_by_content_and_come_once(briefed: Project, picture: Path) -> None:
    first = add_inputs(briefed, ASSET, images=[picture], role="shape", licence="CC0-1.0")
    again = add_inputs(briefed, ASSET, images=[picture], role="shape")
    assert [i.role for i in first.inputs] == ["prompt", "shape"]
    assert again.inputs == first.inputs
    assert first.inputs[1].digest == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert first.inputs[1].licence == "CC0-1.0"


def test_the_stored_picture_is_a_copy_inside_the_project(briefed: Project, picture: Path) -> None:
    stored = Path(add_inputs(briefed, ASSET, images=[picture]).inputs[-1].file)
    content = picture.read_bytes()
    picture.unlink()
    assert stored.is_relative_to(briefed.root)
    assert stored.read_bytes() == content


def test_the_palette_of_a_picture_is_kept(briefed: Project, picture: Path) -> None:
    add_inputs(briefed, ASSET, images=[picture])
    stage = briefed.open_stage()
    prim = next(p for p in stage.GetPrimAtPath("/Project/Assets/crate/Inputs").GetChildren() if "shape" in p.GetName())
    colours = prim.GetAttribute("gates:palette").Get()
    expected = ((np.array([200, 40, 30]) / 255 + 0.055) / 1.055) ** 2.4  # IEC 61966-2-1
    assert np.allclose(colours[0], expected, atol=0.01)


def test_a_newer_prompt_replaces_the_older(briefed: Project) -> None:
    rows = add_inputs(briefed, ASSET, prompt="a chest").inputs
    assert [r.text for r in rows] == ["a chest"]


def test_keep_only_switches_the_others_off(briefed: Project, picture: Path) -> None:
    add_inputs(briefed, ASSET, images=[picture])
    prompt = hashlib.sha256(b"a wooden crate with a lid").hexdigest()
    assert [r.role for r in keep_only(briefed, ASSET, {prompt}).inputs] == ["prompt"]
    assert len(add_inputs(briefed, ASSET, images=[picture]).inputs) == 2  # and it may come back


def test_banned_words_are_refused(briefed: Project) -> None:
    remember(briefed, "words", Memory(kind="banned", text="branded trademark"))
    with pytest.raises(GateRefused, match="branded"):
        add_inputs(briefed, ASSET, prompt="a Branded crate")


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("gone.png", None, UsageError, "no such picture"),
        ("words.txt", b"hello", UsageError, "no picture format"),
        ("broken.png", b"\x89PNG\r\n\x1a\n then nothing", ImportRefused, "broken.png"),
    ],
)
def test_what_is_no_picture_is_refused_and_the_set_stays(
    briefed: Project, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = add_inputs(briefed, ASSET).inputs
    with pytest.raises(error, match=said):
        add_inputs(briefed, ASSET, images=[path])
    assert add_inputs(briefed, ASSET).inputs == before


def test_inputs_need_an_intent(project: Project) -> None:
    with pytest.raises(GateRefused, match="intent"):
        add_inputs(project, ASSET, prompt="x")
