# SPDX-License-Identifier: Apache-2.0
"""Remarks on pictures: nothing overlaps, nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.render.annotated import COLOURS, PAPER, PLATE, Callout, annotate, legend, stacked
from pipeline.render.annotated import _spread as spread
from pipeline.render.strokes import disc, letter, line, plate

HEIGHT, WIDTH = 270, 480


def crowd(count: int) -> list[Callout]:
    """Callouts whose frames all lie near one another."""
    return [
        Callout(i + 1, f"remark number {i}", ("warning", "info", "error")[i % 3], (0.4, 0.4, 0.5, 0.42 + 0.02 * i))
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3, 6])
def test_labels_in_the_margins_do_not_overlap(count: int) -> None:
    callouts = crowd(count)
    page = annotate(np.zeros((HEIGHT, WIDTH, 3), np.float32), callouts, size=12)
    assert page.shape[0] == HEIGHT
    margin = (page.shape[1] - WIDTH) // 2
    # the picture itself stays where it is, under frames and leaders only
    middle = page[:, margin : margin + WIDTH]
    assert (middle.max(2) == 0).mean() > 0.85
    # the plates of both margins, run by run: each is higher than its line of text, so none lies on another
    runs = 0
    for column in (margin - 20, margin + WIDTH + 20):
        on = np.abs(page[:, column] - np.array(PLATE, np.float32)).max(1) < 0.02
        runs += int((np.diff(np.concatenate([[False], on]).astype(int)) == 1).sum())
    assert runs >= min(count, 2)


def test_more_labels_than_the_picture_is_high() -> None:
    callouts = crowd(30)
    page = annotate(np.zeros((HEIGHT, WIDTH, 3), np.float32), callouts, size=12)
    assert page.shape[0] > HEIGHT
    for edge in (page[0], page[-1]):  # the first and the last label are whole
        margin = (page.shape[1] - WIDTH) // 2
        assert np.abs(edge[: margin - 20] - np.array(PAPER, np.float32)).max() < 0.1
    badges = sum(np.abs(page - np.array(c, np.float32)).max(2) < 0.05 for c in COLOURS.values()) > 0
    assert badges[:, : (page.shape[1] - WIDTH) // 2].sum() > 10 * np.pi * 9**2


def test_every_callout_has_its_badge() -> None:
    callouts = [Callout(i + 1, "x", "error", (0.1 * i, 0.1, 0.1 * i + 0.08, 0.9)) for i in range(4)]
    page = annotate(np.zeros((HEIGHT, WIDTH, 3), np.float32), callouts, size=12)
    margin = (page.shape[1] - WIDTH) // 2
    red = np.abs(page - np.array(COLOURS["error"], np.float32)).max(2) < 0.05
    outside = np.concatenate([red[:, :margin], red[:, margin + WIDTH :]])
    # four discs with a radius of 0.82 letters, some of each under its digit
    assert outside.sum() > 4 * 0.6 * np.pi * (0.82 * 12) ** 2


def test_nothing_touches_the_border_of_the_page() -> None:
    long = "a remark with a great many words that will not fit into any margin on a single line"
    callouts = [Callout(1, long, "warning", (0.0, 0.0, 1.0, 1.0)), Callout(2, long, "error")]
    page = annotate(np.full((HEIGHT, WIDTH, 3), 0.5, np.float32), callouts, size=12)
    rows = [(c, long, "1.234 m of something measured", "0.5 m", long) for c in callouts]
    table = legend(rows, page.shape[1], 13)
    whole = stacked([page, table], "a title")
    for edge in (whole[:, 0], whole[:, -1], whole[-1]):
        assert np.abs(edge - np.array(PAPER, np.float32)).max() < 0.02


def test_a_legend_grows_with_its_words() -> None:
    callout = Callout(1, "x", "info")
    short = legend([(callout, "short", "1", "2", "do it")], 600, 13)
    long = legend([(callout, "word " * 60, "1", "2", "do it")], 600, 13)
    assert short.shape[1] == long.shape[1] == 600
    assert long.shape[0] > short.shape[0] + 5 * 13


def test_spreading_keeps_order_and_moves_little() -> None:
    assert spread([10.0, 100.0], [20.0, 20.0], 200.0) == [10.0, 100.0]
    # two that want the same place share the shift
    assert spread([50.0, 50.0], [20.0, 20.0], 200.0) == [40.0, 60.0]
    # three at the lower border are pushed inwards
    tops = spread([190.0, 190.0, 190.0], [20.0, 20.0, 20.0], 200.0)
    assert tops == [140.0, 160.0, 180.0]
    random = np.random.default_rng(1)
    for _ in range(50):
        sizes = random.uniform(5, 20, 8).tolist()
        wanted = sorted(random.uniform(-10, 210, 8).tolist())
        tops = spread(wanted, sizes, 200.0)
        ends = [t + s for t, s in zip(tops, sizes, strict=True)]
        assert min(tops) >= -1e-9
        assert max(ends) <= 200 + 1e-9
        assert all(a <= b + 1e-9 for a, b in zip(ends, tops[1:], strict=False))


def test_strokes_cover_what_geometry_says() -> None:
    page = np.zeros((60, 60, 3), np.float32)
    disc(page, (30.0, 30.0), 10.0, (1, 1, 1))
    assert page[..., 0].sum() == pytest.approx(np.pi * 100, rel=0.01)
    page[:] = 0
    plate(page, (10.0, 20.0), (40.0, 30.0), (1, 1, 1), radius=0.0)
    assert page[..., 0].sum() == pytest.approx(300, rel=0.01)
    page[:] = 0
    line(page, (10.0, 30.0), (50.0, 30.0), (1, 1, 1), width=4.0)
    assert page[..., 0].sum() == pytest.approx(40 * 4 + np.pi * 4, rel=0.02)
    page[:] = 0
    line(page, (-20.0, -20.0), (-10.0, -15.0), (1, 1, 1))  # wholly outside
    letter(page, "outside", 500.0, 500.0, 12, (1, 1, 1))
    assert not page.any()


def test_words_stand_on_one_line() -> None:
    feet = []
    for text in ("nnn", "ggn", "ihn"):
        page = np.zeros((40, 80, 3), np.float32)
        letter(page, text, 10, 20, 16, (1, 1, 1))
        last = page[:, 26:, 0] if text != "nnn" else page[..., 0]
        feet.append(int(np.flatnonzero(last.max(1) > 0.5).max()))
    assert feet[0] == feet[1] == feet[2]


def test_letters_that_the_font_has_not_leave_no_gap() -> None:
    from pipeline.render.lettering import shorten, text_width

    for text in ("ΔE00", "a … b", "木の台"):
        page = np.zeros((40, 120, 3), np.float32)
        letter(page, text, 10, 20, 16, (1, 1, 1))
        inked = np.flatnonzero(page[..., 0].max(0) > 0.5)
        assert inked.min() < 14  # from the first letter on
        assert np.diff(inked).max() < 9  # no wider hole than a space between words
    assert text_width(shorten("a very long label indeed", 80, 14), 14) <= 80
