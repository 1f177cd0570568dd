# SPDX-License-Identifier: Apache-2.0
"""Facts of a USD file as Pixar's own library computes them: bounds from its caches, what resolves and what not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pxr import Usd, UsdUtils

from pipeline.exporters.seam import Reading

__all__ = ["read_stage"]


def read_stage(path: Path, stage: Any) -> Reading:
    """Check that a written file opens, composes and finds its files inside of its own folder (or package)."""
    version = ".".join(str(v) for v in Usd.GetVersion()[1:])
    reading = Reading(f"OpenUSD {version}")
    if not stage:
        reading.problems.append("OpenUSD does not open it")
        return reading
    if not stage.GetDefaultPrim() and stage.GetPseudoRoot().GetChildren():
        reading.facts["default_prim"] = False
    for error in stage.GetCompositionErrors():
        reading.problems.append(f"it does not compose: {' '.join(str(error).split())[:200]}")
    inside = str(path.parent.resolve())
    layers, assets, _ = UsdUtils.ComputeAllDependencies(str(path))
    found = [layer.realPath for layer in layers] + [str(a) for a in assets]
    outside = [f for f in found if f and not f.startswith((inside, str(path)))]
    if outside:
        reading.problems.append(f"{len(outside)} of its files lie outside of the package: {outside[0]}")
    reading.facts["prims"] = int(np.sum([1 for _ in stage.Traverse()]))
    return reading
