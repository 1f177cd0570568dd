# SPDX-License-Identifier: Apache-2.0
"""Every rule of the family with a sound mesh, a faulty one and one at the border."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import UsdGeom

QUADS = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)


def together(*shapes: trimesh.Trimesh) -> trimesh.Trimesh:
    points, faces = [], []
    for s in shapes:
        faces.append(np.asarray(s.faces) + sum(len(p) for p in points))
        points.append(np.asarray(s.vertices))
    return trimesh.Trimesh(np.vstack(points), np.vstack(faces), process=False)


def moved(shape: trimesh.Trimesh, by: Any) -> trimesh.Trimesh:
    return shape.copy().apply_translation(by)


class TestHoles:
    RULE = "geometry.holes"

    def test_a_closed_body_has_none(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_two_separate_openings_are_two(self, asset: Any, ball: trimesh.Trimesh) -> None:
        top = int(ball.triangles_center[:, 1].argmax())
        low = int(ball.triangles_center[:, 1].argmin())
        asset.mesh(ball.vertices, np.delete(ball.faces, [top, low], 0))
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 2
        assert finding.severity == "error"
        assert finding.fixer == "fill-holes"
        assert "6 edges" in finding.message

    def test_openings_that_meet_in_an_edge_are_one(self, asset: Any) -> None:
        asset.mesh(CORNERS, [q for i, q in enumerate(QUADS) if i not in (0, 2)])
        assert asset.findings(self.RULE)[0].measured == 1

    def test_what_the_fixer_leaves_is_told_apart(self, asset: Any, ball: trimesh.Trimesh) -> None:
        faces = ball.faces[ball.triangles_center[:, 2] > 0.0]  # half a ball, its rim longer than the fixer closes
        front = int(ball.vertices[faces][:, :, 2].mean(axis=1).argmax())
        asset.mesh(ball.vertices, np.delete(faces, front, 0))
        small, large = asset.findings(self.RULE)
        assert (small.fixable, large.fixable) == (True, False)
        assert "3 edges" in small.message
        assert large.message.startswith("1 long open border")

    def test_lengths_are_metres_in_stages_of_centimetres(self, asset: Any, ball: trimesh.Trimesh) -> None:
        UsdGeom.SetStageMetersPerUnit(asset.stage, 0.01)
        faces = ball.faces[ball.triangles_center[:, 2] > 0.0]
        asset.mesh(ball.vertices * 100, faces)
        (finding,) = asset.findings(self.RULE)
        said = re.search(r"is ([\d.]+) m around", finding.message)
        assert said is not None
        half = trimesh.Trimesh(ball.vertices, faces, process=False)
        once = trimesh.grouping.group_rows(half.edges_sorted, require_count=1)
        rim = np.linalg.norm(np.diff(half.vertices[half.edges[once]], axis=1), axis=2).sum()
        assert float(said[1]) == pytest.approx(rim, rel=0.01)

    def test_seams_that_split_points_are_no_holes(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.triangles.reshape(-1, 3), np.arange(3 * len(ball.faces)).reshape(-1, 3))
        assert asset.findings(self.RULE) == []

    def test_a_body_cut_into_one_mesh_for_each_material_is_closed(self, asset: Any) -> None:
        asset.mesh(CORNERS, QUADS[:3], "front")
        asset.mesh(CORNERS, QUADS[3:], "back")
        assert asset.findings(self.RULE) == []
        asset.mesh(CORNERS, QUADS[3:5], "back")
        assert [f.measured for f in asset.findings(self.RULE)] == [1, 1]  # each mesh has a part of its rim

    def test_a_job_may_allow_a_loop(self, asset: Any, job: Any) -> None:
        from pipeline.settings.jobs import RuleSetting

        asset.mesh(CORNERS, QUADS[:5])
        assert asset.findings(self.RULE, job(rules={self.RULE: RuleSetting(limit=1)})) == []
        assert asset.findings(self.RULE, job(rules={self.RULE: RuleSetting(limit=-1)})) == []
        assert asset.findings(self.RULE, job(rules={self.RULE: RuleSetting(limit=0)}))


class TestNonManifoldEdges:
    RULE = "geometry.non-manifold-edges"

    def test_a_box_has_none(self, asset: Any) -> None:
        asset.mesh(CORNERS, QUADS)
        assert asset.findings(self.RULE) == []

    def test_a_fin_is_one(self, asset: Any) -> None:
        asset.mesh(np.vstack([CORNERS, [[0.5, 2, 0.5]]]), [*QUADS, [2, 6, 8]])
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 1
        assert finding.severity == "error"


class TestNonManifoldVertices:
    RULE = "geometry.non-manifold-vertices"

    def test_a_cone_with_many_faces_at_its_tip_is_sound(self, asset: Any) -> None:
        asset.tri(trimesh.creation.cone(1, 2, sections=400))
        assert asset.findings(self.RULE) == []

    def test_a_corner_of_an_open_sheet_is_sound_and_two_sheets_at_one_corner_are_not(
        self, asset: Any, sheet: Any
    ) -> None:
        points, faces, _ = sheet(2, 2)
        asset.mesh(points, faces)
        assert asset.findings(self.RULE) == []
        asset.mesh(np.vstack([points, points + np.array([1, 1, 0])]), np.vstack([faces, faces + len(points)]))
        assert asset.findings(self.RULE)[0].measured == 1


class TestInvertedNormals:
    RULE = "geometry.inverted-normals"

    def test_outward_is_right(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_the_smaller_part_is_the_wrong_one(self, asset: Any, ball: trimesh.Trimesh) -> None:
        faces = ball.faces.copy()
        low = ball.triangles_center[:, 1] < 0.2
        faces[low] = faces[low][:, ::-1]
        asset.mesh(ball.vertices, faces)
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == low.sum()
        assert finding.where[0].faces == low.sum()

    def test_inside_out(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices, ball.faces[:, ::-1])
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == len(ball.faces)
        assert "1 closed shell inside out" in finding.message

    def test_the_wall_of_a_cavity_looks_inward_rightly(self, asset: Any, ball: trimesh.Trimesh) -> None:
        inner = moved(ball, [0, -0.5, 0]).apply_scale(0.4)
        inner.apply_translation([0, 0.5, 0])
        inner.invert()
        asset.tri(together(ball, inner))
        assert asset.findings(self.RULE) == []
        beside = moved(inner, [2, 0, 0])
        asset.tri(together(ball, beside))
        assert asset.findings(self.RULE)[0].measured == len(inner.faces)

    def test_a_mirrored_transform_turns_nothing(self, asset: Any, ball: trimesh.Trimesh) -> None:
        from pxr import Gf, UsdGeom

        mesh = asset.tri(ball)
        UsdGeom.XformCommonAPI(mesh).SetScale(Gf.Vec3f(-1, 1, 1))
        assert asset.findings(self.RULE) == []

    def test_a_moebius_strip_has_a_conflict_that_cannot_go(self, asset: Any) -> None:
        n = 24
        t = np.arange(n) * 2 * np.pi / n
        ring = lambda s: np.stack(  # noqa: E731
            [(1 + s * np.cos(t / 2)) * np.cos(t), (1 + s * np.cos(t / 2)) * np.sin(t), s * np.sin(t / 2)], 1
        )
        points = np.vstack([ring(-0.2), ring(0.2)])
        faces = []
        for i in range(n):
            j = (i + 1) % n
            a, b, c, d = (i, j, n + j, n + i) if i + 1 < n else (i, n + j, j, n + i)
            faces += [[a, b, c], [a, c, d]]
        asset.mesh(points, faces)
        (finding,) = asset.findings(self.RULE)
        assert "1 edge in conflict" in finding.message


class TestDegenerateFaces:
    RULE = "geometry.degenerate-faces"

    def test_thin_but_real_triangles_have_area(self, asset: Any) -> None:
        asset.mesh([[0, 0, 0], [1, 0, 0], [0.5, 1e-5, 0]], [[0, 1, 2]])
        assert asset.findings(self.RULE) == []

    @pytest.mark.parametrize("height", [0.0, 1e-9])
    def test_three_points_in_a_line(self, asset: Any, height: float) -> None:
        asset.mesh([[0, 0, 0], [1, 0, 0], [0.5, height, 0], [0, 1, 0]], [[0, 1, 2], [0, 1, 3]])
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 1
        assert finding.where[0].first_faces == [0]

    def test_a_vertex_twice(self, asset: Any, ball: trimesh.Trimesh) -> None:
        faces = np.vstack([ball.faces, [[0, 1, 1], [2, 2, 2]]])
        asset.mesh(ball.vertices, faces)
        assert asset.findings(self.RULE)[0].measured == 2

    def test_a_polygon_with_points_on_a_straight_side_is_sound(self, asset: Any) -> None:
        points = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [3, 1, 0], [0, 1, 0]]
        asset.mesh(points, [[0, 1, 2, 3, 4, 5]])
        assert asset.findings(self.RULE) == []

    def test_a_quad_that_names_a_point_twice_is_not(self, asset: Any) -> None:
        asset.mesh([[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 1, 2, 2]])
        assert asset.findings(self.RULE)[0].measured == 1

    def test_small_triangles_of_a_large_scene_are_sound(self, asset: Any) -> None:
        far = np.array([[1000.0, 0, 0], [0, 1000, 0], [0, 0, 1000]])
        near = np.array([[0, 0, 0], [0.001, 0, 0], [0, 0.001, 0]])
        asset.mesh(np.vstack([far, near]), [[0, 1, 2], [3, 4, 5]])
        assert asset.findings(self.RULE) == []


class TestDuplicateFaces:
    RULE = "geometry.duplicate-faces"

    def test_none(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_doubles_in_any_order_and_over_other_points(self, asset: Any, ball: trimesh.Trimesh) -> None:
        n = len(ball.vertices)
        again = ball.faces[[3, 5, 7]][:, [1, 2, 0]]
        back = ball.faces[[9]][:, ::-1]
        other = ball.faces[[11]] + n
        points = np.vstack([ball.vertices, ball.vertices])
        asset.mesh(points, np.vstack([ball.faces, again, back, other]))
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 5
        assert finding.where[0].first_faces == list(range(1280, 1285))

    def test_triangles_that_share_two_points_are_none(self, asset: Any) -> None:
        asset.mesh(CORNERS, [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
        assert asset.findings(self.RULE) == []


class TestSelfIntersection:
    RULE = "geometry.self-intersection"

    def test_a_torus_has_none(self, asset: Any) -> None:
        asset.tri(trimesh.creation.torus(1, 0.3))
        assert asset.findings(self.RULE) == []

    def test_crossing_boxes(self, asset: Any) -> None:
        box = trimesh.creation.box()
        asset.tri(together(box, moved(box, [0.5, 0.4, 0.3])))
        (finding,) = asset.findings(self.RULE)
        assert finding.severity == "warning"
        assert finding.measured is not None
        assert finding.measured > 0.2

    def test_boxes_that_stand_on_each_other_touch_only(self, asset: Any) -> None:
        box = trimesh.creation.box()
        small = trimesh.creation.box(extents=[0.4, 0.4, 0.4])
        asset.tri(together(box, moved(small, [0.1, 0.7, 0.05])))
        assert asset.findings(self.RULE) == []
        asset.tri(together(box, moved(small, [0.1, 0.699, 0.05])))
        assert asset.findings(self.RULE)

    def test_parts_in_two_meshes_cross_as_well(self, asset: Any) -> None:
        asset.tri(trimesh.creation.box(), "a")
        asset.tri(trimesh.creation.box(), "b", move=[0.5, 0.4, 0.3])
        assert asset.findings(self.RULE)


class TestFloaters:
    RULE = "geometry.floaters"

    def crumb(self, at: Any, radius: float = 0.02) -> trimesh.Trimesh:
        return moved(trimesh.creation.icosphere(1, radius), at)

    def test_one_body(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_crumbs_in_the_air(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(together(ball, self.crumb([0.9, 1, 0]), self.crumb([-0.9, 0, 0.2])))
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 2
        assert finding.where[0].faces == 160

    def test_a_crumb_on_the_surface_belongs_to_it(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(together(ball, self.crumb([0.52, 0.5, 0])))
        assert asset.findings(self.RULE) == []

    def test_a_crumb_that_hangs_on_another_that_touches(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(together(ball, self.crumb([0.515, 0.5, 0]), self.crumb([0.55, 0.5, 0])))
        assert asset.findings(self.RULE) == []

    def test_a_heap_of_leaves_is_no_heap_of_crumbs(self, asset: Any) -> None:
        leaves = [self.crumb([i % 15, i // 15, 0], 0.1) for i in range(150)]
        asset.tri(together(*leaves))
        assert asset.findings(self.RULE) == []


class TestHidden:
    RULE = "geometry.hidden"

    def test_a_bowl_is_seen_from_above(self, asset: Any) -> None:
        asset.tri(trimesh.creation.annulus(0.4, 0.5, 1))
        assert asset.findings(self.RULE) == []

    def test_a_full_inner_shell(self, asset: Any, ball: trimesh.Trimesh) -> None:
        inner = ball.copy()
        inner.vertices -= inner.vertex_normals * 0.02
        asset.tri(together(ball, inner))
        (finding,) = asset.findings(self.RULE)
        # the inner sphere has 0.48^2 of the two spheres' 0.5^2 + 0.48^2
        assert finding.measured == pytest.approx(0.48**2 / (0.5**2 + 0.48**2), abs=0.01)
        assert finding.where[0].faces == len(inner.faces)


class TestThin:
    RULE = "geometry.thin"

    def plate(self, thickness: float) -> trimesh.Trimesh:
        return trimesh.creation.box(extents=[1, thickness, 1])

    @pytest.mark.parametrize(("millimetres", "told"), [(0.9, False), (0.7, True)])
    def test_print_counts_millimetres(self, asset: Any, job: Any, millimetres: float, told: bool) -> None:
        asset.tri(trimesh.creation.box(extents=[0.05, millimetres / 1000, 0.05]))
        findings = asset.findings(self.RULE, job(usage="print"))
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(millimetres / 1000, rel=0.02)

    def test_a_box_has_sharp_edges_but_no_thin_wall(self, asset: Any) -> None:
        asset.mesh(CORNERS, QUADS)
        assert asset.findings(self.RULE) == []


class TestFused:
    RULE = "geometry.fused"

    def test_one_shell_when_parts_are_named(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        (finding,) = asset.findings(self.RULE, job(parts=["lid", "body"]))
        assert "lid and body" in finding.message
        assert finding.regenerate
        assert asset.findings(self.RULE, job(materials=["wood", "iron"]))
        assert asset.findings(self.RULE, job(needs={"separable": True}))

    def test_nobody_asked(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE, job()) == []
        assert asset.findings(self.RULE, job(parts=["vase"], materials=["clay"])) == []

    def test_two_shells_or_two_materials_are_apart(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "a")
        asset.tri(ball, "b", move=[2, 0, 0])
        assert asset.findings(self.RULE, job(parts=["a", "b"])) == []

    def test_a_crumb_beside_the_melt_does_not_excuse_it(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "a")
        small = trimesh.creation.icosphere(2, 0.1)  # 4 % of the area of the ball: 96 % is one shell
        asset.tri(small, "b", move=[2, 0, 0])
        assert asset.findings(self.RULE, job(parts=["a", "b"]))[0].measured == pytest.approx(1 / 1.04, abs=0.01)


class TestHollowBack:
    RULE = "geometry.hollow-back"

    def half(self, ball: trimesh.Trimesh, keep: float) -> Any:
        return ball.faces[ball.triangles_center[:, 2] > keep]

    def test_closed(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_a_half_shell_is_hollow_from_behind(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices, self.half(ball, 0.0))
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == pytest.approx(1.0, abs=0.02)
        assert "the back" in finding.message
        assert finding.minutes == 45

    def test_a_small_opening_is_less_work(self, asset: Any, ball: trimesh.Trimesh) -> None:
        fine = trimesh.creation.icosphere(4)
        asset.mesh(fine.vertices, self.half(fine, -0.96))  # an opening of 8 % of the disc
        (finding,) = asset.findings(self.RULE)
        assert 0.05 < finding.measured < 0.25 / 3
        assert finding.minutes == 15


class TestInvalid:
    RULE = "geometry.invalid"

    def test_sound(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE) == []

    def test_no_faces(self, asset: Any) -> None:
        assert "no face" in asset.findings(self.RULE)[0].message
        asset.mesh([[0, 0, 0]], [])
        assert "no face" in asset.findings(self.RULE)[0].message

    def test_no_numbers(self, asset: Any, ball: trimesh.Trimesh) -> None:
        points = ball.vertices.copy()
        points[3] = np.nan
        points[4, 1] = np.inf
        asset.mesh(points, ball.faces)
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 2

    def test_beyond_all_measure(self, asset: Any, ball: trimesh.Trimesh) -> None:
        points = ball.vertices.copy()
        points[0, 0] = 0.9e9
        asset.mesh(points, ball.faces)
        assert asset.findings(self.RULE) == []
        points[0, 0] = 1.1e9
        asset.mesh(points, ball.faces)
        assert asset.findings(self.RULE)[0].measured == 1

    def test_indices_that_name_nothing(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices, np.vstack([ball.faces, [[0, 1, 10_000], [-1, 2, 3]]]))
        assert asset.findings(self.RULE)[0].measured == 2

    def test_counts_that_do_not_add_up(self, asset: Any, ball: trimesh.Trimesh) -> None:
        from pxr import Vt

        mesh = asset.tri(ball)
        mesh.GetFaceVertexCountsAttr().Set(Vt.IntArray([3] * 5))
        assert any(f.measured == 5 for f in asset.findings(self.RULE))
