# SPDX-License-Identifier: Apache-2.0
"""What a project remembers, finds again and forgets."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Usd

from pipeline.project import Project
from pipeline.project.memory import Memory, banned_in, forget, recall, remember, rules_of, search
from pipeline.settings.bans import without


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "a", work="alice")
    remember(made, "stalls", Memory(kind="scale", text="market stall", height=(2.5, 2.8)))
    remember(made, "look", Memory(kind="style", text="hand painted, warm evening light"))
    remember(made, "ban", Memory(kind="banned", text="gun, neon sign"))
    remember(
        made, "square", Memory(kind="palette", text="market square", palette=[(0.2, 0.1, 0.05)], max_saturation=0.6)
    )
    remember(
        made,
        "past_stall",
        Memory(
            kind="past", asset="stall", text="a small stall with a red canopy", winner="c02", losers=["c01"],
            reasons=["inspection said reject: 14 holes"],
        ),
    )  # fmt: skip
    return made


def test_a_search_looks_everywhere_and_puts_the_closest_first(project: Project) -> None:
    stage = project.open_stage()
    assert list(search(stage, "market stall")) == ["stalls"]
    assert next(iter(search(stage, "stall"))) == "past_stall"  # the word itself before `stalls` that begins with it
    assert set(search(stage, "stall")) == {"past_stall", "stalls"}
    assert list(search(stage, "holes")) == ["past_stall"]  # why a candidate lost is found
    assert list(search(stage, "market", "palette")) == ["square"]
    assert search(stage, "spaceship") == {}
    assert set(search(stage, "")) == set(recall(stage))


def test_banned_words_are_whole_words_in_any_form(project: Project) -> None:
    stage = project.open_stage()
    assert banned_in(stage, "a chest, full of GUNS.") == {"gun": "ban"}
    assert banned_in(stage, "a bar with a neon  sign") == {"neon sign": "ban"}
    assert banned_in(stage, "a burgundy sign, begun yesterday") == {}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a wooden chair, with a gun", "a wooden chair"),
        ("guns and a red shield", "a red shield"),
        ("a barrel, a gun, a crate", "a barrel, a crate"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_taking_words_out_leaves_a_sentence(text: str, rest: str) -> None:
    assert without(text, ["gun"]) == rest


def test_inspection_gets_the_rules(project: Project) -> None:
    rules = rules_of(project.open_stage())
    assert rules.heights_m == {"market stall": (2.5, 2.8)}
    assert rules.max_saturation == 0.6
    assert rules.banned == ["gun", "neon sign"]
    assert rules.palette[0] == pytest.approx((0.2, 0.1, 0.05), abs=1e-6)


def test_memory_is_prims_and_forgetting_keeps_history(project: Project) -> None:
    project.commit("memory")
    stage = Usd.Stage.Open(str(project.stage_path))
    assert stage.GetPrimAtPath("/Project/Memory/past_stall").GetAttribute("gates:winner").Get() == "c02"
    forget(project, "ban")
    assert "ban" not in recall(project.open_stage())
    remember(project, "ban", Memory(kind="banned", text="laser"))
    assert recall(project.open_stage())["ban"].text == "laser"  # said again, it counts again
