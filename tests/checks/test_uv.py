# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh


def squares(boxes: list[tuple[float, float, float, float]], side: float = 1.0) -> tuple[np.ndarray, list, np.ndarray]:
    """Separate squares in space, each laid out as the box (u, v, width, height)."""
    points, faces, uv = [], [], []
    for i, (u, v, w, h) in enumerate(boxes):
        points += [[3 * i, 0, 0], [3 * i + side, 0, 0], [3 * i + side, side, 0], [3 * i, side, 0]]
        faces.append([4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3])
        uv += [[u, v], [u + w, v], [u + w, v + h], [u, v + h]]
    return np.array(points, float), faces, np.array(uv, float)


class TestMissing:
    RULE = "uv.missing"

    def test_with_uvs(self, asset: Any, sheet: Any) -> None:
        points, faces, uv = sheet(3, 3)
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE) == []

    def test_without(self, asset: Any, job: Any, sheet: Any) -> None:
        points, faces, _ = sheet(3, 3)
        asset.mesh(points, faces)
        (finding,) = asset.findings(self.RULE)
        assert (finding.severity, finding.fixer) == ("error", "unwrap")
        assert asset.findings(self.RULE, job()) == []  # nobody needs them

    def test_textures_need_them_whatever_the_job(self, asset: Any, job: Any, sheet: Any) -> None:
        points, faces, _ = sheet(3, 3)
        asset.material("paint", {"diffuseColor": (asset.flat_picture("a.png", 8, 8), "sRGB")})
        asset.mesh(points, faces, material="paint")
        assert "textures" in asset.findings(self.RULE, job())[0].message


class TestOverlap:
    RULE = "uv.overlap"

    def test_one_island_over_itself_is_not_meant(self, asset: Any) -> None:
        points = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]]
        uv = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0, 1]]  # folded back over the shared edge
        asset.mesh(points, [[0, 1, 2, 3], [1, 4, 5, 2]], uv=uv)
        assert asset.findings(self.RULE) == []

    def test_a_tiling_of_thousands_of_units_takes_no_time(self, asset: Any) -> None:
        import time

        points, faces, uv = squares([(0, 0, 3000, 3000)] * 50)
        asset.mesh(points, faces, uv=uv)
        started = time.process_time()
        asset.findings(self.RULE)
        assert time.process_time() - started < 5
        points, faces, uv = squares([(0, 0, 6, 6), (3, 0, 6, 6)])  # within bounds: still seen
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE)

    def test_udim_tiles_are_apart(self, asset: Any) -> None:
        points, faces, uv = squares([(0.1, 0.1, 0.4, 0.4), (1.1, 0.1, 0.4, 0.4)])
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE) == []

    def test_other_materials_are_apart(self, asset: Any) -> None:
        from pxr import UsdShade, Vt

        points, faces, uv = squares([(0.1, 0.1, 0.4, 0.4)] * 2)
        mesh = asset.mesh(points, faces, uv=uv, material="a")
        assert asset.findings(self.RULE)
        binding = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim())
        subset = binding.CreateMaterialBindSubset("second", Vt.IntArray([1]))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(asset.material("b"))
        assert asset.findings(self.RULE) == []

    def test_stacked_on_purpose_where_the_job_allows(self, asset: Any, job: Any) -> None:
        points, faces, uv = squares([(0.1, 0.1, 0.4, 0.4)] * 2)
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE, job(needs={"allow_mirrored_uvs": True})) == []
        points, faces, uv = squares([(0.1, 0.1, 0.4, 0.4), (0.3, 0.1, 0.4, 0.4)])
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE, job(needs={"allow_mirrored_uvs": True}))


