# SPDX-License-Identifier: Apache-2.0
"""Colour differences against the published pairs, transfer function against its standard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.render import colour

# Sharma, Wu, Dalal 2005, table 1: L a b, L a b, dE00
PAIRS = np.array(
    [
        [50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425],
        [50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000],
        [50, 2.5, 0, 73, 25, -18, 27.1492],
        [50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792],
        [50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_published_pairs() -> None:
    np.testing.assert_allclose(colour.difference(PAIRS[:, :3], PAIRS[:, 3:6]), PAIRS[:, 6], atol=5e-5)


def test_middle_grey_of_srgb() -> None:
    # IEC 61966-2-1: 0.2140 linear is half of the code values
    assert colour.to_srgb(np.array(0.21404))[()] == pytest.approx(0.5, abs=1e-4)


@given(st.floats(0, 1))
def test_transfer_function_turns_back(value: float) -> None:
    assert colour.to_linear(colour.to_srgb(np.array(value)))[()] == pytest.approx(value, abs=1e-6)


def test_white_is_lab_100() -> None:
    np.testing.assert_allclose(colour.to_lab(np.ones(3)), [100, 0, 0], atol=1e-3)


def test_aces_holds_highlights_that_srgb_clips() -> None:
    bright = np.array([[[2.0, 2.0, 2.0], [8.0, 8.0, 8.0]]], np.float32)
    assert (colour.display(bright, "srgb") > 0.999).all()
    aces = colour.display(bright, "aces")[0, :, 0]
    assert 0.5 < aces[0] < aces[1] <= 1


def test_exposure_is_in_stops() -> None:
    pixels = np.full((1, 1, 3), 0.1, np.float32)
    np.testing.assert_allclose(colour.display(pixels, exposure=1), colour.display(pixels * 2), atol=1e-6)


def test_aces_is_what_opencolorio_itself_computes() -> None:
    """A chart over fourteen stops by the processor of the built-in configuration, in OpenColorIO's own binding."""
    import PyOpenColorIO as ocio

    config = ocio.Config.CreateFromFile("ocio://default")
    shown = next(d for d in config.getDisplays() if "sRGB" in d)
    view = next(v for v in config.getViews(shown) if "ACES" in v)
    transform = ocio.DisplayViewTransform(src="Linear Rec.709 (sRGB)", display=shown, view=view)
    processor = config.getProcessor(transform).getDefaultCPUProcessor()
    stops = 0.18 * 2.0 ** np.linspace(-8, 6, 29)
    tints = np.array([[1, 1, 1], [1, 0.2, 0.1], [0.1, 0.8, 0.15], [0.1, 0.2, 0.9], [0.9, 0.7, 0.05], [0.4, 0.3, 0.25]])
    chart = (stops[None, :, None] * tints[:, None]).astype(np.float32)
    expected = np.array([processor.applyRGB([float(c) for c in p]) for p in chart.reshape(-1, 3)]).reshape(chart.shape)
    np.testing.assert_allclose(colour.display(chart, "aces"), np.clip(expected, 0, 1), atol=2e-4)


def test_plain_view_is_opencolorios_srgb() -> None:
    """The transfer function against the built-in configuration's own sRGB texture space."""
    import PyOpenColorIO as ocio

    config = ocio.Config.CreateFromFile("ocio://default")
    processor = config.getProcessor("Linear Rec.709 (sRGB)", "sRGB - Texture").getDefaultCPUProcessor()
    ramp = np.repeat(np.linspace(0, 1, 65, dtype=np.float32)[None, :, None], 3, axis=2)
    expected = np.array([processor.applyRGB([float(c) for c in p]) for p in ramp.reshape(-1, 3)]).reshape(ramp.shape)
    np.testing.assert_allclose(colour.display(ramp), expected, atol=1e-4)
