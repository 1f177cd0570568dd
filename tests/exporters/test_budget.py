# SPDX-License-Identifier: Apache-2.0
"""A target's size in kilobytes is kept by smaller textures, or the result says that it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.exporters import export, load_target


@pytest.fixture
def noisy(plot: Any, tmp_path: Path) -> Any:
    """A cube with a picture that no codec makes small: 512 pixels of noise are 0.8 MB."""
    p = plot()
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    Image.fromarray(pixels).save(p.path.parent / "noise.png")
    material = p.material("/World/M")
    p.texture("/World/M", "diffuseColor", "./noise.png")
    p.bind(p.cube("/World/C"), material)
    return p


@pytest.mark.parametrize(("budget", "side"), [(1000, 512), (300, 256)])
def test_pictures_shrink_until_the_file_fits(noisy: Any, tmp_path: Path, budget: int, side: int) -> None:
    import json
    import struct
    from io import BytesIO

    target = load_target(None, budget_kb=budget)
    result = export(noisy.save(), tmp_path / "c.glb", target, verify=False)
    assert result.bytes <= budget * 1024 and result.bytes == (tmp_path / "c.glb").stat().st_size
    data = (tmp_path / "c.glb").read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    start = 28 + length + view["byteOffset"]
    with Image.open(BytesIO(data[start : start + view["byteLength"]])) as picture:
        assert picture.size == (side, side)
    told = {x.what for x in result.losses}
    assert ("size of textures" in told) == (side < 512) and "budget" not in told


def test_what_cannot_fit_is_left_as_it_was_and_told(noisy: Any, tmp_path: Path) -> None:
    result = export(noisy.save(), tmp_path / "c.glb", load_target(None, budget_kb=20), verify=False)
    whole = export(noisy.path, tmp_path / "d.glb", verify=False)
    assert result.bytes == whole.bytes
    (told,) = [x for x in result.losses if x.what == "budget"]
    assert "20 KB" in told.why
