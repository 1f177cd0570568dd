# SPDX-License-Identifier: Apache-2.0
"""Files as people have them: sound ones of several formats, faulty ones, broken ones, and the command."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner

from pipeline.checks import inspect
from pipeline.cli.inspect import command
from pipeline.cli.output import Session
from pipeline.errors import GatesError

HARD = [
    "geometry.holes", "geometry.non-manifold-edges", "geometry.inverted-normals", "geometry.duplicate-faces",
    "geometry.degenerate-faces", "geometry.non-manifold-vertices", "geometry.floaters", "geometry.hidden",
    "geometry.self-intersection", "geometry.invalid",
]  # fmt: skip


def boolean() -> trimesh.Trimesh:
    import manifold3d

    box, ball = manifold3d.Manifold.cube([1.4, 1.4, 1.4], True), manifold3d.Manifold.sphere(1, 48)
    made = ((box ^ ball) - manifold3d.Manifold.cylinder(4, 0.4, 0.4, 32, True)).to_mesh()
    return trimesh.Trimesh(made.vert_properties[:, :3], made.tri_verts, process=False)


SOUND = {
    "sphere": lambda: trimesh.creation.icosphere(3),
    "capsule": lambda: trimesh.creation.capsule(height=2, radius=0.5),
    "torus": lambda: trimesh.creation.torus(1, 0.3),
    "tube": lambda: trimesh.creation.annulus(0.5, 1, 0.4),
    "boolean": boolean,
    "kit": lambda: trimesh.util.concatenate(
        [trimesh.creation.box(extents=[2, 0.1, 1], transform=trimesh.transformations.translation_matrix([0, 1, 0]))]
        + [
            trimesh.creation.box(
                extents=[0.1, 0.9, 0.1], transform=trimesh.transformations.translation_matrix([x, 0.5, z])
            )
            for x in (-0.9, 0.9)
            for z in (-0.4, 0.4)
        ]
    ),
}


class TestSoundMeshes:
    @pytest.mark.parametrize("name", SOUND)
    @pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "glb"])
    def test_nobody_is_accused(self, name: str, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / f"{name}.{suffix}"
        SOUND[name]().export(path)
        assert [f.rule for f in inspect(path, rules=HARD).findings] == []

    @pytest.mark.parametrize("name", SOUND)
    def test_one_missing_triangle_is_seen(self, name: str, tmp_path: Path) -> None:
        made = SOUND[name]()
        path = tmp_path / f"{name}.ply"
        trimesh.Trimesh(made.vertices, made.faces[1:], process=False).export(path)
        assert "geometry.holes" in [f.rule for f in inspect(path, rules=HARD).findings]


BROKEN: dict[str, bytes] = {
    "empty.obj": b"",
    "nan.obj": b"v nan 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 3\n",
    "huge.obj": b"v 1e30 0 0\nv 0 1e30 0\nv 1 0 0\nf 1 2 3\n",
    "no-faces.obj": b"v 0 0 0\nv 0 1 0\n",
    "bad-index.obj": b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 99\n",
    "cut.glb": b"glTF\x02\x00\x00\x00\xff\xff\xff\x7f",
    "billion.stl": b"\0" * 80 + struct.pack("<I", 10**9) + b"\0" * 50,
    "billion.ply": b"ply\nformat binary_little_endian 1.0\nelement vertex 1000000000\nproperty float x\n"
    b"property float y\nproperty float z\nelement face 1000000000\nproperty list uchar int vertex_indices\nend_header\n"
    + b"\0"
    * 100,
    "cut.usda": b'#usda 1.0\ndef Mesh "A" {\n int[] faceVertexCounts = [3',
    "junk.usdc": b"PXR-USDC" + b"\xff" * 200,
    "no-prims.usda": b"#usda 1.0\n",
    "cycle.usda": b'#usda 1.0\n(\ndefaultPrim="A"\nsubLayers=[@cycle.usda@]\n)\n'
    b'def Xform "A" (references=@cycle.usda@) {}\n',
    "words.xyz": b"hello",
}


class TestBroken:
    @pytest.mark.parametrize("name", BROKEN)
    def test_a_clear_error_or_a_finding(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_bytes(BROKEN[name])
        try:
            report = inspect(path)
        except GatesError as error:
            assert error.path
            assert str(error)
        else:
            assert report.verdict in ("revise", "reject")
            assert not report.errors

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(GatesError, match="no such file"):
            inspect(tmp_path / "gone.glb")

    def test_points_that_are_no_numbers_beside_sound_ones(self, asset: Any, ball: trimesh.Trimesh) -> None:
        points = ball.vertices.copy()
        points[7] = np.nan
        asset.mesh(points, ball.faces)
        report = inspect(asset.stage)
        assert not report.errors
        assert {"geometry.invalid", "geometry.holes"} <= {f.rule for f in report.findings}

    def test_coordinates_beyond_measure_break_no_rule(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices * 1e30, ball.faces)
        report = inspect(asset.stage)
        assert not report.errors
        assert "geometry.invalid" in {f.rule for f in report.findings}

    def test_flat_single_and_zero_size(self, asset: Any) -> None:
        asset.mesh([[0, 0, 0]] * 3, [[0, 1, 2]], "nothing")
        asset.mesh([[1, 0, 0], [2, 0, 0], [1, 1, 0]], [[0, 1, 2]], "one", uv=[[0, 0], [1, 0], [0, 1]])
        asset.mesh([], [], "empty")
        report = inspect(asset.stage)
        assert not report.errors

    @pytest.mark.long
    def test_ten_thousand_materials(self, asset: Any, ball: trimesh.Trimesh) -> None:
        import time

        for i in range(10_000):
            asset.material(f"m{i}", {"roughness": 0.5})
        box = trimesh.creation.box()
        for i in range(300):
            asset.tri(box, f"b{i}", material=f"m{i}", move=[2 * i, 0, 0])
        started = time.process_time()
        report = inspect(asset.stage)
        assert time.process_time() - started < 20
        assert "material.count" in {f.rule for f in report.findings}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments), obj=Session(quiet=True), standalone_mode=False)


class TestCommand:
    def test_json_and_exit_code(self, tmp_path: Path) -> None:
        path = tmp_path / "open ball.ply"
        ball = trimesh.creation.icosphere(2)
        trimesh.Trimesh(ball.vertices, ball.faces[1:], process=False).export(path)
        result = run(str(path), "--json", "--job", "concept")
        said = json.loads(result.stdout)
        assert result.return_value == {"pass": 0, "revise": 3, "reject": 4}[said["verdict"]]
        assert {"path", "job", "verdict", "stats", "findings"} <= set(said)
        assert said["path"] == str(path)
        assert said["job"] == "concept"
        assert {"triangles", "vertices", "meshes", "materials", "textures", "bounds_m"} <= set(said["stats"])
        keys = {"rule", "severity", "prim", "message", "measured", "limit", "fixable", "advice"}
        assert all(keys <= set(f) for f in said["findings"])

    def test_rules_and_page(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipeline.checks.pictures.SIDE", 80)
        path = tmp_path / "ball.ply"
        trimesh.creation.icosphere(2).export(path)
        page = tmp_path / "ball.html"
        result = run(str(path), "--rule", "geometry.holes", "--rule", "scale", "--html", str(page))
        assert result.return_value == 3  # its largest side is 2 m, but it is half below the ground
        assert page.stat().st_size > 10_000
        assert "scale.ground" in result.stdout

    @pytest.mark.parametrize("suffix", ["usda", "glb"])
    def test_fix_leaves_the_original_and_mends_the_copy(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / "faulty.ply"
        ball = trimesh.creation.icosphere(3)
        faces = ball.faces.copy()
        faces[:40] = faces[:40, ::-1]
        faces = np.vstack([faces[:-1], [[0, 1, 1]], faces[100:103]])
        trimesh.Trimesh(ball.vertices, faces, process=False).export(path)
        before = path.read_bytes()
        rules = [x for rule in [*HARD, "scale"] for x in ("--rule", rule)]
        assert run(str(path), *rules).return_value == 3
        out = tmp_path / f"mended.{suffix}"
        result = run(str(path), *rules, "--fix", str(out))
        assert result.return_value == 0, result.output
        assert path.read_bytes() == before
        again = tmp_path / f"again.{suffix}"
        result = run(str(out), *rules, "--fix", str(again))
        assert result.return_value == 0
        assert "nothing to fix" in result.stderr

    def test_wrong_job_and_rule(self, tmp_path: Path) -> None:
        path = tmp_path / "ball.ply"
        trimesh.creation.icosphere(1).export(path)
        for wrong in (["--job", "nonsense"], ["--rule", "geometry.nonsense"]):
            result = run(str(path), *wrong)
            assert isinstance(result.exception, GatesError)
            assert result.exception.exit_code == 2
