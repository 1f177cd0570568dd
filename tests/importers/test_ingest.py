# SPDX-License-Identifier: Apache-2.0
"""What callers rely on: complete or nothing, kind errors, options, the cache, and what USD's validators say."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from pxr import Sdf, Usd, UsdGeom, UsdValidation

from pipeline import sandbox
from pipeline.errors import ImportRefused, SandboxLimit, UsageError
from pipeline.importers import extensions, import_cached, import_file, is_importable, open_mesh
from pipeline.importers.package.naming import Names, identifier

CUBE = trimesh.creation.box((1, 2, 3))


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    path = tmp_path / "cube.ply"
    path.write_bytes(CUBE.export(file_type="ply"))
    return path


def test_the_report_names_the_bytes(cube: Path, tmp_path: Path) -> None:
    report = import_file(cube, tmp_path / "out")
    assert report.digest == hashlib.sha256(cube.read_bytes()).hexdigest()
    assert report.file_digests == {
        p.relative_to(tmp_path / "out").as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (tmp_path / "out").rglob("*") if p.is_file()
    }  # fmt: skip
    assert report.layer_digest == report.file_digests["payload.usdc"]
    assert report.seconds > 0
    assert report.peak_mb > 10


def test_the_same_file_gives_the_same_bytes(cube: Path, tmp_path: Path) -> None:
    digests = [import_file(cube, tmp_path / f"out{i}").layer_digest for i in range(3)]
    assert len(set(digests)) == 1


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.obj").write_text("f 1 2 3")
    with pytest.raises(ImportRefused):
        import_file(tmp_path / "bad.obj", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.obj"]


def test_a_limit_leaves_nothing(cube: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxLimit):
        import_file(cube, tmp_path / "out", limits=sandbox.Limits(wall=0.0001))
    assert [p.name for p in tmp_path.iterdir()] == ["cube.ply"]


def test_a_good_package_is_not_overwritten(cube: Path, tmp_path: Path) -> None:
    import_file(cube, tmp_path / "out")
    before = (tmp_path / "out/payload.usdc").read_bytes()
    with pytest.raises(UsageError, match="not empty"):
        import_file(cube, tmp_path / "out")
    assert (tmp_path / "out/payload.usdc").read_bytes() == before
    (tmp_path / "empty").mkdir()
    assert import_file(cube, tmp_path / "empty").triangles == 12


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", b"hello", "no format that can be read"),
        ("a", b"hello", "no extension"),
        ("a.glb", b"", "empty"),
        ("a.zip", b"PK\x03\x04....", "zip archive"),
        ("a.glb", b"glTF\x02\x00\x00\x00\xff\xff\xff\x7f", "cut short"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=message) as caught:
        import_file(tmp_path / name, tmp_path / "out")
    assert caught.value.path == str(tmp_path / name)


def test_missing_folders_pipes_and_wrong_options(cube: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.glb")
    for path in (tmp_path / "none.glb", tmp_path, tmp_path / "pipe.glb"):
        with pytest.raises(ImportRefused):
            import_file(path, tmp_path / "out")
    with pytest.raises(UsageError, match="parsec"):
        import_file(cube, tmp_path / "out", units="parsec")
    with pytest.raises(UsageError, match="'W'"):
        import_file(cube, tmp_path / "out", up="W")


@pytest.mark.parametrize(("unit", "metres"), [("m", 1), ("cm", 0.01), ("mm", 0.001), ("in", 0.0254), ("ft", 0.3048)])
@pytest.mark.parametrize("up", ["X", "Y", "Z", "z"])
def test_units_and_axes(cube: Path, tmp_path: Path, unit: str, metres: float, up: str) -> None:
    report = import_file(cube, tmp_path / f"{unit}{up}", units=unit, up=up)
    low, high = np.array(report.bounds_m)
    # the file's up axis becomes Y: X-up turns x to y and y to -x, Z-up turns z to y and y to -z
    expected = {"X": (2, 1, 3), "Y": (1, 2, 3), "Z": (1, 3, 2)}[up.upper()]
    assert high - low == pytest.approx(np.array(expected) * metres, rel=1e-5)


def test_a_mirrored_file_keeps_its_outside(tmp_path: Path, bring_in: Any) -> None:
    """Turning to Y-up never mirrors: the signed volume stays what it was."""
    for up in "XYZ":
        _, stage = bring_in(CUBE.export(file_type="ply"), f"cube{up}.ply", up=up)
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Asset/geo/cube{up}"))
        f = np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        assert trimesh.Trimesh(np.asarray(mesh.GetPointsAttr().Get()), f, process=False).volume == pytest.approx(6)


def test_a_file_through_a_link_is_read(cube: Path, tmp_path: Path) -> None:
    (tmp_path / "link.ply").symlink_to(cube)
    assert import_file(tmp_path / "link.ply", tmp_path / "out").triangles == 12


def test_names_with_blanks_and_letters_of_the_world(tmp_path: Path) -> None:
    path = tmp_path / "Stände № 7 市場.ply"
    path.write_bytes(CUBE.export(file_type="ply"))
    report = import_file(path, tmp_path / "aus gabe")
    stage = Usd.Stage.Open(str(tmp_path / "aus gabe/payload.usdc"))
    assert stage.GetDefaultPrim().GetDisplayName() == "Stände № 7 市場"
    prim = stage.GetPrimAtPath("/Asset/geo").GetChildren()[0]
    assert prim.GetDisplayName() == "Stände № 7 市場"
    assert report.renamed == {str(prim.GetPath()): "Stände № 7 市場"}


def test_the_cache_reads_once_and_again_when_the_file_changes(cube: Path, tmp_path: Path) -> None:
    first = import_cached(cube, tmp_path / "cache")
    stamp = (Path(first.folder) / "payload.usdc").stat().st_mtime_ns
    again = import_cached(cube, tmp_path / "cache")
    assert (Path(again.folder) / "payload.usdc").stat().st_mtime_ns == stamp
    assert again == first
    assert import_cached(cube, tmp_path / "cache", units="cm").folder != first.folder
    cube.write_bytes(trimesh.creation.icosphere().export(file_type="ply"))
    assert import_cached(cube, tmp_path / "cache").triangles == 1280


def test_a_damaged_cache_is_made_again(cube: Path, tmp_path: Path) -> None:
    first = import_cached(cube, tmp_path / "cache")
    (Path(first.folder) / "payload.usdc").write_bytes(b"damaged")
    stage = open_mesh(cube, tmp_path / "cache")
    assert len(UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/cube")).GetPointsAttr().Get()) == len(CUBE.vertices)


def test_a_material_library_that_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.obj").write_text("mtllib a.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "in/a.mtl").write_text("newmtl m\nKd 1 0 0\n")
    first = import_cached(tmp_path / "in/a.obj", tmp_path / "cache")
    (tmp_path / "in/a.mtl").write_text("newmtl m\nKd 0 1 0 \n")
    assert import_cached(tmp_path / "in/a.obj", tmp_path / "cache").layer_digest != first.layer_digest


def test_what_usd_validates(triangle: Any, tmp_path: Path, bring_in: Any) -> None:
    triangle.add("materials", name="m")
    triangle.json["meshes"][0]["primitives"][0]["material"] = 0
    registry = UsdValidation.ValidationRegistry()
    # USD's own: another test may have registered ours
    own = [v for v in registry.GetOrLoadAllValidators() if not v.GetMetadata().name.startswith("pipeline")]
    assert len(own) >= 30
    context = UsdValidation.ValidationContext(own)
    for content, name in ((triangle.bytes(), "a.glb"), (CUBE.export(file_type="stl"), "a.stl")):
        _, stage = bring_in(content, name)
        assert [e.GetErrorAsString() for e in context.Validate(stage)] == []


def test_extensions() -> None:
    assert is_importable("Chair.GLB")
    assert not is_importable("chair.txt")
    assert {".glb", ".gltf", ".fbx", ".obj", ".stl", ".ply", ".usd", ".usda", ".usdc", ".usdz"} == set(extensions())


@given(st.text(max_size=40))
def test_every_text_becomes_an_identifier(name: str) -> None:
    assert Sdf.Path.IsValidIdentifier(identifier(name, "part"))


@given(st.lists(st.sampled_from(["a", "a_1", "A", "ä", "1", "", "a b"]), max_size=30))
def test_names_are_never_given_twice(names: list[str]) -> None:
    taken = Names()
    given_names = [taken.take(n, "part") for n in names]
    assert len(set(given_names)) == len(names)


def test_interrupting_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "in"
    home.mkdir()
    (home / "ball.obj").write_text(trimesh.creation.icosphere(subdivisions=5).export(file_type="obj"))
    sandbox.warm()
    import_file(home / "ball.obj", tmp_path / "whole")
    for moment in (0.0, 0.01, 0.03, 0.06, 0.1, 0.15):
        timer = threading.Timer(moment, lambda: os.kill(os.getpid(), signal.SIGINT))
        with contextlib.suppress(KeyboardInterrupt):
            timer.start()
            import_file(home / "ball.obj", tmp_path / f"out{moment}")
            timer.join()
            time.sleep(0.05)  # the signal may arrive after the work
        left = {p.name for p in tmp_path.iterdir()} - {"in", "whole"}
        if left:  # it was finished first, and then it is whole
            assert left == {f"out{moment}"}
            written = tmp_path / f"out{moment}/payload.usdc"
            assert written.read_bytes() == (tmp_path / "whole/payload.usdc").read_bytes()
            shutil.rmtree(tmp_path / f"out{moment}")
