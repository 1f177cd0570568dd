# SPDX-License-Identifier: Apache-2.0
"""Gate 5: an asset among its neighbours, measured. The numbers are chosen by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdSemantics, UsdShade

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import mark
from pipeline.gates.context import measure_context, open_notes, waive
from pipeline.gates.dressing import add_set, place_asset
from pipeline.gates.filming import add_camera
from pipeline.gates.overview import board
from pipeline.project import Project
from pipeline.project.memory import Memory, remember
from pipeline.scenes import CameraSpec, world_box

from .conftest import ASSET

PRIM = f"/World/Assets/{ASSET}"


def block(stage: Usd.Stage, path: str, low: tuple, high: tuple, kind: str = "component", label: str = "") -> Usd.Prim:
    """A box as a component."""
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    Usd.ModelAPI(prim).SetKind(kind)
    if label:
        UsdSemantics.LabelsAPI.Apply(prim, "category").CreateLabelsAttr([label])
    mesh = UsdGeom.Mesh.Define(stage, f"{path}/box")
    corners = [Gf.Vec3f(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    mesh.CreatePointsAttr(corners)
    mesh.CreateFaceVertexCountsAttr([4] * 6)
    mesh.CreateFaceVertexIndicesAttr([0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3])
    return prim


@pytest.fixture
def square(tmp_path: Path) -> Path:
    """A floor whose top is at 0.2 m, and two crates 0.55 m tall."""
    stage = Usd.Stage.CreateNew(str(tmp_path / "square.usda"))
    UsdGeom.SetStageUpAxis(stage, "Y")
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Square").GetPrim())
    block(stage, "/Square/floor", (-5, 0, -5), (5, 0.2, 5))
    block(stage, "/Square/a", (2, 0.2, 0), (2.6, 0.75, 0.4), label="crate")
    block(stage, "/Square/b", (3, 0.2, 0), (3.6, 0.75, 0.4), label="crate")
    stage.Save()
    return tmp_path / "square.usda"


@pytest.fixture
def placed(with_candidate: Project, square: Path) -> Project:
    with with_candidate.edit() as stage:
        mark(stage, ASSET, "inspection", "passed")
    add_set(with_candidate, "square", square)
    place_asset(with_candidate, ASSET, at=(0, 3, 0), ground=True)
    return with_candidate


def kinds(project: Project, camera: str | None = None) -> dict[str, str]:
    return {n.kind: n.measured for n in measure_context(project, ASSET, camera).notes}


def test_it_is_set_down_on_what_lies_beneath(placed: Project) -> None:
    stage = placed.open_stage()
    box = world_box(stage.GetPrimAtPath(PRIM))
    assert box is not None
    assert box.low[1] == pytest.approx(0.2, abs=1e-4)


def test_a_placement_is_no_part_of_the_asset(placed: Project) -> None:
    stage = placed.open_stage()
    names = [op.GetOpName() for op in UsdGeom.Xformable(stage.GetPrimAtPath(PRIM)).GetOrderedXformOps()]
    assert names == ["xformOp:translate:placement", "xformOp:rotateY:placement"]
    place_asset(placed, ASSET, yaw=90)
    stage = placed.open_stage()
    box = world_box(stage.GetPrimAtPath(PRIM))
    assert box is not None
    assert np.allclose(box.size, (0.4, 0.5, 0.6), atol=1e-4)  # width and depth change places


def test_beside_a_neighbour_with_a_gap(placed: Project) -> None:
    place_asset(placed, ASSET, next_to="/World/Set/square/b")
    stage = placed.open_stage()
    box = world_box(stage.GetPrimAtPath(PRIM))
    assert box is not None
    assert box.low[0] == pytest.approx(3.6 + 0.15, abs=1e-4)
    with pytest.raises(UsageError, match="itself"):
        place_asset(placed, ASSET, next_to=ASSET)


def test_lower_than_its_like_is_found_and_gone_when_it_is_not(placed: Project) -> None:
    result = measure_context(placed, ASSET)
    note = next(n for n in result.notes if n.kind == "scale")
    assert note.measured == "0.500 m"
    assert note.expected == "0.550 m"
    assert note.correction["scale"] == pytest.approx(1.1)
    assert board(placed, ASSET).assets[0].gates[4].state == "revise"
    with placed.edit() as stage:
        for part in stage.GetPrimAtPath(f"{PRIM}/geo").GetChildren():
            UsdGeom.Xformable(part).AddScaleOp().Set(Gf.Vec3f(1.1))
    assert measure_context(placed, ASSET).resolved == 1
    assert board(placed, ASSET).assets[0].gates[4].state == "passed"


def test_a_remembered_height_is_held_against_it(placed: Project) -> None:
    remember(placed, "crates", Memory(kind="scale", text="crate", height=(0.7, 0.9)))
    expected = {n.expected for n in measure_context(placed, ASSET).notes if n.kind == "scale"}
    assert "0.700 m to 0.900 m" in expected


def test_floating_sunk_and_crossing(placed: Project) -> None:
    place_asset(placed, ASSET, at=(0, 0.3, 0))
    assert kinds(placed)["floating"] == "+0.100 m"
    place_asset(placed, ASSET, at=(0, 0.15, 0))
    assert kinds(placed)["sunk"] == "-0.050 m"
    place_asset(placed, ASSET, at=(2.2, 0.2, 0.1))
    assert "intersection" in kinds(placed)
    place_asset(placed, ASSET, at=(-2, 0.2, 0))
    assert not {"floating", "sunk", "intersection"} & set(kinds(placed))


def test_the_camera_sees_it_or_says_why_not(placed: Project) -> None:
    add_camera(placed, "near", ASSET, CameraSpec(kind="hero"))
    assert not {"framing", "crop"} & set(kinds(placed, "near"))
    add_camera(placed, "far", ASSET, CameraSpec(kind="player", distance_m=60))
    assert "framing" in kinds(placed, "far")
    add_camera(placed, "tight", ASSET, CameraSpec(kind="hero", distance_m=0.6))
    assert "crop" in kinds(placed, "tight")
    with pytest.raises(UsageError, match="nowhere"):
        measure_context(placed, ASSET, "nowhere")


def test_a_fitted_camera_fills_what_it_was_told(placed: Project) -> None:
    from pipeline.scenes.notes import Situation, View

    add_camera(placed, "fit", ASSET, CameraSpec(kind="product", fill=0.6, aspect=1.0))
    stage = placed.open_stage()
    situation = Situation(stage, stage.GetPrimAtPath(PRIM))
    places, depth = View(situation, "/World/Cameras/fit").project(situation.mesh[0])
    assert (depth > 0).all()
    assert 0.5 < np.abs(places * 2 - 1).max() <= 0.6 + 1e-6


def test_a_lens_is_stored_in_tenths_of_a_scene_unit(placed: Project) -> None:
    add_camera(placed, "lens", ASSET, CameraSpec(kind="hero", lens_mm=50, sensor_mm=36))
    stage = placed.open_stage()
    camera = UsdGeom.Camera(stage.GetPrimAtPath("/World/Cameras/lens"))
    assert camera.GetFocalLengthAttr().Get() == pytest.approx(0.5)  # 50 mm = 0.05 m, in tenths of a metre
    assert camera.GetCamera(0).GetFieldOfView(Gf.Camera.FOVHorizontal) == pytest.approx(39.6, abs=0.05)  # 36 by 50 mm


def test_a_vivid_material_is_found_with_the_factor_that_mends_it(placed: Project) -> None:
    remember(placed, "level", Memory(kind="palette", max_saturation=0.5))
    with placed.edit() as stage:
        material = next(p for p in stage.Traverse() if p.IsA(UsdShade.Material) and p.GetName() == "wood")
        shader = next(UsdShade.Shader(p) for p in Usd.PrimRange(material) if p.IsA(UsdShade.Shader))
        name = str(material.GetPath())
        given = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        given.Set(Gf.Vec3f(0.5, 0.02, 0.02))
    note = next(n for n in measure_context(placed, ASSET).notes if n.kind == "saturation" and n.prim == name)
    srgb = 1.055 * np.array([0.5, 0.02]) ** (1 / 2.4) - 0.055  # IEC 61966-2-1
    assert float(note.measured.split()[0]) == pytest.approx(1 - srgb[1] / srgb[0], abs=0.01)
    assert 0 < note.correction["saturation_wood"] < 1


def test_a_waived_remark_stays_waived_and_says_who(placed: Project) -> None:
    measure_context(placed, ASSET)
    name = next(iter(open_notes(placed.open_stage(), ASSET)))
    waive(placed, ASSET, name, "it is meant to be small")
    assert measure_context(placed, ASSET).waived == 1
    assert not open_notes(placed.open_stage(), ASSET)
    stage = placed.open_stage()
    assert stage.GetPrimAtPath(f"/Project/Assets/{ASSET}/Notes/{name}").GetAttribute("gates:by").Get() == "alice"


def test_it_is_measured_again_only_when_something_changed(placed: Project) -> None:
    first = measure_context(placed, ASSET)
    assert first.measured
    assert first.notes
    again = measure_context(placed, ASSET)
    assert not again.measured
    assert {(n.kind, n.prim, n.measured, n.expected, n.advice) for n in again.notes} == {
        (n.kind, n.prim, n.measured, n.expected, n.advice) for n in first.notes
    }
    scale = next(n for n in again.notes if n.kind == "scale")
    assert scale.correction == {"scale": pytest.approx(1.1)}
    assert measure_context(placed, ASSET, again=True).measured
    placed.commit("the same in another layer stack")
    assert not measure_context(placed, ASSET).measured


def changes() -> dict[str, Callable[[Project], object]]:
    """What the remarks depend on."""

    def neighbour(project: Project) -> None:
        with project.edit() as stage:
            block(stage, "/World/Set/crate", (-3, 0.2, 0), (-2.4, 0.9, 0.4), label="crate")

    def light(project: Project) -> None:
        with project.edit() as stage:
            UsdLux.DistantLight.Define(stage, "/World/Lights/sun").CreateIntensityAttr(3.0)

    def lens(project: Project) -> None:
        with project.edit() as stage:
            UsdGeom.Camera(stage.GetPrimAtPath("/World/Cameras/near")).GetFocalLengthAttr().Set(0.9)

    return {
        "place": lambda p: place_asset(p, ASSET, at=(-2, 0.2, 0)),
        "neighbour": neighbour,
        "light": light,
        "lens": lens,
        "memory": lambda p: remember(p, "crates", Memory(kind="scale", text="crate", height=(0.7, 0.9))),
        "palette": lambda p: remember(p, "level", Memory(kind="palette", palette=[(0.5, 0.0, 0.0)])),
        "threshold": lambda p: (p.root / "gates.toml").write_text(
            (p.root / "gates.toml").read_text() + "\n[context.notes.scale]\nlimit = 0.5\n"
        ),
    }


@pytest.mark.long
@pytest.mark.parametrize("what", sorted(changes()))
def test_what_was_measured_is_stale_after_a_change_of(placed: Project, what: str) -> None:
    if what == "lens":
        add_camera(placed, "near", ASSET, CameraSpec(kind="hero"))
    measure_context(placed, ASSET)
    changes()[what](placed)
    assert measure_context(placed, ASSET).measured


def test_a_pass_is_no_longer_one_when_the_scene_changes(placed: Project) -> None:
    (placed.root / "gates.toml").write_text(
        (placed.root / "gates.toml").read_text() + '\n[context.notes.scale]\nseverity = "info"\n'
    )
    result = measure_context(placed, ASSET)
    assert {n.severity for n in result.notes} == {"info"}  # which holds no gate
    assert not open_notes(placed.open_stage(), ASSET)
    assert open_notes(placed.open_stage(), ASSET, info=True)
    assert board(placed, ASSET).assets[0].gates[4].state == "passed"
    changes()["neighbour"](placed)
    assert board(placed, ASSET).assets[0].gates[4].state == "revise"


@pytest.mark.long
def test_each_camera_keeps_its_own_remarks(placed: Project) -> None:
    add_camera(placed, "far", ASSET, CameraSpec(kind="player", distance_m=60))
    add_camera(placed, "tight", ASSET, CameraSpec(kind="hero", distance_m=0.6))

    def through() -> set[tuple[str, str]]:
        kept = open_notes(placed.open_stage(), ASSET).values()
        return {(n.kind, n.camera) for n in kept if n.kind in ("framing", "crop")}

    result = measure_context(placed, ASSET, ["far", "tight"])
    assert result.cameras == ["/World/Cameras/far", "/World/Cameras/tight"]
    assert through() == {("framing", "far"), ("crop", "tight")}
    # the next measurement looks through the same ones, whatever else there is
    add_camera(placed, "near", ASSET, CameraSpec(kind="hero"))
    assert measure_context(placed, ASSET).cameras == ["/World/Cameras/far", "/World/Cameras/tight"]
    # looking through one does not settle what another saw
    measure_context(placed, ASSET, "near")
    assert through() == {("framing", "far"), ("crop", "tight")}
    assert len(measure_context(placed, ASSET, "all").cameras) == 3
    with placed.edit() as stage:
        stage.RemovePrim("/World/Cameras/far")
    measure_context(placed, ASSET, "tight")
    assert through() == {("crop", "tight")}


@pytest.mark.long
def test_the_remarks_are_drawn_on_the_picture(placed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.gates.context_sheet.PIXELS", 360)
    from pipeline.render import picture
    from pipeline.render.annotated import COLOURS

    add_camera(placed, "near", ASSET, CameraSpec(kind="hero"))
    add_camera(placed, "far", ASSET, CameraSpec(kind="player", distance_m=60))
    out = measure_context(placed, ASSET, "all", sheet=tmp_path / "notes.png").sheet
    assert out is not None
    page = picture.read(out)
    assert page.shape[0] > 2 * 202  # two pictures of 360 x 202, and the legend
    warning = np.abs(page - np.array(COLOURS["warning"], np.float32)).max(2) < 0.02
    assert warning[:202].any()  # frames and badges
    assert warning[-100:].any()  # the legend
    # drawn again from what was kept, without measuring
    again = measure_context(placed, ASSET, sheet=tmp_path / "again.png")
    assert not again.measured
    assert picture.read(tmp_path / "again.png").shape == page.shape


def test_without_a_camera_there_is_no_picture(placed: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no camera"):
        measure_context(placed, ASSET, sheet=tmp_path / "notes.png")


def test_a_studios_own_measure_is_found_and_a_broken_one_told(
    placed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.plugins import discover

    folder = tmp_path / "studio" / "notes"
    folder.mkdir(parents=True)
    (folder / "footprint.py").write_text(
        "from pipeline.scenes.notes import Measure\n"
        "class Footprint(Measure):\n"
        "    kind, title, limit = 'footprint', 'area on the ground', 0.2\n"
        "    def run(self, situation, view):\n"
        "        w, _, d = situation.box.size\n"
        "        if w * d > situation.setting(self).limit:\n"
        "            yield self.note(situation, 'takes much room', measured=f'{w * d:.2f} m2', expected='0.20 m2')\n"
    )
    (folder / "broken.py").write_text("import nothing_of_that_name\n")
    (folder / "falls.py").write_text(
        "from pipeline.scenes.notes import Measure\n"
        "class Falls(Measure):\n"
        "    kind, title = 'falls', 'falls'\n"
        "    def run(self, situation, view):\n"
        "        raise ValueError('on its face')\n"
    )
    monkeypatch.setenv("GATES_STUDIO", str(tmp_path / "studio"))
    result = measure_context(placed, ASSET)
    assert next(n.measured for n in result.notes if n.kind == "footprint") == "0.24 m2"  # 0.6 x 0.4
    assert "ValueError: on its face" in result.failures["falls"]
    assert any("nothing_of_that_name" in why for why in result.failures.values())
    rows = {p.name: p.state for p in discover() if p.kind == "note"}
    assert rows["footprint"] == "ready"
    assert "failed" in rows.values()


def test_context_needs_inspection(with_candidate: Project) -> None:
    with pytest.raises(GateRefused, match="inspection"):
        measure_context(with_candidate, ASSET)


@pytest.mark.long
def test_a_product_that_drifted_from_its_approved_version(with_candidate: Project, tmp_path: Path) -> None:
    from pipeline.gates.context import show_drift
    from pipeline.review.decisions import decide

    with with_candidate.edit() as stage:
        mark(stage, ASSET, "inspection", "passed")
        stage.GetPrimAtPath(f"/Project/Assets/{ASSET}/Intent").GetAttribute("gates:job").Set("product-visual")
    assert "drift" not in kinds(with_candidate)
    with pytest.raises(UsageError, match="approved"):
        show_drift(with_candidate, ASSET, tmp_path / "drift.png")
    version = with_candidate.commit("the look").id
    decide(with_candidate, ASSET, "approved", version)
    assert "drift" not in kinds(with_candidate)
    place_asset(with_candidate, ASSET, at=(3, 0, 1), yaw=40)  # where it stands is no drift
    assert "drift" not in kinds(with_candidate)
    with with_candidate.edit() as stage:
        for prim in stage.Traverse():
            shader = UsdShade.Shader(prim)
            if shader and shader.GetIdAttr().Get() == "UsdPreviewSurface":
                shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.02, 0.1, 0.5))
    (said,) = (n for n in measure_context(with_candidate, ASSET).notes if n.kind == "drift")
    assert said.against == "colour"
    assert (said.value or 0) > 20
    rows = show_drift(with_candidate, ASSET, tmp_path / "drift.png")
    assert {r.view for r in rows} == {"product", "back"}
    assert min(r.silhouette for r in rows) > 0.999
    assert (tmp_path / "drift.png").exists()


def test_in_a_scene_of_its_own_nothing_is_kept(placed: Project) -> None:
    from pipeline.gates.context import measure_in_scene
    from pipeline.gates.scenes import new_scene, working

    new_scene(placed, "street")
    with working(placed, "set", "street") as place:
        block(place.stage, "/World/Set/crate", (0, 0.3, 0), (1, 1, 1))
        block(place.stage, "/World/Set/floor", (-5, -1, -5), (5, 0, 5))
    remember(placed, "crates", Memory(kind="scale", text="crate", height=(1.5, 2.0)))
    result = measure_in_scene(placed, "street", "crate")
    assert (result.scene, result.asset, result.cameras) == ("street", "crate", [])
    assert {n.kind: n.measured for n in result.notes} == {"floating": "+0.300 m", "scale": "0.700 m"}
    assert not open_notes(placed.open_stage(), ASSET)
    with pytest.raises(UsageError, match="alley"):
        measure_in_scene(placed, "alley", "crate")
    with pytest.raises(UsageError, match="barrel"):
        measure_in_scene(placed, "street", "barrel")
