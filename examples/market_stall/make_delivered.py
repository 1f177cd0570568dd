# SPDX-License-Identifier: Apache-2.0
"""How `delivered.glb` was made: a stall whose parts are united into one shell with one material.

It stands for what an AI generator delivers: it looks right and cannot be taken apart.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import generators
from pipeline.generators.base import Picture, Request

HERE = Path(__file__).parent

if __name__ == "__main__":
    request = Request(
        asset="market_stall",
        prompt="a small wooden market stall with a striped red and cream cloth canopy, crates of fruit on the counter",
        images=[Picture(path=HERE / "sketch.png"), Picture(path=HERE / "cloth.png", role="material")],
        size_m=(2.4, 2.6, 1.8),
        seed=5,
        texture_size=512,
        options={"embedded": {"mode": "fault", "faults": ["fused"], "format": "glb"}},
    )
    with TemporaryDirectory() as folder:
        made = generators.get("embedded").generate(request, Path(folder))[0]
        shutil.copyfile(made.file, HERE / "delivered.glb")
