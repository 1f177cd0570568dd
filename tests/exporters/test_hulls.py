# SPDX-License-Identifier: Apache-2.0
"""Hulls are cut once for all formats of a delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.exporters import hulls
from pipeline.usd.scene.model import Mesh
from pipeline.usd.scene.report import Report


def box(name: str, side: float) -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32) * np.float32(side)
    quads = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3]
    return Mesh(
        name=name,
        path=f"/{name}",
        points=corners,
        face_counts=np.full(6, 4, np.int32),
        face_vertices=np.array(quads, np.int32),
    )


def test_equal_meshes_with_equal_settings_are_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[Any] = []
    real = hulls.convex_hulls
    monkeypatch.setattr(hulls, "convex_hulls", lambda *a, **k: cut.append(k) or real(*a, **k))
    monkeypatch.setattr(hulls, "_DONE", {})
    first = hulls.hulls_of(box("a", 0.7), "/a", 8, 0.01, Report())
    again = hulls.hulls_of(replace(box("b", 0.7)), "/b", 8, 0.01, Report())
    assert len(cut) == 1
    assert [h.volume for h in first] == [h.volume for h in again] == [pytest.approx(0.343, rel=1e-5)]
    hulls.hulls_of(box("c", 0.8), "/c", 8, 0.01, Report())
    hulls.hulls_of(box("a", 0.7), "/a", 4, 0.01, Report())
    assert len(cut) == 3  # another mesh, another setting
