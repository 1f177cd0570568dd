# SPDX-License-Identifier: Apache-2.0
"""Verdicts, next steps and estimates as a technical director would give them, on assets with known faults."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from pipeline.checks import Report, inspect
from pipeline.checks.cleanup import time_name
from pipeline.checks.report import FindingReport
from pipeline.checks.text import as_text, shortened
from pipeline.checks.verdict import judge
from pipeline.settings.jobs import Brief, Job, load_job

JOB = Job(name="plain", title="Plain", gates=["inspection"], formats=["usd"])


def finding(rule: str, severity: str = "error", **more: Any) -> FindingReport:
    return FindingReport(
        rule=rule, title=rule, severity=severity, prim="/A", message=f"{rule} here", **{"minutes": 10, **more}
    )  # type: ignore[arg-type]


def judged(*findings: FindingReport, job: str | Job = "game-ready-prop", triangles: int = 10_000) -> Report:
    brief = Brief(job=load_job(job) if isinstance(job, str) else job)
    report = Report(path="asset.glb", job=brief.job.name, verdict="pass", findings=list(findings))
    report.stats.triangles = triangles
    judge(report, brief)
    return report


class TestWhatADirectorWouldSay:
    """Each case: what was found, and whether it is handed on, mended or made anew."""

    def test_another_view_is_cheaper_than_modelling_the_back(self) -> None:
        back = finding("geometry.hollow-back", minutes=45, regenerate="add a back view", input="--image BACK.png")
        report = judged(back)
        assert (report.verdict, report.next_step.action) == ("reject", "regenerate")
        assert report.next_step.change_input == ["add a back view"]
        assert report.next_step.commands[0] == "gates input ASSET --image BACK.png"
        assert "about 45 minutes" in report.reason
        assert "about 30 minutes" in report.reason  # config/jobs.toml: regenerate_minutes of a game-ready prop

    def test_but_a_hero_s_approved_shape_is_not_thrown_away_for_that(self) -> None:
        rig = finding("rig.missing", minutes=240, regenerate="ask for a rig")
        report = judged(rig, job="hero-character")
        assert (report.verdict, report.next_step.action) == ("revise", "refine")
        assert "about 4 hours" in report.reason
        assert "mending is cheaper" in report.reason

    def test_nobody_generates_anew_for_what_no_input_changes(self) -> None:
        report = judged(finding("texture.missing", minutes=400))
        assert (report.verdict, report.next_step.action) == ("revise", "refine")
        assert report.cleanup.regenerate_minutes is None

    def test_eight_kinds_of_faults_that_fixers_mend_are_a_click(self) -> None:
        report = judged(*(finding(f"r.{i}", fixable=True, fixer="weld", minutes=0.5) for i in range(8)))
        assert (report.verdict, report.next_step.action) == ("revise", "fix")
        assert "Safe fixers mend all of it" in report.reason

    def test_but_five_that_they_do_not_are_given_up(self) -> None:
        report = judged(*(finding(f"r.{i}", regenerate="ask for a remesh", minutes=2) for i in range(5)))
        assert report.verdict == "reject"
        assert "Too much is wrong at once: 5 kinds of errors weigh 5, and this job gives up at 4" in report.reason

    def test_the_heaviest_change_of_input_comes_first(self) -> None:
        small = finding("r.small", minutes=5, regenerate="plain background")
        large = finding("r.large", minutes=90, regenerate="show the back")
        assert judged(small, large).next_step.change_input == ["show the back", "plain background"]

    def test_a_warning_that_may_stay_is_told_and_stops_nothing(self) -> None:
        report = judged(finding("texture.baked-lighting", "warning", minutes=60))
        assert report.verdict == "pass"
        assert "Worth a look, but no obstacle (about an hour by hand)" in report.reason
        assert (report.cleanup.hand_minutes, report.cleanup.optional_minutes) == (0, 60)

    def test_it_stays_beside_an_error_that_is_fixed(self) -> None:
        light = finding("texture.baked-lighting", "warning", minutes=60)
        report = judged(finding("r.hole", fixable=True, fixer="fill-holes", minutes=0.5), light)
        assert report.next_step.action == "fix"
        assert "no obstacle" in report.reason
        assert report.cleanup.hand_minutes == 0.5

    def test_what_usd_says_again_counts_once(self) -> None:
        once = judged(finding("texture.missing"))
        twice = judged(finding("texture.missing"), finding("usd.MissingReferenceValidator"))
        assert (twice.score, twice.minutes) == (once.score, once.minutes)

    def test_nothing_at_all(self) -> None:
        report = judged()
        assert report.verdict == "pass"
        assert report.reason == "Ready as a game-ready prop: nothing stands in the way."

    @pytest.mark.parametrize(
        ("job", "said"), [("vfx-shot-element", "as a VFX shot element"), ("hero-character", "as a hero character")]
    )
    def test_the_job_in_words(self, job: str, said: str) -> None:
        assert said in judged(finding("r.x"), job=job).reason

    def test_no_rule_s_id_stands_in_the_paragraph(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.mesh(ball.vertices * 3, np.vstack([ball.faces[9:], ball.faces[40:44]]))
        report = inspect(asset.stage, job="game-ready-prop")
        assert len(report.findings) > 4
        assert not re.search(r"\b(geometry|uv|texture|topology|scale)\.[a-z]", report.reason)


class TestEstimate:
    @pytest.mark.parametrize("more", ["findings", "minutes", "triangles"])
    def test_more_never_costs_less(self, more: str) -> None:
        costs = []
        for n in (1, 2, 5, 20, 100):
            fixed = finding("r.b", fixable=True, fixer="unwrap", minutes=0.5)
            found = [
                finding("r.a", minutes=3 * n if more == "minutes" else 3) for _ in range(n if more == "findings" else 1)
            ]
            done = judged(*found, fixed, triangles=1000 * n if more == "triangles" else 1000).cleanup
            costs.append(done.hand_minutes + done.machine_minutes)
        assert costs == sorted(costs)
        assert costs[0] < costs[-1]

    def test_it_adds_up(self) -> None:
        done = judged(finding("r.a", minutes=20), finding("r.b", "warning", minutes=7)).cleanup
        assert [(i.rule, i.hand_minutes, i.needed) for i in done.items] == [("r.a", 20, True), ("r.b", 7, False)]
        assert (done.hand_minutes, done.optional_minutes) == (20, 7)
        assert "thresholds.toml" in done.basis

    @pytest.mark.parametrize(
        ("minutes", "told"),
        [(0.2, "under a minute"), (1.2, "about a minute"), (13, "about 13 minutes"), (43, "about 45 minutes"),
         (60, "about an hour"), (89, "about 1.5 hours"), (480, "about 8 hours")],
    )  # fmt: skip
    def test_in_words(self, minutes: float, told: str) -> None:
        assert time_name(minutes) == told


class TestText:
    @pytest.mark.parametrize("width", [40, 60, 80, 100])
    def test_it_fits(self, width: int, asset: Any, ball: trimesh.Trimesh) -> None:
        for i in range(7):
            asset.mesh(
                ball.vertices,
                ball.faces[3 + i :],
                f"a_very_long_name_of_a_part_of_the_left_arm_{i}",
                move=(3 * i, 0, 0),
            )
        report = inspect(asset.stage, rules=["geometry"])
        lines = as_text(report, width).splitlines()
        assert [line for line in lines if len(line) > width] == []
        assert any("and 3 more" in line for line in lines)  # seven balls, four are told

    @pytest.mark.parametrize(
        ("path", "room", "told"),
        [("/World/geo/lid", 20, "/World/geo/lid"), ("/World/set/left/shelf/jar/lid", 20, "/World/…/jar/lid"),
         ("/World/" + "x" * 40, 12, "…" + "x" * 11)],
    )  # fmt: skip
    def test_long_paths(self, path: str, room: int, told: str) -> None:
        assert shortened(path, room) == told
        assert len(told) <= room

    def test_errors_and_what_costs_most_come_first(self) -> None:
        report = judged(
            finding("r.a", "info"), finding("r.b", "warning", minutes=90), finding("r.c", minutes=3),
            finding("r.d", minutes=9),
        )  # fmt: skip
        told = re.findall(r"^[x!-] (r\.\w)", as_text(report), re.M)
        assert told == ["r.d", "r.c", "r.b", "r.a"]


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Any]:
    """`gates …` in this process and in the test's folder: its exit code, its document and what it says besides."""
    from pipeline.cli import gates as group

    def run(*words: str) -> tuple[int, dict[str, Any], str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gates", *words, "--json"])
        with pytest.raises(SystemExit) as left:
            group.main([*words, "--json"])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), json.loads(out) if out else {}, err

    return run


