# SPDX-License-Identifier: Apache-2.0
"""How far palettes lie apart, against distances that follow from the definition."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.references import Palette, clustered, difference

WHITE, BLACK = np.ones(3), np.zeros(3)


def palette(*rows: tuple[np.ndarray, float]) -> Palette:
    return Palette(np.array([c for c, _ in rows]), np.array([s for _, s in rows]))


def test_the_same_colours_are_not_apart_in_any_order() -> None:
    one = palette((np.array([0.8, 0.2, 0.1]), 0.7), (np.array([0.1, 0.3, 0.9]), 0.3))
    other = palette((np.array([0.1, 0.3, 0.9]), 0.3), (np.array([0.8, 0.2, 0.1]), 0.7))
    assert difference(one, other) == pytest.approx(0, abs=1e-6)


def test_black_to_white_is_a_hundred_and_half_of_it_is_fifty() -> None:
    # CIEDE2000 of L* 0 and L* 100 without chroma: S_L is 1 at the mean lightness of 50
    assert difference(palette((WHITE, 1.0)), palette((BLACK, 1.0))) == pytest.approx(100, abs=0.01)
    assert difference(palette((WHITE, 1.0)), palette((WHITE, 0.5), (BLACK, 0.5))) == pytest.approx(50, abs=0.01)


def test_shares_are_moved_the_cheapest_way() -> None:
    # a quarter of white must become black, the rest stays
    one = palette((WHITE, 0.75), (BLACK, 0.25))
    other = palette((BLACK, 0.5), (WHITE, 0.5))
    assert difference(one, other) == pytest.approx(25, abs=0.01)


def test_clusters_find_the_colours_and_their_shares() -> None:
    red, blue = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.1, 0.8])
    found = clustered(np.concatenate([np.tile(red, (300, 1)), np.tile(blue, (100, 1))]), 4)
    assert found.share == pytest.approx([0.75, 0.25])
    assert found.rgb == pytest.approx(np.array([red, blue]))
