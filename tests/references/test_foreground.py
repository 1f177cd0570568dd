# SPDX-License-Identifier: Apache-2.0
"""Objects in pictures that were painted here, so that their outline is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import GeneratorError, MissingDependency, UsageError
from pipeline.references import cut_out, find_foreground, read_picture
from pipeline.references.png import write_png

SIDE = 128
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
#: a disc of radius 40 in the middle
DISC = np.hypot(ROWS - 63.5, COLUMNS - 63.5) < 40


def painted(path: Path, ground: np.ndarray, tone: tuple[int, int, int] = (190, 60, 40)) -> Path:
    pixels = np.broadcast_to(ground, (SIDE, SIDE, 3)).astype(np.uint8).copy()
    pixels[DISC] = tone
    write_png(path, pixels)
    return path


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def busy() -> np.ndarray:
    """A background of stripes: its border has no single colour."""
    stripes = np.where((COLUMNS // 6) % 2, 210, 60)
    return np.stack([stripes * 0.4, stripes * 0.9, stripes], axis=2)


def test_alpha_is_taken_as_it_is(tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[DISC] = (10, 200, 30, 255)
    write_png(tmp_path / "a.png", pixels)
    found = find_foreground(tmp_path / "a.png")
    assert found.engine == "alpha" and found.clean
    assert overlap(found.mask, DISC) == 1.0


def test_an_even_background_is_left_out_with_its_shadow(tmp_path: Path) -> None:
    ground = np.full((SIDE, SIDE, 3), 200.0)
    shadow = (ROWS > 95) & (ROWS < 112) & (COLUMNS > 20) & (COLUMNS < 110) & ~DISC
    ground[shadow] = 130
    found = find_foreground(painted(tmp_path / "plain.png", ground))
    assert found.engine == "plain" and found.clean
    assert overlap(found.mask, DISC) > 0.95
    assert not (found.mask & shadow).any()


def test_a_grey_object_on_grey_is_no_shadow(tmp_path: Path) -> None:
    found = find_foreground(painted(tmp_path / "grey.png", np.full(3, 200.0), (140, 140, 140)))
    assert overlap(found.mask, DISC) > 0.9


def test_grabcut_finds_an_object_before_stripes(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    picture = painted(tmp_path / "busy.png", busy())
    found = find_foreground(picture)
    assert found.engine == "grabcut" and found.clean
    assert overlap(found.mask, DISC) > 0.95
    assert np.array_equal(found.mask, find_foreground(picture, "grabcut").mask)  # same picture, same mask


def test_what_fills_or_leaves_the_picture_is_doubted(tmp_path: Path) -> None:
    half = np.full((SIDE, SIDE, 3), 230, np.uint8)
    half[:, :70] = (150, 30, 30)
    half[:70, 70:] = (30, 90, 150)
    write_png(tmp_path / "half.png", half)
    found = find_foreground(tmp_path / "half.png")
    assert not found.clean
    even = np.full((SIDE, SIDE, 3), 90, np.uint8)
    write_png(tmp_path / "even.png", even)
    assert find_foreground(tmp_path / "even.png").doubts == ("nothing stands out from its background",)


def test_engines_that_do_not_fit_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = painted(tmp_path / "busy.png", busy())
    with pytest.raises(UsageError, match="no alpha channel"):
        find_foreground(picture, "alpha")
    with pytest.raises(UsageError, match="no even background"):
        find_foreground(picture, "plain")
    with pytest.raises(UsageError, match="magic"):
        find_foreground(picture, "magic")
    monkeypatch.setattr("pipeline.references.foreground.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="OpenCV"):
        find_foreground(picture, "grabcut")
    with pytest.raises(MissingDependency, match="rembg"):
        find_foreground(picture, "rembg")


def test_rembg_is_never_tried_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.references.foreground.find_spec", lambda name: object())
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    with pytest.raises(MissingDependency, match="weights"):
        find_foreground(painted(tmp_path / "busy.png", busy()), "rembg")


def test_a_cut_out_keeps_the_pixels_and_gets_alpha(tmp_path: Path) -> None:
    picture = painted(tmp_path / "plain.png", np.full(3, 200.0))
    made = cut_out(picture, tmp_path / "cut.png")
    colour, alpha = read_picture(tmp_path / "cut.png", SIDE)
    assert overlap(alpha > 0.5, DISC) > 0.95
    inner = np.hypot(ROWS - 63.5, COLUMNS - 63.5) < 34
    assert (alpha[inner] == 1).all() and (alpha[~DISC & (np.hypot(ROWS - 63.5, COLUMNS - 63.5) > 46)] == 0).all()
    assert np.allclose(colour[inner] * 255, (190, 60, 40), atol=0.6)
    assert made.found.engine == "plain"
    before = (tmp_path / "cut.png").read_bytes()
    cut_out(picture, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == before


def test_nothing_to_cut_out_is_said(tmp_path: Path) -> None:
    write_png(tmp_path / "even.png", np.full((SIDE, SIDE, 3), 90, np.uint8))
    with pytest.raises(GeneratorError, match=r"even\.png"):
        cut_out(tmp_path / "even.png", tmp_path / "cut.png")
    assert not (tmp_path / "cut.png").exists()
