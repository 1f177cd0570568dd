# SPDX-License-Identifier: Apache-2.0
"""Reading, running, judging and telling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom

from pipeline.checks import inspect, load_rules
from pipeline.checks.protocol import Rule
from pipeline.checks.registry import built_in
from pipeline.checks.text import as_text
from pipeline.errors import GatesError, UsageError
from pipeline.settings.jobs import RuleSetting, VerdictSetting

#: the rules that every user of `gates inspect` may rely on
CONTRACT = [
    "geometry.holes", "geometry.non-manifold-edges", "geometry.non-manifold-vertices", "geometry.inverted-normals",
    "geometry.degenerate-faces", "geometry.duplicate-faces", "geometry.self-intersection", "geometry.floaters",
    "geometry.hidden", "geometry.thin", "geometry.fused", "geometry.hollow-back", "topology.triangle-budget",
    "topology.uneven-density", "topology.slivers", "uv.missing", "uv.overlap", "uv.out-of-range", "uv.flipped",
    "uv.stretch", "uv.texel-density", "uv.fragmented", "texture.missing", "texture.size", "texture.power-of-two",
    "texture.color-space", "texture.pbr-set", "texture.albedo-range", "texture.baked-lighting", "material.single",
    "material.count", "scale.implausible", "scale.pivot", "scale.ground", "naming.invalid", "lod.missing",
    "silhouette.mismatch", "rig.missing", "rig.weights", "rig.influences", "rig.joints", "rig.rest-pose",
    "animation.invalid", "file.size",
]  # fmt: skip


class TestRegistry:
    def test_every_rule_of_the_contract_has_its_file(self) -> None:
        import pipeline.checks

        folder = Path(pipeline.checks.__file__).parent
        ids = [rule.id for rule in built_in()]
        assert {*CONTRACT, "geometry.invalid"} <= set(ids)
        for rule in built_in():
            family, name = rule.id.split(".")
            assert (folder / family / f"{name.replace('-', '_')}.py").is_file()
            assert rule.__module__ == f"pipeline.checks.{family}.{name.replace('-', '_')}"
            assert rule.title
            assert rule.advice
            assert rule.__doc__

    def test_fixers_exist(self) -> None:
        from pipeline.refiners import names

        known = set(names())
        missing = {r.id: r.fixer for r in built_in() if r.fixer and r.fixer not in known}
        assert not missing

    def test_usd_s_own_validators_are_rules(self) -> None:
        found = load_rules().rules
        assert {"usd.StageMetadataChecker", "usd.MissingReferenceValidator", "usd.SubsetFamilies"} <= set(found)

    def test_unknown_rules_and_patterns(self) -> None:
        found = load_rules()
        assert [r.id for r in found.chosen(["scale"])] == ["scale.ground", "scale.implausible", "scale.pivot"]
        assert len(found.chosen(["usd.*"])) > 20
        with pytest.raises(UsageError, match=r"no rule 'geometry\.hole'"):
            found.chosen(["geometry.hole"])

    def test_a_studio_adds_and_replaces_and_breaks(
        self, asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks = tmp_path / "checks"
        checks.mkdir()
        head = "from pipeline.checks import Rule\n"
        (checks / "height.py").write_text(
            head + "class Height(Rule):\n    id = 'studio.height'\n    title = 'too tall'\n    limit = 0.5\n"
            "    def run(self, context):\n        tall = float(context.subject.bounds[1][1])\n"
            "        if tall > context.limit(self):\n            yield self.found(context, 'tall', measured=tall)\n"
        )
        (checks / "crash.py").write_text(
            head + "class Crash(Rule):\n    id = 'studio.crash'\n    title = 'breaks'\n"
            "    def run(self, context):\n        yield 1 / 0\n"
        )
        (checks / "syntax.py").write_text("def (")
        monkeypatch.setenv("GATES_STUDIO", str(tmp_path))
        asset.tri(ball)
        report = inspect(asset.stage, rules=["studio.*", "geometry.holes"])
        assert [f.rule for f in report.findings] == ["studio.height"]
        assert report.findings[0].measured == pytest.approx(1.0)
        assert report.passed == ["geometry.holes"]
        said = {e.rule: e.message for e in report.errors}
        assert "ZeroDivisionError" in said["studio.crash"]
        assert any(str(checks / "syntax.py") == k and "SyntaxError" in v for k, v in said.items())

    def test_entry_points(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pipeline.checks import registry as module
        from pipeline.settings import extensions

        class Broken:
            name = "broken"

            def load(self) -> Any:
                raise RuntimeError("no licence")

        monkeypatch.setattr(extensions, "entry_points", lambda group: [Broken()])
        assert module.load_rules().failures == {"entry point broken": "RuntimeError: no licence"}


class TestInspect:
    def test_a_stage_is_left_as_it_is(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        before = asset.stage.GetRootLayer().ExportToString()
        inspect(asset.stage)
        assert asset.stage.GetRootLayer().ExportToString() == before

    def test_numbers_of_a_box_in_centimetres(self, asset: Any) -> None:
        UsdGeom.SetStageMetersPerUnit(asset.stage, 0.01)
        asset.tri(trimesh.creation.box(extents=[120, 80, 45]), material="wood")
        stats = inspect(asset.stage, rules=["scale"]).stats
        assert (stats.triangles, stats.vertices, stats.meshes, stats.shells, stats.materials) == (12, 8, 1, 1, 1)
        assert stats.size_m == pytest.approx((1.2, 0.8, 0.45))
        assert stats.area_m2 == pytest.approx(2 * (1.2 * 0.8 + 1.2 * 0.45 + 0.8 * 0.45))

    def test_only_beneath_a_prim(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "good")
        asset.mesh(ball.vertices, ball.faces[1:], "bad")
        assert inspect(asset.stage, rules=["geometry.holes"]).findings
        assert inspect(asset.stage, rules=["geometry.holes"], prim="/Asset/geo/good").findings == []
        with pytest.raises(GatesError, match="no such prim"):
            inspect(asset.stage, prim="/Asset/geo/gone")

    def test_instances_are_judged_once(self, asset: Any, ball: trimesh.Trimesh) -> None:
        source = Usd.Stage.CreateInMemory()
        source.SetDefaultPrim(UsdGeom.Xform.Define(source, "/Ball").GetPrim())
        mesh = UsdGeom.Mesh.Define(source, "/Ball/mesh")
        mesh.CreatePointsAttr(ball.vertices.astype(np.float32))
        mesh.CreateFaceVertexCountsAttr([3] * (len(ball.faces) - 1))
        mesh.CreateFaceVertexIndicesAttr(ball.faces[1:].reshape(-1).astype(np.int32))
        mesh.CreateSubdivisionSchemeAttr("none")
        for i in range(3):
            prim = UsdGeom.Xform.Define(asset.stage, f"/Asset/geo/copy_{i}")
            prim.GetPrim().GetReferences().AddReference(source.GetRootLayer().identifier)
            prim.GetPrim().SetInstanceable(True)
            UsdGeom.XformCommonAPI(prim).SetTranslate((2.0 * i, 0, 0))
        report = inspect(asset.stage, rules=["geometry.holes"])
        assert len(report.findings) == 1
        assert report.stats.triangles == 3 * (len(ball.faces) - 1)
        assert report.stats.size_m == pytest.approx((5, 1, 1), abs=1e-3)

    def test_marks_are_kept_beside_the_json(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices, np.vstack([ball.faces, ball.faces]))
        report = inspect(asset.stage, rules=["geometry.duplicate-faces"])
        assert len(report.marked_faces(0)["/Asset/geo/body"]) == 1280
        where = json.loads(report.model_dump_json())["findings"][0]["where"]
        assert (where[0]["faces"], len(where[0]["first_faces"])) == (1280, 16)

    def test_a_rule_s_severity_is_the_job_s_to_say(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices, ball.faces[1:])
        rules = {"geometry.holes": RuleSetting(severity="info")}
        report = inspect(asset.stage, job(rules=rules), rules=["geometry.holes"])
        assert report.findings[0].severity == "info"
        assert report.verdict == "pass"
        off = inspect(asset.stage, job(rules={"geometry.holes": RuleSetting(severity="off")}), rules=["geometry.holes"])
        assert off.skipped == ["geometry.holes"]


class TestVerdict:
    def test_pass(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        report = inspect(asset.stage, job(), rules=["geometry"])
        assert (report.verdict, report.exit_code, report.next_step.action) == ("pass", 0, "accept")

    def test_what_a_fixer_mends_is_fixed(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        faces = np.vstack([ball.faces[1:, ::-1], ball.faces[5:8]])
        asset.mesh(ball.vertices, faces)
        report = inspect(asset.stage, job(), rules=["geometry.duplicate-faces", "geometry.degenerate-faces"])
        assert (report.verdict, report.exit_code, report.next_step.action) == ("revise", 3, "fix")
        assert report.next_step.operations == ["remove-duplicates"]
        assert report.score == 0.5

    def test_a_warning_with_a_fixer_is_not_passed_over_and_one_without_is(
        self, asset: Any, job: Any, ball: trimesh.Trimesh
    ) -> None:
        asset.mesh(ball.vertices, np.vstack([ball.faces, [[0, 1, 1]]]))
        assert inspect(asset.stage, job(), rules=["geometry.degenerate-faces"]).verdict == "revise"
        box = trimesh.creation.box()
        asset.tri(trimesh.util.concatenate([box, box.copy().apply_translation([0.4, 0.3, 0.2])]))
        report = inspect(asset.stage, job(), rules=["geometry.self-intersection"])
        assert report.verdict == "pass"
        assert "cross others" in report.reason
        strict = job(verdict=VerdictSetting(weights={"geometry.self-intersection": 1.0}))
        assert inspect(asset.stage, strict, rules=["geometry.self-intersection"]).verdict == "revise"

    @pytest.mark.parametrize(("reject_at", "verdict"), [(1.0, "reject"), (1.1, "revise")])
    def test_reject_says_what_to_change(
        self, asset: Any, job: Any, ball: trimesh.Trimesh, reject_at: float, verdict: str
    ) -> None:
        asset.mesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > 0])
        brief = job(verdict=VerdictSetting(reject_at=reject_at, regenerate_minutes=60))
        report = inspect(asset.stage, brief, rules=["geometry.hollow-back"])
        assert report.verdict == verdict
        if verdict == "reject":
            assert report.exit_code == 4
            assert report.next_step.action == "regenerate"
            assert "picture of the other side" in report.next_step.how
        else:
            assert report.next_step.action == "refine"

    def test_nothing_to_judge_is_rejected(self, asset: Any, job: Any) -> None:
        report = inspect(asset.stage, job())
        assert report.verdict == "reject"
        assert "no geometry" in report.reason


class TestTelling:
    def test_text(self, asset: Any, ball: trimesh.Trimesh) -> None:
        from pipeline.checks.text import as_text

        asset.mesh(ball.vertices, ball.faces[1:])
        text = as_text(inspect(asset.stage, rules=["geometry"]))
        assert text.startswith("REVISE")
        assert "x geometry.holes: 1 open border" in text
        assert "fixer: fill-holes" in text
        assert max(map(len, text.splitlines()[1:])) <= 100

    def test_page_is_whole_and_loads_nothing(
        self, asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import base64
        import re
        from io import BytesIO

        from PIL import Image

        monkeypatch.setattr("pipeline.checks.pictures.SIDE", 120)
        asset.mesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > -0.3])
        out = tmp_path / "pages" / "ball <1>.html"
        inspect(asset.stage, rules=["geometry.hollow-back", "geometry.holes"], html=out)
        text = out.read_text(encoding="utf-8")
        assert "geometry.hollow-back" in text
        assert "revise" in text or "reject" in text
        assert not re.search(r"(src|href)=\"(?!data:|#)", text)
        frames = re.findall(r'<div class="frame model[^>]*>(.*?)</div>', text)
        assert len(frames) == 24

        def pixels(frame: str, kind: str) -> Any:
            found = re.search(rf'<img class="{kind}[^>]*base64,([^"]+)"', frame)
            return np.asarray(Image.open(BytesIO(base64.b64decode(found[1]))).convert("RGBA")) if found else None

        # the inside of the sheet is painted where it shows: from behind, and not from the front
        back, front = (pixels(frames[i], "layer g0") for i in (12, 0))
        assert np.count_nonzero(back[..., 3] == 189) > 1500
        assert front is None or np.count_nonzero(front[..., 3] == 189) < 400
        # all views have one scale: from the side the disc lacks the segment beyond z = -0.3, 14.2 % of it
        outlines = [np.count_nonzero(pixels(f, "base")[..., 3] > 127) for f in frames[:12:3]]
        assert max(outlines) / min(outlines) == pytest.approx(1 / (1 - 0.142), abs=0.03)
        assert sorted(p.name for p in out.parent.iterdir()) == [out.name]


class TestUsd:
    def test_usd_s_validators_run(self, tmp_path: Path) -> None:
        stage = Usd.Stage.CreateInMemory()  # no up axis, no units, no default prim
        UsdGeom.Xform.Define(stage, "/A")
        report = inspect(stage, rules=["usd.StageMetadataChecker"])
        assert {f.rule for f in report.findings} == {"usd.StageMetadataChecker"}
        assert len(report.findings) >= 2

    def test_ours_are_validators_of_usd(self, asset: Any, ball: trimesh.Trimesh) -> None:
        from pxr import UsdValidation

        from pipeline.checks import usd_plugin

        asset.mesh(ball.vertices, ball.faces[1:])
        known = UsdValidation.ValidationRegistry()
        assert len(known.GetValidatorMetadataForKeyword("SevenGates")) == len(built_in())
        validator = known.GetOrLoadValidatorByName(f"{usd_plugin.PREFIX}:GeometryHoles")
        (error,) = validator.Validate(asset.stage)
        assert "open border" in error.GetMessage()
        assert error.GetSites()[0].GetPrim().GetPath() == "/Asset/geo/body"
        assert error.GetType() == UsdValidation.ValidationErrorType.Error
        # the stage is mended: the answer is not remembered
        asset.tri(ball)
        assert validator.Validate(asset.stage) == []

    def test_the_plug_in_s_description_is_up_to_date(self) -> None:
        from pipeline.checks import usd_plugin

        file = Path(usd_plugin.__file__).with_name("plugInfo.json")
        assert file.read_text() == usd_plugin.plug_info(), "write usd_plugin.plug_info() to plugInfo.json"


class TestOwnRules:
    def test_a_rule_without_run_cannot_be_made(self) -> None:
        class Half(Rule):
            id = "studio.half"
            title = "half"

        with pytest.raises(TypeError):
            Half()  # type: ignore[abstract]


def test_of_very_many_findings_the_first_are_listed_and_all_count(asset: Any) -> None:
    """300 sheets without UVs: 200 are listed, the verdict and its estimate know of 300."""
    for i in range(300):
        asset.mesh([(i, 0, 0), (i + 0.5, 0, 0), (i, 0.5 + i / 1000, 0)], [(0, 1, 2)], name=f"sheet{i}")
    report = inspect(asset.stage, rules=["uv.missing"])
    assert len(report.findings) == 200
    assert report.unlisted == {"uv.missing": 100}
    assert report.many("uv.missing") == 300
    assert [item.findings for item in report.cleanup.items] == [300]
    text = as_text(report)
    assert "300 places" in text
    assert "and 296 more: --json lists 200" in " ".join(text.split())


def test_a_finding_on_very_many_meshes_lists_the_first(asset: Any) -> None:
    """150 crumbs far from a large sheet: 100 of them are listed, and all are marked."""
    mesh = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    asset.mesh([(0, 0, 0), (100, 0, 0), (0, 100, 0)], [(0, 1, 2)], name="large")
    for i in range(150):
        asset.mesh(np.array(mesh) * 0.01 * (1 + i / 1000) + [3 * i, 500, 0], [(0, 1, 2)], name=f"crumb{i}")
    report = inspect(asset.stage, rules=["geometry.floaters"])
    (finding,) = report.findings
    assert finding.measured == 150
    assert finding.places == 150
    assert len(finding.where) == 100
    assert len(report.marked_faces(0)) == 150