class TestOverlapOfMeshes:
    """Two meshes of one material: what is painted for one lands on the other."""

    RULE = "uv.overlap"

    def _two(self, asset: Any, first: tuple, second: tuple, material: str = "paint") -> list:
        asset.material("paint", {"diffuseColor": (asset.flat_picture("a.png", 64, 64), "sRGB")})
        for name, box in (("lid", first), ("base", second)):
            points, faces, uv = squares([box])
            asset.mesh(points, faces, name, uv=uv, material=material)
        findings: list = asset.findings(self.RULE)
        return findings

    def test_side_by_side(self, asset: Any) -> None:
        assert self._two(asset, (0.0, 0, 0.5, 1), (0.5, 0, 0.5, 1)) == []

    @pytest.mark.parametrize(("left", "told"), [(0.499, False), (0.48, True), (0.25, True)])
    def test_over_each_other(self, asset: Any, left: float, told: bool) -> None:
        findings = self._two(asset, (0.0, 0, 0.5, 1), (left, 0, 0.5, 1))
        assert bool(findings) is told
        if told:  # both cover half of the picture and have (0.5 - left) in common
            assert findings[0].measured == pytest.approx((0.5 - left) / (left + 0.5), abs=0.01)
            assert findings[0].severity == "warning"
            assert not findings[0].fixable
            assert {w.prim for w in findings[0].where} == {"/Asset/geo/lid", "/Asset/geo/base"}
            assert findings[0].prim == "/Asset/mtl/paint"

    def test_stacked_wheels_and_tilings_are_meant(self, asset: Any) -> None:
        assert self._two(asset, (0.2, 0.2, 0.4, 0.4), (0.2, 0.2, 0.4, 0.4)) == []
        assert self._two(asset, (0.2, 0.2, 0.4, 0.4), (0, 0, 3, 3)) == []

    def test_without_pictures_there_is_nothing_to_share(self, asset: Any) -> None:
        assert self._two(asset, (0.0, 0, 0.5, 1), (0.25, 0, 0.5, 1), material="plain") == []


class TestFurtherSets:
    """A second set is judged too: strictly where a texture reads it, milder where nothing does yet."""

    def _with_second(self, asset: Any, boxes: list, values: Any = None) -> None:
        from pxr import Sdf, UsdGeom, Vt

        points, faces, uv = squares([(0.1, 0.1, 0.3, 0.3), (0.5, 0.1, 0.3, 0.3)])
        mesh = asset.mesh(points, faces, uv=uv)
        second = squares(boxes)[2] if values is None else values(uv)
        primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
            "light", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying
        )
        primvar.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(second, np.float32)))

    def test_a_sound_second_set(self, asset: Any) -> None:
        self._with_second(asset, [(0, 0, 0.4, 0.4), (0.5, 0.5, 0.4, 0.4)])
        for rule in ("uv.overlap", "uv.out-of-range", "uv.flipped", "uv.stretch", "uv.fragmented"):
            assert asset.findings(rule) == []

    def test_overlap_and_range_of_a_set_that_nothing_reads(self, asset: Any) -> None:
        self._with_second(asset, [(0, 0, 0.4, 0.4), (0.2, 0, 0.4, 0.4)])
        (finding,) = asset.findings("uv.overlap")
        assert finding.message.startswith("UV set 'light'")
        assert (finding.severity, finding.fixable) == ("warning", False)
        self._with_second(asset, [(0, 0, 2, 0.4), (0, 0.5, 0.4, 0.4)])
        (finding,) = asset.findings("uv.out-of-range")
        assert (finding.severity, finding.measured) == ("info", 2)

    def test_a_set_that_a_texture_reads_is_judged_in_full(self, asset: Any) -> None:
        from pxr import Usd, UsdShade

        self._with_second(asset, [(0, 0, 0.4, 0.4), (0.2, 0, 0.4, 0.4)])
        asset.material("paint", {"diffuseColor": (asset.flat_picture("a.png", 8, 8), "sRGB")})
        stage: Usd.Stage = asset.stage
        reader = UsdShade.Shader(stage.GetPrimAtPath("/Asset/mtl/paint/st_reader"))
        reader.GetInput("varname").Set("light")
        mesh = stage.GetPrimAtPath("/Asset/geo/body")
        UsdShade.MaterialBindingAPI.Apply(mesh).Bind(UsdShade.Material.Get(stage, "/Asset/mtl/paint"))
        assert [f.severity for f in asset.findings("uv.overlap")] == ["error"]

    def test_a_copy_of_the_first_is_not_judged_twice(self, asset: Any) -> None:
        from pipeline.checks.reading import from_stage
        from pipeline.checks.surfaces import surfaces_of

        self._with_second(asset, [], values=lambda first: first)
        assert len(surfaces_of(from_stage(asset.stage).parts, ())) == 1
        self._with_second(asset, [], values=lambda first: first * 0.5)
        assert len(surfaces_of(from_stage(asset.stage).parts, ())) == 2


class TestOutOfRange:
    RULE = "uv.out-of-range"

    def test_no_numbers(self, asset: Any) -> None:
        points, faces, uv = squares([(0, 0, 1, 1)])
        uv[0, 0] = np.nan
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE)

    def test_a_tiling_texture_explains_it(self, asset: Any) -> None:
        points, faces, uv = squares([(0, 0, 4, 4)])
        picture = asset.flat_picture("a.png", 8, 8)
        asset.material("tiles", {"diffuseColor": (picture, "sRGB", "rgb", "repeat")})
        asset.mesh(points, faces, uv=uv, material="tiles")
        assert asset.findings(self.RULE) == []


