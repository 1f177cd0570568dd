# SPDX-License-Identifier: Apache-2.0
"""Make a part, or the whole asset, wider, taller or deeper."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, Vt
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.placing import SUFFIX, lay_over, scaling, tops

#: customData of the op: the factors that it holds, so that doing it again is not doing it twice
_KEY = "gates:proportions"


class ProportionSettings(Settings):
    """Factors against the unrefined shape."""

    part: str = Field(default="", description="Name or path of a part beneath the asset; empty: everything.")
    x: float = Field(default=1.0, gt=0, le=100, description="Factor along x.")
    y: float = Field(default=1.0, gt=0, le=100, description="Factor along y.")
    z: float = Field(default=1.0, gt=0, le=100, description="Factor along z.")
    about: Literal["base", "center", "origin"] = Field(
        default="base", description="What stays: the middle of the part's base, its middle, or the asset's origin."
    )


def run(subject: Subject, settings: ProportionSettings) -> None:
    """Lay a scale over the part, in the asset's axes."""
    chosen = _chosen(subject, settings.part)
    wanted = np.array([settings.x, settings.y, settings.z])
    low, high = _bounds(subject, chosen)
    about = {"base": (low + high) / 2, "center": (low + high) / 2, "origin": np.zeros(3)}[settings.about]
    if settings.about == "base":
        about[subject.up] = low[subject.up]
    for prim in chosen:
        op = UsdGeom.Xformable(prim).GetTransformOp(SUFFIX)
        held = op.GetAttr().GetCustomDataByKey(_KEY) if op else None
        factors = wanted / (np.array(list(held)) if held else 1.0)
        if np.allclose(factors, 1, atol=1e-9):
            continue
        lay_over(subject, prim, scaling(factors, about))
        attribute = UsdGeom.Xformable(prim).GetTransformOp(SUFFIX).GetAttr()
        attribute.SetCustomDataByKey(_KEY, Vt.DoubleArray(wanted.tolist()))
    if subject.changed:
        subject.details["parts"] = [str(p.GetPath()) for p in chosen]


def _chosen(subject: Subject, name: str) -> list[Usd.Prim]:
    if not name:
        return list(tops(subject.prim))
    found = [
        p
        for p in subject.prims()
        if p.IsA(UsdGeom.Xformable)
        and p != subject.prim
        and (p.GetName() == name or str(p.GetPath()).endswith(f"/{name}") or str(p.GetPath()) == name)
    ]
    outer = [p for p in found if not any(p.GetPath().HasPrefix(q.GetPath()) and p != q for q in found)]
    if len(outer) != 1 or outer[0].IsInstanceProxy():
        known = ", ".join(sorted({p.GetName() for p in subject.prims() if p.IsA(UsdGeom.Xformable)})[:20])
        raise RefineError(
            f"{'no part is' if not outer else 'several parts are'} called {name!r}",
            prim=str(subject.prim.GetPath()), remedy=f"name one of: {known}",
        )  # fmt: skip
    return outer


def _bounds(subject: Subject, chosen: list[Usd.Prim]) -> tuple[NDArray, NDArray]:
    inside = [p.points for p in subject.parts() if any(p.prim.GetPath().HasPrefix(c.GetPath()) for c in chosen)]
    if not inside:
        raise RefineError("the part holds no geometry", prim=str(chosen[0].GetPath()) if chosen else None)
    points = np.concatenate(inside)
    return points.min(axis=0), points.max(axis=0)


operation = Operation(
    name="proportions",
    summary="Make a part or the whole wider, taller or deeper",
    settings=ProportionSettings,
    run=run,
)
