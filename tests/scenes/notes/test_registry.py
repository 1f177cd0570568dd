# SPDX-License-Identifier: Apache-2.0
"""Measures are found like rules, and their limits are those that the configuration documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StageError, UsageError
from pipeline.resources import folder
from pipeline.scenes.notes import Measure, load_measures, measure
from pipeline.scenes.notes.registry import FAMILIES
from pipeline.settings import load

from .beds import THING, notes, plate, situation, world

KINDS = {
    "albedo", "brightness", "crop", "density", "distance", "drift", "framing", "grounding", "intersection", "lod",
    "occlusion", "palette", "readability", "saturation", "scale", "texel-density",
}  # fmt: skip


def test_every_kind_is_there_once_and_says_what_it_is() -> None:
    found = load_measures()
    assert set(found.measures) == KINDS
    assert not found.failures
    for each in found.measures.values():
        assert each.title
        assert each.unit
        assert each.advice
        assert each.limit > 0


def test_one_file_a_kind() -> None:
    here = Path(load_measures.__code__.co_filename).parent
    files = [f for family in FAMILIES for f in (here / family).glob("*.py") if f.stem != "__init__"]
    assert len(files) == len(KINDS)


def test_the_configuration_documents_what_counts() -> None:
    said = load("context")["notes"]
    measures = load_measures().measures
    assert set(said) <= set(measures)
    for kind, table in said.items():
        assert table.get("limit", measures[kind].limit) == measures[kind].limit
        assert table.get("ceiling", measures[kind].ceiling) == measures[kind].ceiling
    for kind in measures:
        assert f"[notes.{kind}]" in (folder("config") / "context.toml").read_text(encoding="utf-8")


def test_severity_and_limit_can_be_set_and_a_kind_switched_off() -> None:
    stage = world()
    plate(stage, f"{THING}/body", -0.5, -0.1, 0.5, 0.1)  # 0.2 of 4.8 m
    (said,) = notes(stage, "framing", settings={"framing": {"severity": "error"}})
    assert (said.severity, said.limit, said.camera) == ("error", 0.10, "front")
    assert not notes(stage, "framing", settings={"framing": {"limit": 0.03}})
    here = situation(stage, ["/World/Cameras/front"], settings={"framing": {"severity": "off"}})
    assert not measure(here, ["framing"]).notes
    with pytest.raises(UsageError, match="no measure 'frames'"):
        measure(here, ["frames"])


def test_an_asset_that_shows_nothing() -> None:
    with pytest.raises(StageError, match="shows nothing"):
        measure(situation(world()), ["scale"])


def test_a_measure_that_breaks_costs_nothing_but_itself() -> None:
    class Falls(Measure):
        kind, title = "falls", "falls"

        def run(self, situation, view):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("by nothing")

    stage = world()
    plate(stage, f"{THING}/body", -0.5, -0.1, 0.5, 0.1)
    registry = load_measures()
    registry.add(Falls, "here")
    found = measure(situation(stage, ["/World/Cameras/front"]), ["falls", "framing"], registry)
    assert [n.kind for n in found.notes] == ["framing"]
    assert found.failures["falls"] == "ZeroDivisionError: by nothing"
