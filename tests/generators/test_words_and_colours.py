# SPDX-License-Identifier: Apache-2.0
"""Prompts are read and pictures give their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import GeneratorError
from pipeline.generators import Picture, Request
from pipeline.generators.embedded.kit import build
from pipeline.generators.embedded.words import forbidden, read
from pipeline.references import extract, palette_of
from pipeline.references.png import write_png
from pipeline.usd.colour import lab_of_srgb


@pytest.mark.parametrize(
    ("prompt", "thing", "number"),
    [
        ("a stylised market stall with crates and a lantern", "stall", 1),
        ("two old wooden barrels", "barrel", 2),
        ("an oak tree", "tree", 1),
        ("a wooden box", "crate", 1),
        ("a medieval street lamp", "lamppost", 1),
        ("shelves with jars", "shelf", 1),
        ("an old oak barrel", "barrel", 1),
        ("a stone pillar", "pillar", 1),
        ("a rough stone wide fence", "fence", 1),
        ("a stone", "rock", 1),
        ("a rock and a barrel", "rock", 1),
        ("an iron lamp post", "lamppost", 1),
        ("a spaceship", "", 1),
        ("", "", 1),
    ],
)
def test_the_main_thing(prompt: str, thing: str, number: int) -> None:
    reading = read(prompt)
    assert (reading.thing, reading.number) == (thing, number)


def test_colours_go_to_what_they_stand_before() -> None:
    reading = read("market stall with a red and white striped canopy, a blue sign and crates of oranges")
    assert reading.dyes == {"cloth": ["red", "white"], "paint": ["blue"]}
    assert reading.counts["orange"] == 1 and reading.counts["crate"] == 3
    assert reading.unknown == []


def test_what_is_forbidden() -> None:
    assert forbidden("no barrels, lanterns or pumpkins please") == {"barrel", "lamp", "pumpkin"}


def test_lab_of_the_primaries() -> None:
    # CIE L*a*b* of sRGB white, black and red under D65, as colour science tables give them
    rgb = np.array([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert lab_of_srgb(rgb) == pytest.approx(np.array([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]), abs=0.02)


def _picture(path: Path) -> Path:
    image = np.full((90, 90, 3), 245, np.uint8)
    image[15:75, 15:75] = (40, 90, 160)
    image[15:75, 15:35] = (150, 100, 55)
    image[60:75, 35:75] = (230, 215, 180)
    write_png(path, image)
    return path


def test_a_palette_has_the_colours_without_the_background(tmp_path: Path) -> None:
    palette = extract([_picture(tmp_path / "p.png")], 3)
    expected = np.array([[40, 90, 160], [150, 100, 55], [230, 215, 180]]) / 255
    assert palette.rgb == pytest.approx(expected, abs=0.02)
    assert palette.share == pytest.approx([0.5, 1 / 3, 1 / 6], abs=0.02)
    assert palette_of(tmp_path / "p.png", 3)[0] == pytest.approx(expected[0], abs=0.02)


def test_a_transparent_background_is_none_of_the_colours(tmp_path: Path) -> None:
    image = np.zeros((40, 40, 4), np.uint8)
    image[10:30, 10:30] = (200, 30, 30, 255)
    write_png(tmp_path / "p.png", image)
    assert extract([tmp_path / "p.png"], 3).rgb[0] == pytest.approx([200 / 255, 30 / 255, 30 / 255], abs=0.02)


def test_pictures_dye_the_cloth_and_the_wood(tmp_path: Path) -> None:
    request = Request(
        asset="s", prompt="a market stall", images=[Picture(path=_picture(tmp_path / "p.png"), role="material")]
    )
    parts = build(request, 0).parts
    cloth = parts["canopy"][0].look.tint
    assert cloth == pytest.approx(np.array([40, 90, 160]) / 255, abs=0.05)
    red, green, blue = parts["counter"][0].look.tint
    assert red > green > blue


def test_words_win_over_pictures(tmp_path: Path) -> None:
    pictures = [Picture(path=_picture(tmp_path / "p.png"), role="material")]
    prompt = "a market stall with a green and cream striped awning"
    red, green, blue = build(Request(asset="s", prompt=prompt, images=pictures), 0).parts["canopy"][0].look.tint
    assert green > red and green > blue


@pytest.mark.parametrize("body", [b"", b"\x89PNG\r\n\x1a\n", b"not a picture"])
def test_a_broken_picture_is_refused_by_name(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(body)
    with pytest.raises(GeneratorError, match=r"bad\.png"):
        extract([tmp_path / "bad.png"])
