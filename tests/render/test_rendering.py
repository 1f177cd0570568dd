# SPDX-License-Identifier: Apache-2.0
"""`render` from outside: files, layers, sequences, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
import render_beds as stages
from click.testing import CliRunner
from pxr import Gf, Sdf, Usd, UsdGeom

import pipeline
from pipeline.errors import MissingDependency, RenderError, StageError, UsageError
from pipeline.render import drift, picture, render, render_matched
from pipeline.render.camera import Camera


@pytest.fixture
def block(tmp_path: Path) -> Path:
    """A red cube of one metre on the ground that moves to the right over ten frames; a variant makes it blue."""
    stage = stages.new(tmp_path / "block.usda")
    cube = UsdGeom.Cube.Define(stage, "/World/cube")
    cube.CreateSizeAttr(1.0)
    move = cube.AddTranslateOp()
    move.Set(Gf.Vec3d(0, 0.5, 0), 1)
    move.Set(Gf.Vec3d(1, 0.5, 0), 10)
    stages.bind(cube, stages.material(stage, "red", diffuseColor=(0.8, 0.05, 0.05)))
    blue = stages.material(stage, "blue", diffuseColor=(0.05, 0.05, 0.8))
    look = stage.GetPrimAtPath("/World").GetVariantSets().AddVariantSet("look")
    for name in ("red", "blue"):
        look.AddVariant(name)
    look.SetVariantSelection("blue")
    with look.GetVariantEditContext():
        stages.bind(UsdGeom.Cube(stage.OverridePrim("/World/cube")), blue)
    look.SetVariantSelection("red")
    # the binding outside would beat the variant
    stage.GetRootLayer().GetPrimAtPath("/World/cube").RemoveProperty(
        stage.GetRootLayer().GetRelationshipAtPath("/World/cube.material:binding")
    )
    with look.GetVariantEditContext():
        stages.bind(
            UsdGeom.Cube(stage.OverridePrim("/World/cube")),
            stages.UsdShade.Material(stage.GetPrimAtPath("/World/mtl/red")),
        )
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(10)
    stage.GetRootLayer().Save()
    return tmp_path / "block.usda"


def test_a_picture_of_a_stage_without_lights(block: Path, tmp_path: Path) -> None:
    result = pipeline.render(str(block), tmp_path / "a.png", quality="draft", size=(96, 64))
    pixels = picture.read(result.images[0])
    assert pixels.shape == (64, 96, 3)
    assert result.renderer == "draft"
    middle = pixels[28:36, 44:52].mean((0, 1))
    assert middle[0] > 2 * middle[2]
    # the floor beneath is darker than the backdrop: it stands, it does not float
    column = pixels[:, 48].mean(axis=1)
    assert column[-20:].min() < pixels[0, 0].mean() - 0.02


def test_variants_by_set(block: Path, tmp_path: Path) -> None:
    render(block, tmp_path / "b.png", quality="draft", size=(64, 64), variants={"look": "blue"})
    middle = picture.read(tmp_path / "b.png")[28:36, 28:36].mean((0, 1))
    assert middle[2] > 2 * middle[0]
    with pytest.raises(StageError, match="no variant 'green'"):
        render(block, tmp_path / "c.png", quality="draft", variants={"look": "green"})


def test_transparent_background(block: Path, tmp_path: Path) -> None:
    render(block, tmp_path / "t.png", quality="draft", size=(64, 64), background="transparent")
    pixels = picture.read(tmp_path / "t.png")
    assert pixels[0, 0, 3] == 0
    assert pixels[32, 32, 3] == 1


def test_layers_of_an_exr(block: Path, tmp_path: Path, straight: Camera) -> None:
    camera = Camera(straight.matrix, (-1.0, 1.0, -1.0, 1.0), True, near=0.1)
    render(block, tmp_path / "l.exr", camera, (64, 64), quality="draft", background="transparent")
    file = oiio.ImageInput.open(str(tmp_path / "l.exr"))
    spec = file.spec()
    pixels = dict(zip(spec.channelnames, np.moveaxis(file.read_image(format="float"), 2, 0), strict=True))
    # the cube's face stands half a metre nearer than the camera's five
    assert pixels["Z"][20, 32] == pytest.approx(4.5, abs=1e-3)
    assert pixels["N.z"][20, 32] == pytest.approx(1, abs=1e-3)
    assert np.isinf(pixels["Z"][60, 2])
    shapes = str(spec.getattribute("gates:shape")).split("\n")
    assert shapes[int(pixels["id.shape"][20, 32]) - 1] == "/World/cube"
    surfaces = str(spec.getattribute("gates:surface")).split("\n")
    assert surfaces[int(pixels["id.surface"][20, 32]) - 1] == "/World/mtl/red"
    assert pixels["id.shape"][60, 2] == 0
    # the cube is one metre in a window of two
    assert int((pixels["id.shape"] > 0).sum()) == 32 * 32


def test_turntable_goes_around_and_resumes(block: Path, tmp_path: Path) -> None:
    first = render(block, tmp_path / "turn.gif", turntable=4, quality="draft", size=(32, 32))
    assert [p.name for p in first.images] == ["0001.png", "0002.png", "0003.png", "0004.png"]
    movie = oiio.ImageInput.open(str(tmp_path / "turn.gif"))
    assert sum(movie.seek_subimage(i, 0) for i in range(9)) == 4
    first.images[2].unlink()
    kept = first.images[0].stat().st_mtime_ns
    again = render(block, tmp_path / "turn.gif", turntable=4, quality="draft", size=(32, 32), resume=True)
    assert again.skipped == 3
    assert first.images[2].exists()
    assert first.images[0].stat().st_mtime_ns == kept


@pytest.mark.long
def test_frame_range_moves_the_subject_and_not_the_camera(block: Path, tmp_path: Path) -> None:
    result = render(
        block, tmp_path / "f.####.png", camera="front", frames=(1, 4), quality="draft", size=(48, 48),
        background="transparent", workers=2,
    )  # fmt: skip
    assert [p.name for p in result.images] == [f"f.{i:04d}.png" for i in range(1, 5)]
    middles = [np.argwhere(picture.read(p)[..., 3] > 0.5)[:, 1].mean() for p in result.images]
    steps = np.diff(middles)
    assert (steps > 0.5).all()
    assert np.ptp(steps) < 0.7


def test_one_camera_for_matched_pictures(block: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "m1.png", tmp_path / "m2.png"]
    looks = [{"look": "red"}, {"look": "blue"}]
    render_matched([block], outs, looks, size=(64, 64), background="transparent")
    found = drift(*outs)
    assert found.silhouette == 1
    assert found.colour_mean > 20
    assert not found.accepted
    same = drift(outs[0], outs[0])
    assert same.accepted
    assert same.colour_mean == 0


def test_larger_candidates_are_larger_in_matched_pictures(tmp_path: Path) -> None:
    paths = []
    for size in (1.0, 2.0):
        stage = stages.new(tmp_path / f"{size}.usda")
        UsdGeom.Cube.Define(stage, "/World/cube").CreateSizeAttr(size)
        stage.GetRootLayer().Save()
        paths.append(tmp_path / f"{size}.usda")
    outs = [tmp_path / "small.png", tmp_path / "large.png"]
    render_matched(paths, outs, camera="front", size=(64, 64), background="transparent")
    widths = [np.ptp(np.argwhere(picture.read(p)[..., 3] > 0.5)[:, 1]) + 1 for p in outs]
    # the nearer face of the larger one adds a little perspective
    assert 1.9 < widths[1] / widths[0] < 2.6


def test_authored_camera_and_its_lens(block: Path, tmp_path: Path) -> None:
    stage = Usd.Stage.Open(str(block))
    camera = UsdGeom.Camera.Define(stage, "/World/cam")
    camera.CreateFocalLengthAttr(50)
    camera.CreateHorizontalApertureAttr(50)
    camera.CreateVerticalApertureAttr(50)
    camera.AddTranslateOp().Set(Gf.Vec3d(0, 0.5, 4.5))
    camera.AddScaleOp().Set(Gf.Vec3f(7, 7, 7))
    result = render(stage, tmp_path / "cam.png", size=(64, 64), quality="draft", background="transparent")
    assert result.camera == "/World/cam"
    alpha = picture.read(tmp_path / "cam.png")[..., 3]
    # the face stands 4 m away, where the window is 4 m wide: a quarter of 64 pixels
    assert (alpha[32] > 0.5).sum() == pytest.approx(16, abs=1)


def test_instances_of_a_point_instancer(tmp_path: Path, straight: Camera) -> None:
    stage = stages.new(tmp_path / "many.usda")
    instancer = UsdGeom.PointInstancer.Define(stage, "/World/many")
    UsdGeom.Cube.Define(stage, "/World/many/Prototypes/cube").CreateSizeAttr(0.1)
    instancer.CreatePrototypesRel().SetTargets(["/World/many/Prototypes/cube"])
    instancer.CreateProtoIndicesAttr([0, 0, 0])
    instancer.CreatePositionsAttr([(-0.3, 0, 0), (0, 0, 0), (0.3, 0, 0)])
    stage.GetRootLayer().Save()
    render(stage, tmp_path / "i.png", straight, (100, 100), quality="draft", background="transparent")
    alpha = picture.read(tmp_path / "i.png")[..., 3] > 0.5
    assert alpha.sum() == 3 * 100
    assert list(np.flatnonzero(np.diff(alpha[50].astype(int)) == 1)) == [14, 44, 74]


def test_materials_that_only_subsets_have(tmp_path: Path, straight: Camera) -> None:
    """Left half red, right half blue; the mesh itself is bound to nothing."""
    stage = stages.new(tmp_path / "parts.usda")
    points = np.array([[x, y, 0] for y in (-0.5, 0.5) for x in (-0.5, 0, 0.5)])
    made = stages.mesh(stage, "/World/sheet", points, [4, 4], np.array([[0, 1, 4, 3], [1, 2, 5, 4]]))
    for i, tint in enumerate(((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))):
        part = UsdGeom.Subset.CreateGeomSubset(made, f"part{i}", UsdGeom.Tokens.face, [i], "materialBind")
        stages.bind(part, stages.material(stage, f"m{i}", diffuseColor=tint))
    stage.GetRootLayer().Save()
    render(stage, tmp_path / "p.png", straight, (32, 32), quality="draft")
    pixels = picture.read(tmp_path / "p.png")
    assert pixels[16, 8].argmax() == 0
    assert pixels[16, 24].argmax() == 2


def test_what_cannot_be_drawn_is_said(block: Path, tmp_path: Path) -> None:
    stage = Usd.Stage.Open(str(block))
    stage.DefinePrim("/World/smoke", "Volume")
    curves = UsdGeom.BasisCurves.Define(stage, "/World/hair")
    curves.CreateTypeAttr("linear")
    curves.CreateCurveVertexCountsAttr([2])
    curves.CreatePointsAttr([(0, 0, 0), (0, 1, 0)])
    result = render(stage, tmp_path / "n.png", quality="draft", size=(32, 32))
    assert {"/World/smoke", "/World/hair"} <= {n.prim for n in result.notes}


def test_a_missing_texture_is_a_note_and_not_an_error(tmp_path: Path, straight: Camera) -> None:
    stage = stages.new(tmp_path / "gone.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.textured(stage, "m", "./gone.png"))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    stages.bind(stages.quad(stage, "/World/r", x=2), stages.textured(stage, "n", "./broken.png"))
    stage.GetRootLayer().Save()
    result = render(stage, tmp_path / "g.png", straight, (16, 16), quality="draft")
    words = " ".join(f"{n.what} {n.why}" for n in result.notes)
    assert "gone.png" in words
    assert "not a picture" in words


def test_empty_stages_are_refused(tmp_path: Path) -> None:
    stage = stages.new(tmp_path / "empty.usda")
    stage.GetRootLayer().Save()
    with pytest.raises(RenderError, match="nothing in the stage"):
        render(tmp_path / "empty.usda", tmp_path / "e.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera": "nobody"}, "no camera 'nobody'"),
        ({"lights": "disco"}, "no light rig"),
        ({"renderer": "crayon"}, "no renderer"),
        ({"size": (0, 10)}, "no picture size"),
        ({"turntable": 2, "frames": (1, 2)}, "either"),
        ({"frames": (5, 1)}, "backwards"),
        ({"prims": ["/World/nothing"]}, "no such prim"),
        ({"out": "x.txt"}, "no picture can be written"),
    ],
)
def test_refusals_say_what_is_wrong(block: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"quality": "draft", "size": (16, 16), **change}
    out = tmp_path / str(arguments.pop("out", "x.png"))
    with pytest.raises(UsageError, match=message) as caught:
        render(block, out, **arguments)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_renderers_that_are_not_here_say_how_to_get_them(
    block: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATES_BLENDER_PYTHON", raising=False)
    monkeypatch.setenv("PATH", "")
    for name in ("blender", "hydra"):
        with pytest.raises(MissingDependency) as caught:
            render(block, tmp_path / "x.png", renderer=name)
        assert caught.value.remedy


def test_command(block: Path, tmp_path: Path) -> None:
    from pipeline.cli.output import Session
    from pipeline.cli.render import command

    arguments = [str(block), str(tmp_path / "c.png"), "--quality", "draft", "--size", "32x24", "--json"]
    done = CliRunner().invoke(command, arguments, obj=Session(quiet=True))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["images"] == [str(tmp_path / "c.png")]
    assert told["renderer"] == "draft"
    assert told["seconds"] > 0
    assert picture.read(tmp_path / "c.png").shape == (24, 32, 3)


def test_usdrecord_gets_our_camera_and_lamps(block: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for usdrecord keeps what it was given; our camera must be in the stage's own units and axis."""
    stage = Usd.Stage.Open(str(block))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "usdrecord"
    program.write_text(
        "#!/bin/sh\nfor last; do :; done\nfor a; do case $a in *shot.usda) cp $(dirname $a)/* " + str(tmp_path)
        + ";; esac; done\ncp " + str(tmp_path / "answer.png") + " $last\n"
    )  # fmt: skip
    program.chmod(0o755)
    picture.write(tmp_path / "answer.png", np.full((32, 32, 3), 0.5))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    result = render(stage, tmp_path / "h.png", "front", (32, 32), renderer="hydra")
    assert result.renderer == "hydra"
    shot = Usd.Stage.Open(str(tmp_path / "shot.usda"))
    camera = UsdGeom.Camera(shot.GetPrimAtPath("/GatesRender/Camera"))
    matrix = camera.ComputeLocalToWorldTransform(Usd.TimeCode.Default())
    # in front of a Z-up stage is -Y; a cube of one centimetre needs centimetres of distance
    assert matrix.ExtractTranslation()[1] < -0.5
    assert abs(matrix.ExtractTranslation()[1]) < 10
    view = matrix.TransformDir(Gf.Vec3d(0, 0, -1)).GetNormalized()
    assert view[1] == pytest.approx(1, abs=1e-6)
    assert shot.GetPrimAtPath("/GatesRender/Lamp0").GetTypeName() == "RectLight"
    assert Sdf.Layer.FindOrOpen(str(tmp_path / "shot.usdc"))
