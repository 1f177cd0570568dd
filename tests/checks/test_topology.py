# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh


class TestTriangleBudget:
    RULE = "topology.triangle-budget"

    @pytest.mark.parametrize(("budget", "told"), [(1280, False), (1279, True)])
    def test_the_border(self, asset: Any, job: Any, ball: trimesh.Trimesh, budget: int, told: bool) -> None:
        asset.tri(ball)
        findings = asset.findings(self.RULE, job(budgets={"max_triangles": budget}))
        assert bool(findings) is told
        if told:
            assert (findings[0].measured, findings[0].limit, findings[0].fixer) == (1280, 1279, "decimate")

    def test_instances_count(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "a")
        asset.tri(ball, "b")
        assert asset.findings(self.RULE, job(budgets={"max_triangles": 2000}))[0].measured == 2560

    def test_quads_count_twice(self, asset: Any, job: Any) -> None:
        asset.mesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2, 3]])
        assert asset.findings(self.RULE, job(budgets={"max_triangles": 1}))[0].measured == 2

    def test_no_budget(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE, job()) == []

    def test_proxies_and_guides_do_not_ship(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        from pxr import UsdGeom

        asset.tri(ball)
        UsdGeom.Imageable(asset.tri(ball, "proxy")).CreatePurposeAttr("proxy")
        assert asset.findings(self.RULE, job(budgets={"max_triangles": 1280})) == []


class TestUnevenDensity:
    RULE = "topology.uneven-density"

    def strip(self, ratio: float) -> tuple[np.ndarray, np.ndarray]:
        """Squares of side 1 and squares of side 1/ratio, as many of each."""
        points, faces = [], []
        for i in range(200):
            side = 1.0 if i % 2 else 1.0 / ratio
            points += [[3 * i, 0, 0], [3 * i + side, 0, 0], [3 * i + side, side, 0], [3 * i, side, 0]]
            faces += [[4 * i, 4 * i + 1, 4 * i + 2], [4 * i, 4 * i + 2, 4 * i + 3]]
        return np.array(points), np.array(faces)

    @pytest.mark.parametrize(("ratio", "told"), [(1, False), (25, False), (32, True), (100, True)])
    def test_the_border(self, asset: Any, ratio: float, told: bool) -> None:
        # 5 % of the edges are as short as 1/ratio, 5 % are diagonals of sqrt 2: sqrt(2) * ratio against 40
        asset.mesh(*self.strip(ratio))
        findings = asset.findings(self.RULE)
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(np.sqrt(2) * ratio, rel=1e-3)


class TestSlivers:
    RULE = "topology.slivers"

    def fan(self, narrow: int, wide: int) -> tuple[np.ndarray, np.ndarray]:
        points, faces = [], []
        for i in range(narrow + wide):
            angle = np.radians(1.5 if i < narrow else 2.5)
            points += [[3 * i, 0, 0], [3 * i + 1, 0, 0], [3 * i + np.cos(angle), np.sin(angle), 0]]
            faces.append([3 * i, 3 * i + 1, 3 * i + 2])
        return np.array(points), np.array(faces)

    @pytest.mark.parametrize(("narrow", "told"), [(0, False), (5, False), (6, True)])
    def test_five_in_a_hundred(self, asset: Any, narrow: int, told: bool) -> None:
        asset.mesh(*self.fan(narrow, 100 - narrow))
        findings = asset.findings(self.RULE)
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(narrow / 100)
