# SPDX-License-Identifier: Apache-2.0
"""Sheets, wipes and difference pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.render import picture, sheet


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    red, blue = np.zeros((40, 60, 3)), np.zeros((40, 60, 3))
    red[..., 0], blue[..., 2] = 1, 1
    return picture.write(tmp_path / "red.png", red), picture.write(tmp_path / "blue.png", blue)


def test_cells_hold_whole_pictures(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = sheet.contact_sheet([*pair, tmp_path / "gone.png"], ["a", "b", "c"], tmp_path / "s.png", columns=3, cell=120)
    page = picture.read(out)
    # cells of 120 x 120 in the pictures' own shape of 3:2, which they fill
    assert int(((page[..., 0] > 0.9) & (page[..., 2] < 0.1)).sum()) == pytest.approx(120 * 120, rel=0.02)
    assert int(((page[..., 2] > 0.9) & (page[..., 0] < 0.1)).sum()) == pytest.approx(120 * 120, rel=0.02)


def test_a_picture_of_another_shape_is_whole_too(pair: tuple[Path, Path], tmp_path: Path) -> None:
    green = np.zeros((50, 50, 3))
    green[..., 1] = 1
    square = picture.write(tmp_path / "green.png", green)
    page = picture.read(sheet.contact_sheet([*pair, square], ["a", "b", "c"], tmp_path / "s.png", cell=120))
    # a cell is 147 x 98, so the square is 98 x 98
    assert int(((page[..., 1] > 0.9) & (page[..., 0] < 0.1)).sum()) == pytest.approx(98 * 98, rel=0.03)


def test_wide_pictures_stand_in_fewer_columns(tmp_path: Path) -> None:
    wide = [picture.write(tmp_path / f"{i}.png", np.ones((20, 80, 3))) for i in range(6)]
    page = picture.read(sheet.contact_sheet(wide, ["x"] * 6, tmp_path / "s.png", cell=64))
    assert 0.6 < page.shape[1] / page.shape[0] < 2.5


def test_labels_are_written_beneath(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with_label = picture.read(sheet.contact_sheet(pair[:1], ["label"], tmp_path / "a.png", cell=120))
    without = picture.read(sheet.contact_sheet(pair[:1], [" "], tmp_path / "b.png", cell=120))
    changed = np.argwhere(np.abs(with_label - without[: with_label.shape[0]]).max(axis=2) > 0.2)
    assert len(changed) > 20
    assert changed[:, 0].min() > 120 * (2 / 3) ** 0.5  # the height of a 3:2 cell with the area of 120 x 120


def test_as_many_labels_as_pictures(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 pictures but 1 labels"):
        sheet.contact_sheet(pair, ["one"], tmp_path / "s.png")


def test_wipe_shows_both_sides(pair: tuple[Path, Path], tmp_path: Path) -> None:
    joined = picture.read(sheet.wipe(*pair, tmp_path / "w.png"))
    assert joined[35, 5, 0] == 1
    assert joined[35, 55, 2] == 1


def test_no_difference_is_no_heat(pair: tuple[Path, Path], tmp_path: Path) -> None:
    page = picture.read(sheet.difference(pair[0], pair[0], tmp_path / "d.png"))
    third = page[20:, 120:]
    assert np.ptp(third, axis=2).max() < 0.01
    other = picture.read(sheet.difference(*pair, tmp_path / "e.png"))[20:, 120:]
    assert (other[..., 0] > 0.9).all()


def test_a_failed_writing_leaves_the_old_picture(pair: tuple[Path, Path]) -> None:
    before = pair[0].read_bytes()
    with pytest.raises(RuntimeError), picture.whole_file(pair[0]) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert pair[0].read_bytes() == before
    assert sorted(p.name for p in pair[0].parent.iterdir()) == ["blue.png", "red.png"]
