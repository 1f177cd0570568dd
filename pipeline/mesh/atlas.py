# SPDX-License-Identifier: Apache-2.0
"""xatlas (MIT) in a process of its own, with a time limit: some broken meshes make it hang, or end its process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError

__all__ = ["Atlas", "Chart", "cut", "packed"]

#: seconds that any mesh is given, and triangles of a further second
_PATIENCE, _PACE = 60, 400

_CHILD = """
import sys
import numpy as np, xatlas
given = np.load(sys.argv[1])
side, padding, brute, turn, cost = given["options"]
count = int(given["count"])
chart, place = xatlas.ChartOptions(), xatlas.PackOptions()
if cost > 0:
    chart.max_cost, chart.max_iterations = float(cost), 2
place.resolution, place.padding, place.bruteForce, place.bilinear = int(side), int(padding), False, True
# xatlas turns a chart by a quarter by swapping u and v, which mirrors it: only turns to its axis are asked for
place.rotate_charts, place.rotate_charts_to_axis = False, bool(turn)


def made_with(texels):
    atlas = xatlas.Atlas()
    for i in range(count):
        if f"points{i}" in given:
            atlas.add_mesh(given[f"points{i}"], given[f"faces{i}"])
        else:
            atlas.add_uv_mesh(given[f"uv{i}"], given[f"faces{i}"])
    place.texels_per_unit = texels
    atlas.generate(chart, place)
    return atlas


atlas = made_with(0.0)
if cost == 0:
    # left to itself xatlas fills a square of any size: look for the scale that fills one of `side`, where the
    # padding is as asked
    low, high, best = 0.0, np.inf, None
    texels = atlas.texels_per_unit * side / max(atlas.width, atlas.height)
    # by count, not by the clock: the same islands come to lie alike on every machine
    for _ in range(24 if atlas.chart_count < 1000 else 12):
        tried = made_with(texels)
        if tried.atlas_count == 1 and max(tried.width, tried.height) <= side:
            low, best = texels, tried
        else:
            high = texels
        if best is not None and high < low * 1.01:
            break
        if best is None:
            texels *= 0.93
        else:
            texels = (low + high) / 2 if np.isfinite(high) else low * 1.04
    while brute and best is not None:
        place.bruteForce = True
        tried = made_with(low * 1.015)
        if tried.atlas_count != 1:
            break
        low, best = low * 1.015, tried
    atlas = best or atlas
made = {"facts": np.array([atlas.width, atlas.height, atlas.chart_count, atlas.utilization], float)}
for i in range(count):
    made[f"vertex{i}"], made[f"corner{i}"], made[f"uv{i}"] = atlas.get_mesh(i)
np.savez(sys.argv[2], **made)
"""


@dataclass(frozen=True, eq=False)
class Chart:
    """One mesh in an atlas.

    Attributes
    ----------
    vertex : (v,) int
        The given vertex that each new one comes from.
    corner : (t, 3) int
        New vertices of the triangles.
    uv : (v, 2) float32
    """

    vertex: NDArray
    corner: NDArray
    uv: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Atlas:
    """All meshes in one picture of `width` by `height` pixels, `used` of it covered."""

    meshes: list[Chart]
    width: float
    height: float
    charts: int
    used: float


def cut(meshes: Sequence[tuple[NDArray, NDArray]], side: int, padding: int, cost: float) -> Atlas:
    """Cut meshes into charts and pack them.

    Parameters
    ----------
    meshes
        Points (n, 3) and triangles (t, 3) of each, about one in size.
    cost
        How much distortion a chart may gather.

    Raises
    ------
    RefineError
        xatlas hangs on them or ends its process.
    """
    arrays: dict[str, NDArray] = {}
    for number, (points, faces) in enumerate(meshes):
        arrays[f"points{number}"] = np.ascontiguousarray(points, np.float32)
        arrays[f"faces{number}"] = np.ascontiguousarray(faces, np.uint32)
    return _run(arrays, len(meshes), (side, padding, False, True, cost), sum(len(f) for _, f in meshes))


def packed(layouts: Sequence[NDArray], side: int, padding: int, turn: bool, brute: bool = False) -> Atlas:
    """Pack islands that exist into one square of `side` pixels, as large as they fit; one UV a corner, (3 t, 2).

    `padding` pixels stay free between islands, and half of that to the border. With `brute` every place is tried:
    denser by some hundredths, and slow.

    Raises
    ------
    RefineError
        xatlas hangs on them or ends its process.
    """
    arrays: dict[str, NDArray] = {}
    for number, uv in enumerate(layouts):
        arrays[f"uv{number}"] = np.ascontiguousarray(uv, np.float32)
        arrays[f"faces{number}"] = np.arange(len(uv)).astype(np.uint32).reshape(-1, 3)
    # xatlas keeps its padding and a pixel for filtering around each island
    around = max((padding + 1) // 2 - 1, 0)
    inner = max(side - 2 * around, 16)
    atlas = _run(
        arrays, len(layouts), (inner, around, brute, turn, 0), sum(len(uv) // 3 for uv in layouts)
    )  # fmt: skip
    shifted = [replace(m, uv=(m.uv * [atlas.width, atlas.height] + around).astype(np.float32)) for m in atlas.meshes]
    longer = max(side, atlas.width + 2 * around, atlas.height + 2 * around)
    meshes = [replace(m, uv=(m.uv / longer).astype(np.float32)) for m in shifted]
    return replace(atlas, meshes=meshes, width=longer, height=longer)


def _run(arrays: dict[str, NDArray], count: int, options: tuple[float, ...], triangles: int) -> Atlas:
    remedy = "mend the mesh first: weld, remove-degenerate, split-non-manifold"
    with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
        source, result = Path(folder) / "given.npz", Path(folder) / "made.npz"
        np.savez(source, count=np.array(count), options=np.array(options, float), **arrays)  # type: ignore[arg-type]
        try:
            done = subprocess.run(
                [sys.executable, "-c", _CHILD, str(source), str(result)],
                capture_output=True, text=True, timeout=_PATIENCE + triangles / _PACE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RefineError(f"xatlas did not end within {error.timeout:.0f} s", remedy=remedy) from error
        if done.returncode or not result.exists():
            said = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
            raise RefineError(f"xatlas failed: {said[0]}", remedy=remedy)
        made = np.load(result)
        width, height, charts, used = made["facts"]
        meshes = [
            Chart(
                made[f"vertex{i}"].reshape(-1),
                made[f"corner{i}"].reshape(-1, 3),
                made[f"uv{i}"].reshape(-1, 2).astype(np.float32),
            )
            for i in range(count)
        ]
    return Atlas(meshes, float(width), float(height), int(charts), round(float(used), 4))
