# SPDX-License-Identifier: Apache-2.0
"""The commands of the version store: names, JSON keys and exit codes are a contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pxr import Sdf, UsdGeom

from pipeline.cli import gates
from pipeline.project import Project

Run = Callable[..., Result]


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Function: run a command in the project, as ada."""
    monkeypatch.setenv("GATES_WORK", "ada")

    def call(*words: str, text: str | None = None) -> Result:
        return CliRunner().invoke(gates, ["-C", str(project.root), *words], input=text)

    return call


@pytest.fixture
def ask(run: Run) -> Callable[..., dict[str, Any]]:
    """Function: the JSON a command prints."""

    def call(*words: str, code: int = 0) -> dict[str, Any]:
        result = run(*words, "--json")
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return call


def number(project: Project, value: int) -> None:
    with project.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, "/World/Set/a").GetPrim()
        prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(value)


def test_new(tmp_path: Path) -> None:
    result = CliRunner().invoke(gates, ["new", str(tmp_path / "x"), "--job", "concept", "--units", "cm", "--json"])
    assert json.loads(result.stdout) == {
        "project": str(tmp_path / "x"),
        "stage": str(tmp_path / "x" / "project.usda"),
        "branch": "main",
        "job": "concept",
    }
    again = CliRunner().invoke(gates, ["new", str(tmp_path / "x")])
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert CliRunner().invoke(gates, ["new", str(tmp_path / "y"), "--job", "none"]).exit_code == 2


def test_commit_log_show(project: Project, ask: Callable[..., dict[str, Any]], run: Run) -> None:
    number(project, 1)
    made = ask("commit", "-m", "one")
    assert made.keys() >= {"version", "parents", "branch", "bytes"}
    assert made["bytes"] > 0
    rows = ask("log")["versions"]
    assert [row["message"] for row in rows] == ["one", "new project"]
    assert rows[0].keys() >= {"version", "parents", "author", "time", "message"}
    assert [row["version"] for row in ask("log", "-n", "1")["versions"]] == [made["version"]]
    shown = ask("show", made["version"][:8])
    assert shown["added"] == ["/World/Set/a", "/World/Set/a.n"]
    nothing = run("commit", "-m", "again")
    assert nothing.exit_code == 1
    assert "nothing to commit" in nothing.stderr


def test_branch_switch_tag(project: Project, ask: Callable[..., dict[str, Any]], run: Run) -> None:
    head = project.head()
    assert ask("branch", "dark") == {"name": "dark", "head": head}
    assert ask("switch", "dark") == {"name": "dark", "head": head}
    assert {row["name"]: row["current"] for row in ask("branch")["branches"]} == {"dark": True, "main": False}
    assert ask("tag", "v1") == {"name": "v1", "head": head}
    assert ask("tag")["tags"] == [{"name": "v1", "head": head}]
    assert run("switch", "nowhere").exit_code == 1


def test_diff(project: Project, ask: Callable[..., dict[str, Any]], run: Run) -> None:
    number(project, 1)
    project.commit("one")
    project.tag("one")
    number(project, 2)
    changed = ask("diff", "one")["changed"]
    assert [(c["path"], c["field"], c["old"], c["new"]) for c in changed] == [("/World/Set/a.n", "default", 1, 2)]
    project.commit("two")
    found = ask("diff", "one", "main", "--composed")
    assert [c["path"] for c in found["changed"]] == ["/World/Set/a.n"]
    assert found["seconds"] < 5
    assert "n: 1 → 2" in run("diff", "one", "main").output
    assert "no difference" in run("diff", "one", "one").output
    unknown = run("diff", "one", "twelve")
    assert unknown.exit_code == 1
    assert "twelve" in unknown.stderr


