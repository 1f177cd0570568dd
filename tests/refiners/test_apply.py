# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import RefineError, UsageError
from pipeline.refiners import FolderStore, find, names, operations, refine, refine_file
from pipeline.usd import provenance

from .conftest import cube, sphere


def test_every_file_is_an_operation_with_described_settings() -> None:
    found = operations()
    assert [o.name for o in found] == names()
    for operation in found:
        assert operation.summary
        for field in operation.settings.model_fields.values():
            assert field.description, operation.name
        operation.settings()


def test_unknown_names_and_settings_say_what_there_is() -> None:
    with pytest.raises(UsageError, match="weld"):
        find("wled")
    stage = Usd.Stage.CreateInMemory()
    stage.DefinePrim("/Asset")
    with pytest.raises(UsageError, match="tolerance"):
        refine(stage, "/Asset", "weld", {"tolerence": "0"})
    with pytest.raises(RefineError, match="no mesh"):
        refine(stage, "/Asset", "weld")


def _package(folder: Path) -> Path:
    stage = Usd.Stage.CreateNew(str(folder / "payload.usdc"))
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    points, faces = sphere(12)
    for name, keep in (("body", slice(None)), ("open", slice(3, None))):
        mesh = UsdGeom.Mesh.Define(stage, f"/Asset/geo/{name}")
        mesh.CreatePointsAttr(points.tolist())
        mesh.CreateFaceVertexIndicesAttr(faces[keep].reshape(-1).tolist())
        mesh.CreateFaceVertexCountsAttr([3] * len(faces[keep]))
    stage.Save()
    return folder / "payload.usdc"


@pytest.fixture
def project(tmp_path: Path) -> Usd.Stage:
    """Two candidates of one asset, by payloads, in a weaker layer; edits go to a stronger one."""
    _package(tmp_path)
    base = Usd.Stage.CreateNew(str(tmp_path / "version.usda"))
    prim = UsdGeom.Xform.Define(base, "/World/Assets/ball").GetPrim()
    candidates = prim.GetVariantSets().AddVariantSet("candidate")
    for name in ("c01", "c02"):
        candidates.AddVariant(name)
        candidates.SetVariantSelection(name)
        with candidates.GetVariantEditContext():
            prim.GetPayloads().AddPayload("./payload.usdc")
    candidates.SetVariantSelection("c01")
    base.Save()
    (tmp_path / "work").mkdir()
    root = Sdf.Layer.CreateNew(str(tmp_path / "root.usda"))
    work = Sdf.Layer.CreateNew(str(tmp_path / "work" / "me.usda"))
    root.subLayerPaths[:] = ["./work/me.usda", "./version.usda"]
    root.Save()
    stage = Usd.Stage.Open(root)
    stage.SetEditTarget(Usd.EditTarget(work))
    return stage


def _counts(stage: Usd.Stage, name: str = "open") -> int:
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/World/Assets/ball/geo/{name}"))
    return len(mesh.GetFaceVertexCountsAttr().Get())


def test_new_topology_is_a_payload_inside_the_selected_candidate(project: Usd.Stage, tmp_path: Path) -> None:
    whole, opened = _counts(project, "body"), _counts(project)
    store = FolderStore(tmp_path / "objects", tmp_path / "work")
    result = refine(project, "/World/Assets/ball", "fill-holes", {"longest": 1}, store=store)
    assert result.changed
    assert result.variant == "candidate=c01"
    assert result.geometry is not None
    assert result.geometry.startswith("../objects/")
    assert (_counts(project, "body"), _counts(project)) == (whole, opened + 3)  # three triangles were missing
    project.GetPrimAtPath("/World/Assets/ball").GetVariantSet("candidate").SetVariantSelection("c02")
    assert _counts(project) == opened
    work = project.GetEditTarget().GetLayer()
    assert not work.GetPrimAtPath("/World/Assets/ball/geo")
    assert len(work.ExportToString()) < 3000


