# SPDX-License-Identifier: Apache-2.0
"""Texture lookups: orientation, UsdTransform2d, wrap modes, channels, scale and bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.render import picture
from pipeline.render.textures import TextureReader
from pipeline.usd.scene import Texture, TextureTransform


@pytest.fixture
def corners(tmp_path: Path) -> str:
    """2x2: red and green above, blue and white below."""
    pixels = np.array([[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]], float)
    return str(picture.write(tmp_path / "corners.png", pixels))


def sample(texture: Texture, *uv: tuple[float, float], channels: int = 3) -> np.ndarray:
    found = TextureReader().map(texture, channels)
    assert found is not None
    return found.sample(np.array(uv, np.float32))


def test_origin_is_at_the_lower_left(corners: str) -> None:
    seen = sample(Texture(corners, "", wrap_s="clamp", wrap_t="clamp"), (0.25, 0.25), (0.75, 0.75))
    np.testing.assert_allclose(seen, [[0, 0, 1], [0, 1, 0]], atol=1e-6)


def test_transform_scales_then_rotates_then_moves(corners: str) -> None:
    # (0.5, 0) times 0.5 is (0.25, 0), turned by 90 degrees (0, 0.25), moved by (0.75, 0.5) it is (0.75, 0.75): green
    moved = TextureTransform((0.5, 0.5), 90.0, (0.75, 0.5))
    np.testing.assert_allclose(sample(Texture(corners, "", transform=moved), (0.5, 0.0)), [[0, 1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("repeat", [0, 0, 1]), ("mirror", [1, 1, 1]), ("clamp", [1, 1, 1]), ("black", [0, 0, 0])],
)
def test_wrap_modes(corners: str, mode: str, expected: list[float]) -> None:
    seen = sample(Texture(corners, "", wrap_s=mode, wrap_t=mode), (1.25, 0.25))
    np.testing.assert_allclose(seen, [expected], atol=1e-6)


def test_channel_scale_and_bias(corners: str) -> None:
    texture = Texture(corners, "", channel="g", scale=(1, 0.5, 1, 1), bias=(0, 0.25, 0, 0), color_space="raw")
    np.testing.assert_allclose(sample(texture, (0.75, 0.75), (0.25, 0.75), channels=1), [[0.75], [0.25]], atol=1e-6)


def test_only_colour_pictures_of_eight_bits_are_srgb(tmp_path: Path) -> None:
    grey = np.full((4, 4, 3), 128 / 255)
    colour_file = str(picture.write(tmp_path / "c.png", grey))
    one_file = str(picture.write(tmp_path / "g.png", grey[..., :1]))
    assert sample(Texture(colour_file, ""), (0.5, 0.5))[0, 0] == pytest.approx(0.2158605, abs=1e-4)
    assert sample(Texture(one_file, "", channel="r"), (0.5, 0.5), channels=1)[0, 0] == pytest.approx(128 / 255)


def test_alpha_does_not_darken_what_it_hides(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 1.0)
    pixels[..., 3] = 0
    path = str(picture.write(tmp_path / "a.png", pixels))
    np.testing.assert_allclose(sample(Texture(path, ""), (0.5, 0.5)), [[1, 1, 1]], atol=1e-6)


def test_large_pictures_are_reduced_to_what_can_be_seen(tmp_path: Path) -> None:
    path = str(picture.write(tmp_path / "large.png", np.random.default_rng(1).random((256, 512, 3))))
    found = TextureReader(limit=64).map(Texture(path, "", color_space="raw"), 3)
    assert found is not None
    assert found.pixels.shape == (32, 64, 3)
    assert found.mean.mean() == pytest.approx(0.5, abs=0.01)


def test_udim_tiles_lie_side_by_side(tmp_path: Path) -> None:
    tiles = []
    for number, value in ((1001, 0.2), (1002, 0.6), (1011, 1.0)):
        tiles.append((number, str(picture.write(tmp_path / f"{number}.png", np.full((8, 8, 3), value)))))
    texture = Texture("", "<UDIM>", tiles=tuple(tiles), color_space="raw")
    seen = sample(texture, (0.5, 0.5), (1.5, 0.5), (0.5, 1.5))[:, 0]
    np.testing.assert_allclose(seen, [0.2, 0.6, 1.0], atol=3e-3)
