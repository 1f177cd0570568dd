# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import Gf, UsdGeom


class TestMaterialCount:
    RULE = "material.count"

    def test_unused_ones_do_not_count(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, material="used")
        for i in range(9):
            asset.material(f"spare{i}", {"roughness": 0.5})
        assert asset.findings(self.RULE) == []


class TestMaterialSingle:
    RULE = "material.single"

    def test_the_intent_names_several(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, material="all")
        (finding,) = asset.findings(self.RULE, job(materials=["wood", "iron"]))
        assert "wood and iron" in finding.message
        assert asset.findings(self.RULE, job(materials=["wood"])) == []
        asset.tri(ball, "second", material="iron")
        assert asset.findings(self.RULE, job(materials=["wood", "iron"])) == []

    @pytest.mark.parametrize(("other", "told"), [((200, 60, 40), True), ((110, 100, 95), False)])
    def test_bodies_of_other_colours(self, asset: Any, job: Any, other: Any, told: bool) -> None:
        pixels = np.full((32, 32, 3), 100)
        pixels[:, 16:] = other
        asset.material("all", {"diffuseColor": (asset.picture("a.png", pixels), "sRGB")})
        points, faces, uv = [], [], []
        for i in range(2):
            points += [[3 * i, 0, 0], [3 * i + 1, 0, 0], [3 * i + 1, 1, 0], [3 * i, 1, 0]]
            faces.append([4 * i + k for k in range(4)])
            low = 0.5 * i
            uv += [[low + 0.1, 0.1], [low + 0.4, 0.1], [low + 0.4, 0.9], [low + 0.1, 0.9]]
        asset.mesh(points, faces, uv=uv, material="all")
        assert bool(asset.findings(self.RULE, job())) is told


class TestImplausible:
    RULE = "scale.implausible"

    def box(self, asset: Any, size: Any, at: Any = (0, 0, 0)) -> None:
        asset.tri(trimesh.creation.box(extents=size).apply_translation(at))

    @pytest.mark.parametrize(("width", "told"), [(1.2, False), (1.235, False), (1.24, True), (1.15, True)])
    def test_against_the_intent(self, asset: Any, job: Any, width: float, told: bool) -> None:
        self.box(asset, [width, 0.8, 0.45])
        findings = asset.findings(self.RULE, job(size_m=(1.2, 0.8, 0.45)))
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(abs(width / 1.2 - 1), rel=1e-3)
            assert findings[0].fixer == "scale-to-size"

    def test_turned(self, asset: Any, job: Any) -> None:
        self.box(asset, [0.45, 0.8, 1.2])
        assert "turned by 90 degrees" in asset.findings(self.RULE, job(size_m=(1.2, 0.8, 0.45)))[0].message

    @pytest.mark.parametrize(("side", "severity"), [(1.0, "error"), (1.01, None), (0.99, None)])
    def test_the_unit_cube_of_generators(self, asset: Any, side: float, severity: str | None) -> None:
        self.box(asset, [side, 0.4, 0.3])
        findings = asset.findings(self.RULE)
        assert [f.severity for f in findings] == ([severity] if severity else [])

    def test_a_metre_on_the_ground_may_be_meant(self, asset: Any, job: Any) -> None:
        self.box(asset, [1, 0.4, 0.3], [0, 0.2, 0])
        assert [f.severity for f in asset.findings(self.RULE)] == ["warning"]
        assert asset.findings(self.RULE, job(size_m=(1, 0.4, 0.3))) == []

    @pytest.mark.parametrize(("side", "told"), [(0.0009, True), (0.0011, False), (999, False), (1001, True)])
    def test_sizes_that_things_have(self, asset: Any, side: float, told: bool) -> None:
        self.box(asset, [side, side / 2, side / 2])
        assert bool(asset.findings(self.RULE)) is told

    def test_centimetres_are_converted(self, asset: Any, job: Any) -> None:
        UsdGeom.SetStageMetersPerUnit(asset.stage, 0.01)
        self.box(asset, [120, 80, 45])
        assert asset.findings(self.RULE, job(size_m=(1.2, 0.8, 0.45))) == []


class TestGroundAndPivot:
    def box(self, asset: Any, at: Any) -> None:
        asset.tri(trimesh.creation.box(extents=[1, 1, 1]).apply_translation(at))

    @pytest.mark.parametrize(("lift", "told"), [(0.0, False), (0.016, False), (0.018, True), (-0.5, True)])
    def test_ground(self, asset: Any, lift: float, told: bool) -> None:
        # one per cent of the diagonal of a unit box is 0.0173 m
        self.box(asset, [0, 0.5 + lift, 0])
        findings = asset.findings("scale.ground")
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(abs(lift) / np.sqrt(3), rel=1e-3)
            assert ("above" in findings[0].message) is (lift > 0)

    def test_an_asset_that_was_placed_somewhere_keeps_its_own_origin(self, asset: Any) -> None:
        self.box(asset, [0, 0.5, 0])
        UsdGeom.XformCommonAPI(asset.stage.GetDefaultPrim()).SetTranslate(Gf.Vec3d(5, 2, -3))
        assert asset.findings("scale.ground") == []
        assert asset.findings("scale.pivot") == []

    def test_jobs_that_do_not_care(self, asset: Any) -> None:
        self.box(asset, [4, 4, 4])
        assert asset.findings("scale.ground", "vfx-shot-element") == []
        assert asset.findings("scale.pivot", "vfx-shot-element") == []
