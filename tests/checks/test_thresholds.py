# SPDX-License-Identifier: Apache-2.0
"""Thresholds: shipped, the studio's, the project's, the job's; the later wins key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trimesh

from pipeline.checks import inspect
from pipeline.checks.context import Context
from pipeline.checks.reading import from_stage
from pipeline.checks.registry import built_in
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.verdict import judge
from pipeline.errors import ConfigError, UsageError
from pipeline.settings.jobs import Brief, Job, RuleSetting, VerdictSetting, load_job
from pipeline.settings.thresholds import RuleThreshold, Weighing, load_thresholds

JOB = Job(name="plain", title="Plain", gates=["inspection"], formats=["usd"])


def test_what_ships_documents_every_rule_as_it_is() -> None:
    said = load_thresholds()
    assert sorted(said.rules) == sorted(rule.id for rule in built_in())
    for rule in built_in():
        mine = said.of(rule.id)
        assert (mine.severity, mine.limit, mine.minutes) == (rule.severity, rule.limit, rule.minutes), rule.id
        assert mine.options == dict(rule.options), rule.id
    assert said.verdict == Weighing()


def test_each_layer_wins_over_the_one_before(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset.mesh(ball.vertices, ball.faces[1:])  # one open border

    def severities(job: Job, project: Path | None = None) -> list[str]:
        brief = Brief(job=job, project=project)
        return [f.severity for f in inspect(asset.stage, job=brief, rules=["geometry.holes"]).findings]

    assert severities(JOB) == ["error"]
    studio, project = tmp_path / "studio", tmp_path / "project"
    for folder in (studio, project):
        folder.mkdir()
    (studio / "thresholds.toml").write_text('[thresholds.rules."geometry.holes"]\nseverity = "warning"\n')
    monkeypatch.setenv("GATES_STUDIO", str(studio))
    assert severities(JOB) == ["warning"]
    (project / "gates.toml").write_text('[thresholds.rules."geometry.holes"]\nseverity = "info"\n')
    assert severities(JOB, project) == ["info"]
    strict = JOB.model_copy(update={"rules": {"geometry.holes": RuleSetting(severity="error", limit=0)}})
    assert severities(strict, project) == ["error"]
    (project / "gates.toml").write_text('[thresholds.rules."geometry.holes"]\nlimit = 1\n')
    assert severities(JOB, project) == []
    (project / "gates.toml").write_text('[thresholds.rules."geometry.holes"]\nseverity = "off"\n')
    assert "geometry.holes" in inspect(asset.stage, job=Brief(job=JOB, project=project)).skipped


def test_options_of_a_rule(asset: Any, ball: trimesh.Trimesh, tmp_path: Path) -> None:
    asset.mesh(ball.vertices, ball.faces)
    brief = Brief(job=JOB, project=tmp_path)
    ask = ["topology.slivers"]
    assert not inspect(asset.stage, job=brief, rules=ask).findings
    # no angle of an icosphere's triangles is as large as 80 degrees, so each has one below
    (tmp_path / "gates.toml").write_text('[thresholds.rules."topology.slivers".options]\nangle = 80\n')
    assert inspect(asset.stage, job=brief, rules=ask).findings[0].measured == 1
    (tmp_path / "gates.toml").write_text('[thresholds.rules."topology.slivers".options]\nangel = 80\n')
    with pytest.raises(ConfigError, match=r"topology\.slivers has no option 'angel'") as refused:
        inspect(asset.stage, job=brief, rules=ask)
    assert refused.value.remedy == "did you mean 'angle'?"


def test_every_key_of_every_rule_in_every_layer(asset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studio, project, job: each says all keys of all rules, and the strongest that speaks is heard."""
    studio, project = tmp_path / "studio", tmp_path / "project"
    monkeypatch.setenv("GATES_STUDIO", str(studio))
    rules = [rule() for rule in built_in()]

    def tables(number: float) -> str:
        said = []
        for rule in rules:
            said.append(f'[thresholds.rules."{rule.id}"]\nseverity = "info"\nlimit = {number}\nminutes = {number}\n')
            said.append(f'[thresholds.rules."{rule.id}".options]\n')
            said += [f"{name} = {number}\n" for name in rule.options]
        return "".join(said)

    for folder, name, number in ((studio, "thresholds.toml", 0.123), (project, "gates.toml", 0.456)):
        folder.mkdir()
        (folder / name).write_text(tables(number))
        context = Context(from_stage(asset.stage), Brief(job=load_job("game-ready-prop", project), project=project))
        for rule in rules:
            budget = rule.limit_for(context.brief) != rule.limit
            setting = context.setting(rule)
            assert setting.limit == (rule.limit_for(context.brief) if budget else number), rule.id
            assert context.minutes(rule) == number, rule.id
            assert all(context.option(rule, option) == number for option in rule.options), rule.id
            assert setting.severity == "info", rule.id
    with (project / "gates.toml").open("a") as file:
        for rule in rules:
            file.write(f'[jobs.game-ready-prop.rules."{rule.id}"]\nseverity = "error"\nlimit = 0.789\n')
    context = Context(from_stage(asset.stage), Brief(job=load_job("game-ready-prop", project), project=project))
    for rule in rules:
        assert (context.setting(rule).limit, context.setting(rule).severity) == (0.789, "error"), rule.id


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ('[thresholds.rules."geometry.holes"]\nlimits = 3\n', "rules.geometry.holes.limits", "'limit'"),
        ("[thresholds.verdict]\nwarnings = 3\n", "verdict.warnings", "'warning'"),
        ("[thresholds.verdicts]\nwarning = 3\n", "verdicts", "'verdict'"),
        ('[thresholds.rules."geometry.hole"]\nlimit = 3\n', "geometry.hole'", "'geometry.holes'"),
        ('[thresholds.verdict.weights]\n"uv.overlaps" = 3\n', "uv.overlaps'", "'uv.overlap'"),
        ('[thresholds.verdict]\nfatal = ["geometry.invlid"]\n', "geometry.invlid'", "'geometry.invalid'"),
        ('[jobs.web-experience.rules."uv.strech"]\nlimit = 3\n', "uv.strech'", "'uv.stretch'"),
        ('[jobs.web-experience.rules."uv.stretch"]\nlimt = 3\n', "rules.uv.stretch.limt", "'limit'"),
        ("[jobs.web-experience.budgets]\nmax_triangels = 3\n", "budgets.max_triangels", "'max_triangles'"),
        ('[thresholds.rules."uv.stretch"]\nseverity = "fatal"\n', "rules.uv.stretch.severity", "'off'"),
    ],
)
def test_a_key_that_means_nothing_is_refused_with_the_one_that_was_meant(
    asset: Any, tmp_path: Path, text: str, place: str, meant: str
) -> None:
    (tmp_path / "gates.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        inspect(asset.stage, job="web-experience", project=tmp_path, rules=["geometry.invalid"])
    assert place in str(refused.value)
    assert meant in f"{refused.value} {refused.value.remedy}"


def test_a_rule_of_a_plug_in_that_is_not_here_is_borne(asset: Any, ball: trimesh.Trimesh, tmp_path: Path) -> None:
    asset.tri(ball)
    (tmp_path / "gates.toml").write_text('[thresholds.rules."studio.door-height"]\nlimit = 3\noptions = { near = 1 }\n')
    assert inspect(asset.stage, project=tmp_path, rules=["geometry.invalid"]).verdict == "pass"


@pytest.mark.parametrize(("asked", "meant"), [("geometry.hole", "geometry.holes"), ("geometri", "geometry")])
def test_a_rule_that_is_asked_for_by_a_wrong_name(asset: Any, asked: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        inspect(asset.stage, rules=[asked])
    assert str(refused.value.remedy).startswith(f"did you mean {meant}")


def _report(*severities: str, fixable: bool = False, minutes: float = 10) -> Report:
    findings = [
        FindingReport(rule=f"r.{i}", severity=s, prim="", message="x", fixable=fixable, minutes=minutes)  # type: ignore[arg-type]
        for i, s in enumerate(severities)
    ]
    return Report(path="a", job="plain", verdict="pass", findings=findings)


def test_weights_decide_the_verdict() -> None:
    def verdict(report: Report, weighing: Weighing, said: VerdictSetting | None = None) -> str:
        judge(report, Brief(job=JOB.model_copy(update={"verdict": said or VerdictSetting()})), weighing)
        return report.verdict

    three = ("error",) * 3
    assert verdict(_report(*three), Weighing()) == "revise"  # 3 x 1 < 4
    assert verdict(_report(*three), Weighing(error=1.4)) == "reject"  # 3 x 1.4 > 4
    assert verdict(_report(*three), Weighing(reject_at=3)) == "reject"
    assert verdict(_report(*three), Weighing(reject_at=3), VerdictSetting(reject_at=5)) == "revise"  # the job's say
    assert verdict(_report(*three, fixable=True), Weighing(reject_at=3)) == "revise"  # half of three
    some = _report(*three, fixable=True)
    some.findings[0].fixable = False  # 1 + 2 x 1; what fixers mend in full is never given up
    assert verdict(some, Weighing(reject_at=3)) == "revise"
    assert verdict(some, Weighing(reject_at=3, fixable=1)) == "reject"
    assert verdict(_report(*three, fixable=True), Weighing(reject_at=3, fixable=1)) == "revise"
    assert verdict(_report("warning"), Weighing()) == "pass"
    assert verdict(_report("warning"), Weighing(weights={"r.0": 1.0})) == "revise"
    assert verdict(_report("warning"), Weighing(weights={"r.0": 1.0}), VerdictSetting(weights={"r.0": 0.5})) == "pass"


def test_more_places_take_longer() -> None:
    one, ten = _report("error"), _report("error")
    ten.findings = [one.findings[0].model_copy() for _ in range(10)]
    for report in (one, ten):
        judge(report, Brief(job=JOB))
    assert (one.minutes, ten.minutes) == (10, 20)


def test_a_threshold_never_touches_a_budget(asset: Any, ball: trimesh.Trimesh, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.checks.topology.triangle_budget import TriangleBudget

    asset.tri(ball)
    context = Context(from_stage(asset.stage), Brief(job=load_job("game-ready-prop")))
    rules = {"topology.triangle-budget": RuleThreshold(limit=7)}
    monkeypatch.setattr(context, "thresholds", context.thresholds.model_copy(update={"rules": rules}))
    assert context.limit(TriangleBudget()) == load_job("game-ready-prop").budgets.max_triangles
