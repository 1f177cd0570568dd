# SPDX-License-Identifier: Apache-2.0
"""Primvars brought onto the faces that stayed: sizes checked, indices kept, what is broken reported."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Floats, Interpolation, Ints, Primvar
from pipeline.usd.scene.raw import RawPrimvar
from pipeline.usd.scene.report import Report

__all__ = ["Fit"]


class Fit:
    """Brings primvars onto the faces that stayed."""

    def __init__(
        self,
        points: int,
        faces: int,
        corners: int,
        kept_corners: Ints | None,
        kept_faces: NDArray[np.bool_] | None,
        vertices: Ints,
    ) -> None:
        self.sizes = {"constant": 1, "uniform": faces, "vertex": points, "faceVarying": corners}
        self.kept: dict[str, Any] = {"faceVarying": kept_corners}
        if kept_faces is not None:
            self.kept["uniform"] = np.flatnonzero(kept_faces)
        self.vertices = vertices

    def primvar(self, raw: RawPrimvar, path: str, report: Report) -> Primvar | None:
        kind = "vertex" if raw.interpolation == "varying" else raw.interpolation
        size = self.sizes.get(kind)
        values = np.asarray(raw.values)
        values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        values = values.astype(np.float32, copy=False)
        indices = None if raw.indices is None or not len(raw.indices) else np.asarray(raw.indices, np.int32)
        count = len(values) if indices is None else len(indices)
        if size is None or (count < size):
            report.lose(path, f"primvar {raw.name}", f"{kind} needs {size} elements, there are {count}")
            return None
        like_faces = (
            kind == "faceVarying"
            and indices is not None
            and self.kept["faceVarying"] is None
            and len(values) == self.sizes["vertex"]
            and np.array_equal(indices, self.vertices)
        )
        if like_faces:
            broken = self._broken(raw, values, path, report)
            return Primvar(raw.name, values if broken is None else broken, None, "vertex")
        if indices is not None and (indices.min() < 0 or indices.max() >= len(values)):
            report.lose(path, f"primvar {raw.name}", "an index points outside of its values")
            return None
        if kind == "constant":
            first = values[:1] if indices is None else values[indices[:1]]
            return Primvar(raw.name, first, None, "constant")
        if count > size:
            report.lose(path, f"primvar {raw.name}", f"{count - size} elements belong to nothing ({kind})")
            if indices is None:
                values = values[:size]
            else:
                indices = indices[:size]
        broken = self._broken(raw, values, path, report)
        values = values if broken is None else broken
        kept = self.kept.get(kind)
        if kept is not None:
            indices = kept.astype(np.int32, copy=False) if indices is None else indices[kept]
        if (
            kind == "faceVarying"
            and indices is not None
            and len(values) == self.sizes["vertex"]
            and np.array_equal(indices, self.vertices)
        ):
            return Primvar(raw.name, values, None, "vertex")
        return Primvar(raw.name, values, indices, cast(Interpolation, kind))

    def _broken(self, raw: RawPrimvar, values: Floats, path: str, report: Report) -> Floats | None:
        if raw.name in {"normals", "tangents"} or np.isfinite(values).all():
            return None
        report.lose(path, f"primvar {raw.name}", "values that are not finite became 0")
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
