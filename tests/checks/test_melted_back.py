# SPDX-License-Identifier: Apache-2.0
"""Backs whose paint is a blur; what is measured is foretold by the formula for blurred white noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

RULE = "texture.melted-back"
#: texels of a face, and pixels that a metre has in a view (96 with a border of 2 % on both sides)
TEXELS, PIXELS = 256, 96 * 0.96


def noise(sigma: float, seed: int = 1, contrast: float = 0.12) -> NDArray[np.float64]:
    """(256, 256) white noise around middle grey, blurred by so many pixels of a view."""
    made = np.random.default_rng(seed).normal(size=(TEXELS, TEXELS))
    if sigma:
        made = gaussian_filter(made, sigma * TEXELS / PIXELS, mode="wrap")
    return 0.5 + contrast * made / made.std()


def foretold(sigma: float) -> float:
    """Root of D(1) / D(16), by the structure function of blurred white noise, D(k) = 2 (1 - exp(-k^2 / 4 sigma^2))."""
    return float(np.sqrt((1 - np.exp(-1 / (4 * sigma**2))) / (1 - np.exp(-256 / (4 * sigma**2)))))


def panel(asset: Any, front: NDArray, back: NDArray) -> list[Any]:
    """A box of 1 x 1 x 0.3 m, each face painted; its narrow sides are of one colour."""
    picture = np.concatenate([front, back], axis=1)
    picture[:4, :4] = 0.5
    asset.material("paint", {"diffuseColor": (asset.picture("a.png", np.rint(picture.clip(0, 1) * 255)), "sRGB")})
    points = np.array([[x, y, z] for z in (0.15, -0.15) for y in (0, 1) for x in (-0.5, 0.5)], float)
    faces = [[0, 1, 3, 2], [5, 4, 6, 7], [1, 5, 7, 3], [4, 0, 2, 6], [2, 3, 7, 6], [4, 5, 1, 0]]
    square = np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]])
    flat = np.full((4, 2), [0.002, 0.998])
    asset.mesh(points, faces, uv=np.concatenate([square, square + np.array([0.5, 0]), *[flat] * 4]), material="paint")
    findings: list[Any] = asset.findings(RULE)
    return findings


@pytest.mark.parametrize(("sigma", "told"), [(0.8, False), (3.0, True)])
def test_a_blur_measures_what_the_formula_foretells(asset: Any, sigma: float, told: bool) -> None:
    findings = panel(asset, noise(0), noise(sigma, 2))
    assert (foretold(sigma) < 0.32) is told
    assert bool(findings) is told
    if told:
        (finding,) = findings
        assert finding.measured == pytest.approx(foretold(sigma), abs=0.03)
        assert "from the back the paint" in finding.message
        assert "multi-view" in finding.regenerate


def test_the_marks_lie_on_the_melted_side(asset: Any) -> None:
    from pipeline.checks import inspect

    panel(asset, noise(0), noise(3, 2))
    report = inspect(asset.stage, rules=[RULE])
    marked = set(report.marked_faces(0)["/Asset/geo/body"].tolist())
    assert {2, 3} <= marked  # the second polygon's two triangles
    assert not {0, 1} & marked


@pytest.mark.parametrize(
    "back",
    [
        np.full((TEXELS, TEXELS), 0.4),  # plain
        noise(4, 2, contrast=0.005),  # as good as plain
        np.broadcast_to(np.linspace(0.2, 0.8, TEXELS), (TEXELS, TEXELS)),  # an airbrushed gradient
        np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((32, 32))) * 0.3 + 0.3,  # large crisp squares
        noise(0, 3, contrast=0.05),  # fainter, but crisp
    ],
    ids=["plain", "nearly-plain", "gradient", "squares", "faint"],
)
def test_backs_that_are_meant_so(asset: Any, back: NDArray) -> None:
    assert panel(asset, noise(0), back) == []


def test_soft_paint_all_around_is_a_style(asset: Any) -> None:
    assert panel(asset, noise(3), noise(3, 2)) == []


def test_without_a_picture_nothing_is_said(asset: Any, ball: Any) -> None:
    asset.tri(ball)
    assert asset.findings(RULE) == []