def _hole(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points, faces[1:]


def _crumbs_and_doubles(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    crumb = trimesh.creation.icosphere(1, 0.01)
    return np.vstack([points, crumb.vertices + 2]), np.vstack([faces, faces[:5], crumb.faces + len(points)])


@pytest.mark.long
@pytest.mark.parametrize(("spoil", "suffix"), [(_hole, ".usda"), (_crumbs_and_doubles, ".ply")])
def test_what_it_says_to_type_works(
    spoil: Callable[..., tuple[np.ndarray, np.ndarray]],
    suffix: str,
    asset: Any,
    ball: trimesh.Trimesh,
    tmp_path: Path,
    gates: Callable[..., Any],
) -> None:
    points, faces = spoil(np.asarray(ball.vertices), np.asarray(ball.faces))
    file = tmp_path / f"a file's{suffix}"
    if suffix == ".usda":
        asset.mesh(points, faces)
        asset.stage.Export(str(file))
    else:
        trimesh.Trimesh(points, faces, process=False).export(file)
    report = inspect(file, job="game-ready-prop")
    assert report.next_step.action == "fix", report.reason
    for command in report.next_step.commands:
        _, after, _ = gates(*shlex.split(command)[1:])
    assert after["verdict"] == "pass", after["reason"]
    gone = {f.rule for f in report.findings if f.severity == "error"} & {f["rule"] for f in after["findings"]}
    assert gone == set()


def test_the_document_is_what_its_schema_says(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, gates: Callable[..., Any]
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parents[2] / "schemas" / "json" / "inspect.json").read_text())
    asset.mesh(ball.vertices, ball.faces[1:])
    asset.stage.Export(str(tmp_path / "a.usda"))
    documents = []
    for _ in range(2):
        code, document, _ = gates(
            "inspect", "a.usda", "--rule", "geometry", "--rule", "uv", "--rule", "texture.pbr-set"
        )
        assert code == 3
        jsonschema.validate(document, schema)
        document.pop("seconds")
        documents.append(json.dumps(document))
    assert documents[0] == documents[1]  # the order is the same each time


@pytest.mark.parametrize(
    ("words", "code"),
    [(["a.usda", "--rule", "geometry.thin"], 0), (["a.usda", "--rule", "geometry.holes"], 3),
     (["empty.usda", "--rule", "geometry"], 4), (["gone.usda"], 1), (["broken.glb"], 1), (["a.usda", "--nonsense"], 2),
     (["a.usda", "--rule", "no.such"], 2), (["a.usda", "--job", "no-such"], 2), (["a.usda", "--prim", "/Gone"], 1)],
)  # fmt: skip
def test_exit_codes(
    words: list[str], code: int, asset: Any, ball: trimesh.Trimesh, tmp_path: Path, gates: Callable[..., Any]
) -> None:
    from pxr import Usd

    asset.mesh(ball.vertices, ball.faces[1:])
    asset.stage.Export(str(tmp_path / "a.usda"))
    empty = Usd.Stage.CreateInMemory()
    empty.SetDefaultPrim(empty.DefinePrim("/A", "Xform"))
    empty.Export(str(tmp_path / "empty.usda"))
    (tmp_path / "broken.glb").write_bytes(b"glTF\x02\0\0\0 this is none")
    left, document, said = gates("inspect", *words)
    assert left == code, said
    assert "Traceback" not in said
    assert ("findings" in document) == (code in (0, 3, 4))