def test_diff_of_foreign_files(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.usda").write_text(f'#usda 1.0\ndef "X"\n{{\n    int n = {value}\n}}\n')
    result = CliRunner().invoke(gates, ["diff", str(tmp_path / "a.usda"), str(tmp_path / "b.usda"), "--json"])
    assert [c["path"] for c in json.loads(result.stdout)["changed"]] == ["/X.n"]
    (tmp_path / "b.usda").write_text("#usda 1.0\nthis is nonsense")
    broken = CliRunner().invoke(gates, ["diff", str(tmp_path / "a.usda"), str(tmp_path / "b.usda")])
    assert broken.exit_code == 1
    assert "cannot be read" in broken.stderr
    assert "Traceback" not in broken.stderr


@pytest.fixture
def conflicted(project: Project) -> Project:
    number(project, 0)
    project.commit("base")
    project.branch("theirs")
    for branch, value in (("theirs", 2), ("main", 1)):
        project.switch(branch)
        number(project, value)
        project.commit(branch)
    return project


def test_merge_conflict_is_five(conflicted: Project, ask: Callable[..., dict[str, Any]], run: Run) -> None:
    result = ask("merge", "theirs", code=5)
    assert result["conflicts"] == [{"path": "/World/Set/a.n", "field": "default", "base": 0, "ours": 1, "theirs": 2}]
    assert result["merged"] is False
    assert "/World/Set/a.n" in run("merge", "theirs").output


@pytest.mark.parametrize(
    ("option", "expected"),
    [(["--ours"], 1), (["--theirs"], 2), (["--set", "/World/Set/a.n=7"], 7)],
)
def test_merge_settled(
    conflicted: Project, ask: Callable[..., dict[str, Any]], option: list[str], expected: int
) -> None:
    assert ask("merge", "theirs", *option)["merged"] is True
    stage = conflicted.open_stage("main")
    assert stage.GetAttributeAtPath("/World/Set/a.n").Get() == expected


def test_the_table_settles_one_by_one(conflicted: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.cli.merge import ask as table

    answers = iter(["what?", "=9"])
    monkeypatch.setattr("click.prompt", lambda *_, **__: next(answers))
    settle = table(conflicted.merge("theirs").conflicts)
    assert settle is not None
    assert conflicted.merge("theirs", settle=settle).merged
    stage = conflicted.open_stage("main")
    assert stage.GetAttributeAtPath("/World/Set/a.n").Get() == 9


def test_a_lost_race_is_five(project: Project, run: Run, ask: Callable[..., dict[str, Any]]) -> None:
    number(project, 0)
    project.commit("base")
    bob = Project.open(project.root, work="bob")
    number(bob, 1)
    number(project, 2)
    bob.commit("first")
    assert ask("commit", "-m", "second", code=5)["conflicts"][0]["ours"] == 2
    assert run("commit", "-m", "second").exit_code == 5
    assert ask("commit", "-m", "second", "--ours")["branch"] == "main"
    stage = project.open_stage("main")
    assert stage.GetAttributeAtPath("/World/Set/a.n").Get() == 2


def test_revert_and_cherry_pick(project: Project, ask: Callable[..., dict[str, Any]]) -> None:
    number(project, 1)
    made = project.commit("one").id
    assert ask("revert", made)["merged"] is True
    stage = project.open_stage("main")
    assert not stage.GetPrimAtPath("/World/Set/a")
    assert ask("cherry-pick", made)["merged"] is True


def test_verify(project: Project, ask: Callable[..., dict[str, Any]], run: Run) -> None:
    assert ask("verify")["problems"] == []
    (project.root / "branches" / ".partial-1.usda").write_text("half")
    assert ask("verify", code=1)["problems"][0]["kind"] == "partial"
    assert ask("verify", "--repair")["problems"][0]["repaired"] is True
    assert "as it was written" in run("verify").output


def test_history_and_pins(project: Project, ask: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for n in (1, 2):
        (folder / f"tea_v{n:03d}.usda").write_text(
            f'#usda 1.0\n(\n    defaultPrim = "A"\n)\ndef "A"\n{{\n    int n = {n}\n}}\n'
        )
    assert len(ask("history", "import", str(folder), "--as", "old")["versions"]) == 2
    path = Path(ask("history", "export", "old", str(tmp_path / "out"))["path"])
    assert path == tmp_path / "out" / "old.usda"
    assert ask("pins")["pins"] == []


@pytest.mark.parametrize(
    "name",
    ["new", "branch", "switch", "tag", "commit", "log", "show", "diff", "merge", "verify", "cherry-pick", "revert",
     "pins", "history"],
)  # fmt: skip
def test_each_help_has_an_example(name: str) -> None:
    result = CliRunner().invoke(gates, [name, "--help"])
    assert result.exit_code == 0
    assert f"Example: gates {name}" in result.output