class TestFlipped:
    RULE = "uv.flipped"

    def test_allowed(self, asset: Any, job: Any) -> None:
        points, faces, uv = squares([(0.9, 0, -0.8, 0.5)])
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE, job(needs={"allow_mirrored_uvs": True})) == []


class TestStretch:
    RULE = "uv.stretch"

    def test_triangles_without_any_layout_are_left_out(self, asset: Any) -> None:
        points, faces, uv = squares([(0, 0, 0.5, 0.5), (0.7, 0.7, 0, 0)])
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE) == []

    def test_shear(self, asset: Any) -> None:
        # (x, y) -> (x + 2 y, y): singular values sqrt(2) + 1 and sqrt(2) - 1, their ratio 5.83
        points, faces, _ = squares([(0, 0, 1, 1)])
        asset.mesh(points, faces, uv=points[:, :2] @ np.array([[1.0, 0], [2, 1]]) / 3)
        assert asset.findings(self.RULE)[0].measured == pytest.approx((np.sqrt(2) + 1) ** 2, rel=1e-4)

    def test_a_few_bad_triangles_are_borne(self, asset: Any) -> None:
        boxes = [(i / 25, 0, 0.04, 0.04) for i in range(24)] + [(0.96, 0, 0.04, 0.001)]
        points, faces, uv = squares(boxes)
        asset.mesh(points, faces, uv=uv)
        assert asset.findings(self.RULE) == []  # 4 % of the area


class TestTexelDensity:
    RULE = "uv.texel-density"

    @pytest.mark.parametrize("odd", [0.2, 5.0])
    def test_what_differs_from_the_rest_is_marked(self, asset: Any, job: Any, odd: float) -> None:
        side = 0.02
        boxes = [
            (i * 0.15, 0, side * (odd if i in (2, 4) else 1), side * (odd if i in (2, 4) else 1)) for i in range(6)
        ]
        points, faces, uv = squares(boxes)
        asset.mesh(points, faces, uv=uv)
        (finding,) = asset.findings(self.RULE, job())
        assert finding.where[0].first_faces == [4, 5, 8, 9]  # two triangles of each square

    @pytest.mark.parametrize(("wanted", "told"), [(100, False), (104, True)])
    def test_the_minimum(self, asset: Any, job: Any, wanted: float, told: bool) -> None:
        # 0.1 of a texture of 1024 pixels on a metre: 102.4 texels a metre
        points, faces, uv = squares([(0, 0, 0.1, 0.1)])
        asset.material("paint", {"diffuseColor": (asset.flat_picture("a.png", 1024, 1024), "sRGB")})
        asset.mesh(points, faces, uv=uv, material="paint")
        findings = asset.findings(self.RULE, job(budgets={"min_texel_density": wanted}))
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(102.4, rel=1e-3)
            assert not findings[0].fixable


class TestFragmented:
    RULE = "uv.fragmented"

    def islands(self, count: int, asset: Any) -> None:
        side = int(np.ceil(np.sqrt(count)))
        boxes = [((i % side) / side, (i // side) / side, 0.5 / side, 0.5 / side) for i in range(count)]
        points, faces, uv = squares(boxes)
        asset.mesh(points, faces, uv=uv)

    def test_one_layout_over_split_points_is_one_island(self, asset: Any, sheet: Any) -> None:
        points, faces, uv = sheet(40, 40)
        flat = faces.reshape(-1)
        asset.mesh(points[flat], np.arange(len(flat)).reshape(-1, 3), uv=uv[flat])
        assert asset.findings(self.RULE) == []

    def test_spot_like_meshes_pass_all_uv_rules(self, asset: Any) -> None:
        """A sphere laid out by longitude and latitude bands stays below every limit but stretch."""
        ball = trimesh.creation.uv_sphere(count=[32, 64])
        lon = np.arctan2(ball.vertices[:, 1], ball.vertices[:, 0])
        corner = lon[ball.faces]
        corner = np.where(corner - corner.max(axis=1, keepdims=True) < -np.pi, corner + 2 * np.pi, corner)
        u = corner / (2 * np.pi) * 0.45 + 0.5
        v = np.arccos(ball.vertices[ball.faces][:, :, 2].clip(-1, 1)) / np.pi
        asset.mesh(ball.vertices, ball.faces, uv=np.stack([u, 1 - v], -1).reshape(-1, 2))
        for rule in ("uv.missing", "uv.overlap", "uv.out-of-range", "uv.flipped", "uv.fragmented"):
            assert asset.findings(rule) == [], rule
