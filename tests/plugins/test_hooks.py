# SPDX-License-Identifier: Apache-2.0
"""Hooks run in order, from trusted places only, and a failing one before an event stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import HookFailed
from pipeline.plugins import hooks
from pipeline.settings import trust


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("GATES_STUDIO", raising=False)


def hook(folder: Path, event: str, name: str, body: str) -> Path:
    path = folder / "hooks" / event / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")
    return path


def test_the_package_comes_before_the_studio_before_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, project = tmp_path / "studio", tmp_path / "project"
    monkeypatch.setenv("GATES_STUDIO", str(studio))
    hook(project, "pre_publish", "05_first.py", "")
    hook(studio, "pre_publish", "20_b.py", "")
    hook(studio, "pre_publish", "10_a.py", "")
    trust.trust(project)
    found = hooks.find("pre_publish", project)
    assert [s for s, _ in found if s != "package"] == ["studio", "studio", "project"]
    assert found[0][0] == "package"
    assert [p.name for s, p in found if s == "studio"] == ["10_a.py", "20_b.py"]


def test_a_projects_hooks_run_only_when_trusted_and_only_as_they_were(tmp_path: Path) -> None:
    path = hook(tmp_path, "pre_publish", "10_x.py", "print('{}')")
    project_hooks = [p for s, p in hooks.find("pre_publish", tmp_path) if s == "project"]
    assert project_hooks == []
    trust.trust(tmp_path)
    assert [p for s, p in hooks.find("pre_publish", tmp_path) if s == "project"] == [path]
    path.write_text("print('changed')", encoding="utf-8")
    assert [p for s, p in hooks.find("pre_publish", tmp_path) if s == "project"] == []
    trust.trust(tmp_path)
    trust.revoke(tmp_path)
    assert not trust.is_trusted(tmp_path)
    assert not trust.trust_file().is_relative_to(tmp_path / "hooks")


def test_the_event_comes_in_and_an_answer_goes_out(tmp_path: Path) -> None:
    code = "import json, sys\ne = json.load(sys.stdin)\nprint(json.dumps({'saw': e['asset'], 'event': e['event']}))"
    hook(tmp_path, "post_inspect", "50_echo.py", code)
    trust.trust(tmp_path)
    (tmp_path / ".gates").mkdir()
    runs = hooks.run("post_inspect", {"asset": "crate"}, tmp_path)
    assert runs[-1].output == {"saw": "crate", "event": "post_inspect"}
    assert all(r.ok for r in runs)


def test_a_failing_pre_hook_stops_with_its_own_words_and_later_ones_do_not_run(tmp_path: Path) -> None:
    hook(tmp_path, "pre_publish", "10_no.py", "import sys; sys.exit('the art lead is away')")
    hook(tmp_path, "pre_publish", "20_mark.py", "open('ran', 'w')")
    trust.trust(tmp_path)
    with pytest.raises(HookFailed, match="the art lead is away") as error:
        hooks.run("pre_publish", {"inputs": []}, tmp_path)
    assert "10_no.py" in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_a_failing_post_hook_is_told_and_stops_nothing(tmp_path: Path) -> None:
    hook(tmp_path, "post_publish", "50_no.py", "raise ValueError('late')")
    hook(tmp_path, "post_publish", "60_yes.py", "")
    trust.trust(tmp_path)
    (tmp_path / ".gates").mkdir()
    runs = hooks.run("post_publish", {}, tmp_path)
    mine = [r for r in runs if r.source == "project"]
    assert [r.ok for r in mine] == [False, True]
    assert "late" in mine[0].message


def test_the_licence_hook_tells_and_on_demand_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [{"kind": "image", "role": "shape", "file": "a.png", "licence": ""}, {"kind": "text", "licence": ""}]
    runs = hooks.run("pre_publish", {"inputs": inputs})
    assert runs[0].output == {"inputs": 2, "without_licence": ["a.png"]}
    monkeypatch.setenv("GATES_REQUIRE_LICENCES", "1")
    with pytest.raises(HookFailed, match=r"a\.png"):
        hooks.run("pre_publish", {"inputs": inputs})


def test_the_journal_hook_writes_a_line(tmp_path: Path) -> None:
    (tmp_path / ".gates").mkdir()
    hooks.run("post_publish", {"asset": "crate", "number": 3, "version": "abc"}, tmp_path)
    line = json.loads((tmp_path / ".gates" / "journal.jsonl").read_text(encoding="utf-8"))
    assert (line["asset"], line["number"], line["event"]) == ("crate", 3, "post_publish")