def test_doing_it_again_writes_nothing(project: Usd.Stage, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects", tmp_path / "work")
    refine(project, "/World/Assets/ball", "fill-holes", {"longest": 1}, store=store)
    text = project.GetEditTarget().GetLayer().ExportToString()
    again = refine(project, "/World/Assets/ball", "fill-holes", {"longest": 1}, store=store)
    assert not again.changed
    assert project.GetEditTarget().GetLayer().ExportToString() == text
    assert len(list((tmp_path / "objects").iterdir())) == 1


def test_a_new_candidate_begins_as_a_copy(project: Usd.Stage, tmp_path: Path) -> None:
    opened = _counts(project)
    store = FolderStore(tmp_path / "objects", tmp_path / "work")
    result = refine(
        project, "/World/Assets/ball", "fill-holes", {"longest": 1}, new_variant="candidate=c01_closed", store=store
    )
    assert result.variant == "candidate=c01_closed"
    assert _counts(project) == opened
    prim = project.GetPrimAtPath("/World/Assets/ball")
    prim.GetVariantSet("candidate").SetVariantSelection("c01_closed")
    assert _counts(project) == opened + 3
    assert [r.name for r in provenance.read(prim)] == ["refine_fill_holes"]


def test_another_set_lies_inside_the_candidate(project: Usd.Stage, tmp_path: Path) -> None:
    opened = _counts(project)
    store = FolderStore(tmp_path / "objects", tmp_path / "work")
    result = refine(
        project, "/World/Assets/ball", "fill-holes", {"longest": 1}, new_variant="style=closed", store=store
    )
    assert result.variant == "style=closed"
    prim = project.GetPrimAtPath("/World/Assets/ball")
    assert _counts(project) == opened
    prim.GetVariantSet("style").SetVariantSelection("closed")
    assert _counts(project) == opened + 3
    prim.GetVariantSet("candidate").SetVariantSelection("c02")
    assert _counts(project) == opened
    assert "style" not in prim.GetVariantSets().GetNames()


def test_variants_that_are_missing_or_there_are_refused_and_nothing_stays(project: Usd.Stage) -> None:
    before = project.GetEditTarget().GetLayer().ExportToString()
    with pytest.raises(RefineError, match="no variant"):
        refine(project, "/World/Assets/ball", "orient", variant="style=open")
    with pytest.raises(RefineError, match="exists"):
        refine(project, "/World/Assets/ball", "orient", new_variant="candidate=c02")
    with pytest.raises(UsageError, match="SET=NAME"):
        refine(project, "/World/Assets/ball", "orient", variant="style")
    with pytest.raises(RefineError, match="no such prim"):
        refine(project, "/World/Assets/bowl", "orient")
    assert project.GetEditTarget().GetLayer().ExportToString() == before


def test_a_local_opinion_that_hides_the_variant_is_told(project: Usd.Stage, tmp_path: Path) -> None:
    UsdGeom.Mesh(project.OverridePrim("/World/Assets/ball/geo/open")).CreatePointsAttr().Set(
        UsdGeom.Mesh(project.GetPrimAtPath("/World/Assets/ball/geo/open")).GetPointsAttr().Get()
    )
    with pytest.raises(RefineError, match="stronger opinion"):
        refine(
            project, "/World/Assets/ball", "weld", {"tolerance": 0.3},
            store=FolderStore(tmp_path / "objects", tmp_path / "work"),
        )  # fmt: skip


def test_instances_are_passed_over_and_named(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    source = stage.DefinePrim("/Source", "Xform")
    UsdGeom.Mesh.Define(stage, "/Source/part")
    user = stage.DefinePrim("/Asset/geo/copy", "Xform")
    user.GetReferences().AddInternalReference(source.GetPath())
    user.SetInstanceable(True)
    result = refine(stage, "/Asset", "weld")
    assert [s.prim for s in result.skipped] == ["/Asset/geo/copy/part"]


def test_a_file_gets_a_mended_copy_and_is_not_touched(tmp_path: Path) -> None:
    source = _package(tmp_path)
    bytes_before = source.read_bytes()
    out = tmp_path / "elsewhere" / "fixed.usda"
    results = refine_file(source, out, [("fill-holes", {"longest": 1}), "orient", "weld"])
    assert [r.changed for r in results] == [True, False, False]
    stage = Usd.Stage.Open(str(out))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/open"))
    assert len(mesh.GetFaceVertexCountsAttr().Get()) == len(sphere(12)[1])
    assert source.read_bytes() == bytes_before
    assert sorted(p.name for p in out.parent.iterdir()) == ["fixed.usda"]


def test_animated_points_are_passed_over(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    mesh = add("box", np.repeat(points, 2, axis=0), faces * 2)
    mesh.GetPointsAttr().Set(mesh.GetPointsAttr().Get(), 1)
    mesh.GetPointsAttr().Set(mesh.GetPointsAttr().Get(), 2)
    result = refine(stage, "/Asset", "weld")
    assert not result.changed
    assert "animated" in result.skipped[0].why
