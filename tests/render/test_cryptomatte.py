# SPDX-License-Identifier: Apache-2.0
"""Mattes decoded by OpenEXR and a hash that are not ours."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import OpenEXR
import pytest
import render_beds as stages
from pxr import Usd

from pipeline.render import cryptomatte, render
from pipeline.render.camera import Camera


def decoded(path: Path, layer: str) -> tuple[dict[str, str], list[tuple[np.ndarray, np.ndarray]]]:
    """Manifest and (identifier bits, coverage) by rank, as the specification tells a reader to find them."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header: dict[str, Any] = dict(file.header())  # gone once the file is closed
        pixels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    key = next(k.rsplit("/", 1)[0] for k, v in header.items() if k.startswith("cryptomatte/") and v == layer)
    assert key.split("/")[1] == f"{mmh3.hash(layer, signed=False):08x}"[:7]
    assert header[f"{key}/hash"] == "MurmurHash3_32"
    assert header[f"{key}/conversion"] == "uint32_to_float32"
    ranks = []
    for i in range(3):
        for a, b in ("RG", "BA"):
            ids = pixels[f"{layer}{i:02d}.{a}"]
            assert ids.dtype == np.float32
            ranks.append((ids.view(np.uint32), pixels[f"{layer}{i:02d}.{b}"]))
    return json.loads(header[f"{key}/manifest"]), ranks


def matte(name: str, manifest: dict[str, str], ranks: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    number = int(manifest[name], 16)
    assert number in {mmh3.hash(name, signed=False), mmh3.hash(name, signed=False) ^ (1 << 23)}
    return sum(np.where(ids == number, cover, 0) for ids, cover in ranks)  # type: ignore[return-value]


@pytest.fixture
def scene(tmp_path: Path) -> Usd.Stage:
    """Squares of 0.4 and 0.3 metres beside each other, the second of 25 % opacity before a third."""
    stage = stages.new(tmp_path / "mattes.usda")
    stages.bind(stages.quad(stage, "/World/left", x=-0.25, half=0.2), stages.material(stage, "one"))
    front = stages.quad(stage, "/World/front", x=0.25, half=0.15)
    stages.bind(front, stages.material(stage, "glass", opacity=0.25))
    back = stages.quad(stage, "/World/back", x=0.25, half=0.15)
    back.AddTranslateOp().Set((0, 0, -0.5))
    stages.bind(back, stages.material(stage, "two"))
    stages.dome(stage)
    stage.GetRootLayer().Save()
    return stage


def test_hash_against_another_implementation() -> None:
    names = [
        "",
        "a",
        "/World/geo",
        "Blatt_grün",
        "/World/Kiste_[12]",
        "x" * 63,
        *(f"/World/item{i}" for i in range(99)),
    ]
    for name in names:
        assert cryptomatte.murmur3_32(name) == mmh3.hash(name, signed=False), name


def test_identifiers_are_ordinary_floats() -> None:
    values = np.array([cryptomatte.identifier(f"n{i}") for i in range(20_000)], np.uint32).view(np.float32)
    assert np.isfinite(values).all()
    assert (np.abs(values) >= np.finfo(np.float32).tiny).all()


def test_mattes_of_objects_and_materials(scene: Usd.Stage, tmp_path: Path, straight: Camera) -> None:
    # 33 pixels a metre: no edge falls on a pixel's border
    render(scene, tmp_path / "m.exr", straight, (33, 33), quality="draft", lights="authored")
    manifest, ranks = decoded(tmp_path / "m.exr", "CryptoObject")
    assert set(manifest) == {"/World/left", "/World/front", "/World/back"}
    areas = {"/World/left": 0.4**2, "/World/front": 0.25 * 0.3**2, "/World/back": 0.75 * 0.3**2}
    for name, area in areas.items():
        found = matte(name, manifest, ranks)
        assert found.sum() / 33**2 == pytest.approx(area, rel=0.02)
    assert matte("/World/back", manifest, ranks)[16, 24] == pytest.approx(0.75, abs=1e-5)
    total = sum(cover for _, cover in ranks)
    assert total.max() <= 1 + 1e-5
    # ranks fall
    assert all((a[1] >= b[1]).all() for a, b in itertools.pairwise(ranks))
    # an edge is shared: 0.4 m are 13.2 pixels
    edge = matte("/World/left", manifest, ranks)
    assert ((edge > 0.05) & (edge < 0.95)).any()
    manifest, ranks = decoded(tmp_path / "m.exr", "CryptoMaterial")
    assert matte("/World/mtl/one", manifest, ranks).sum() / 33**2 == pytest.approx(0.16, rel=0.02)


def test_more_than_six_in_a_pixel_keep_the_largest() -> None:
    shares = np.array([0.05, 0.3, 0.1, 0.02, 0.2, 0.15, 0.08, 0.1])
    numbers, coverage = cryptomatte.ranked(np.zeros(8, int), np.arange(8), shares, 2)
    assert numbers[0].tolist()[:3] == [1, 4, 5]
    np.testing.assert_allclose(coverage[0], [0.3, 0.2, 0.15, 0.1, 0.1, 0.08])
    assert (numbers[1] == -1).all()
