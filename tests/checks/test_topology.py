# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

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
