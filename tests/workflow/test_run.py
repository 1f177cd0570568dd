# SPDX-License-Identifier: Apache-2.0
"""Workflows: order, references, and a memo that runs only what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ConfigError, GateRefused, ProjectError, UsageError
from pipeline.project import Project
from pipeline.workflow import load_workflow, run_workflow
from pipeline.workflow.memo import key_of
from pipeline.workflow.model import Workflow

TEXT = """
name = "crate"
title = "A crate"
asset = "crate"
job = "concept"
[settings]
prompt = "a wooden crate"
max_triangles = 5000
[[nodes]]
id = "intent"
op = "intent"
gate = "intent"
[nodes.params]
max_triangles = "$settings.max_triangles"
[[nodes]]
id = "inputs"
op = "inputs"
gate = "inputs"
[nodes.params]
prompt = "$settings.prompt"
[[nodes]]
id = "kit"
op = "generate"
gate = "generation"
sees = ["inputs.digest", "intent.wish"]
[nodes.params]
variants = ["c01"]
[[nodes]]
id = "version"
op = "commit"
sees = ["kit.digest", "intent"]
[nodes.params]
message = "a crate"
"""


@pytest.fixture
def graph(tmp_path: Path) -> Workflow:
    path = tmp_path / "workflow.toml"
    path.write_text(TEXT, encoding="utf-8")
    return load_workflow(str(path))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "project", job="concept", work="alice")


def states(graph: Workflow, project: Project) -> dict[str, str]:
    return {n.node: n.state for n in run_workflow(graph, project).nodes}


def test_a_second_run_takes_everything_from_the_memo(graph: Workflow, project: Project) -> None:
    assert set(states(graph, project).values()) == {"ran"}
    head = project.log()[0].id
    assert set(states(graph, project).values()) == {"cached"}
    assert project.log()[0].id == head


def test_one_word_of_the_brief_runs_what_depends_on_it(graph: Workflow, project: Project) -> None:
    states(graph, project)
    changed = graph.with_settings({"settings.prompt": "a wooden barrel"})
    assert states(changed, project) == {"intent": "cached", "inputs": "ran", "kit": "ran", "version": "ran"}
    assert project.open_stage().GetPrimAtPath("/World/Assets/crate")
    stage = project.open_stage()
    assert (
        stage.GetPrimAtPath("/Project/Assets/crate/Inputs/prompt").GetAttribute("gates:text").Get() == "a wooden barrel"
    )


def test_a_budget_does_not_run_the_generator(graph: Workflow, project: Project) -> None:
    states(graph, project)
    changed = graph.with_settings({"settings.max_triangles": "4000"})
    assert states(changed, project) == {"intent": "ran", "inputs": "cached", "kit": "cached", "version": "ran"}


def test_an_effect_that_is_gone_is_made_again(graph: Workflow, project: Project) -> None:
    states(graph, project)
    project.remove("/World/Assets/crate")
    assert states(graph, project)["kit"] == "ran"
    assert project.open_stage().GetPrimAtPath("/World/Assets/crate")


def test_a_deleted_memo_only_costs_time(graph: Workflow, project: Project) -> None:
    states(graph, project)
    for entry in (project.layout.private / "memo").iterdir():
        entry.unlink()
    assert set(states(graph, project).values()) == {"ran"}


def test_a_failure_is_told_and_the_next_run_goes_on_there(graph: Workflow, project: Project) -> None:
    broken = graph.model_copy(deep=True)
    broken.nodes[2].params["generator"] = "dreams"
    seen = []
    with pytest.raises(UsageError, match="dreams"):
        run_workflow(broken, project, report=seen.append)
    assert [(n.node, n.state) for n in seen] == [("intent", "ran"), ("inputs", "ran"), ("kit", "failed")]
    assert states(graph, project) == {"intent": "cached", "inputs": "cached", "kit": "ran", "version": "ran"}


def test_two_runs_in_one_project_exclude_each_other(graph: Workflow, project: Project) -> None:
    import fcntl

    lock = project.layout.private / "locks" / "workflow.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ProjectError, match="another run"):
            run_workflow(graph, project)
    assert states(graph, project)["intent"] == "ran"


def test_a_gate_cannot_be_skipped_by_a_workflow(graph: Workflow, project: Project) -> None:
    shortcut = graph.model_copy(deep=True)
    del shortcut.nodes[1]
    shortcut.nodes[1].sees = []
    shortcut.nodes[2].sees = []
    with pytest.raises(GateRefused, match="inputs"):
        run_workflow(shortcut, project)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('sees = ["kit.digest", "intent"]', 'sees = ["later"]'), "later"),
        (('id = "kit"', 'id = "intent"'), "twice"),
        (("[settings]", "[settings"), "TOML"),
        (('op = "commit"', 'operation = "commit"'), "nodes"),
    ],
)
def test_a_file_that_means_nothing_is_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "workflow.toml"
    path.write_text(TEXT.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_workflow(str(path))


def test_settings_that_do_not_exist_are_named(graph: Workflow) -> None:
    with pytest.raises(UsageError, match="prompt"):
        graph.with_settings({"settings.colour": "red"})
    with pytest.raises(UsageError, match="kit"):
        graph.with_settings({"bake.size": "3"})


def test_an_unknown_parameter_is_refused_with_the_known_ones(graph: Workflow, project: Project) -> None:
    graph.nodes[0].params["triangles"] = 3
    with pytest.raises(UsageError, match="max_triangles"):
        run_workflow(graph, project)


def test_keys_follow_content_and_nothing_else(tmp_path: Path) -> None:
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    a.write_bytes(b"one")
    b.write_bytes(b"one")
    first = key_of("op", 1, {"file": a, "n": 1}, {})
    assert first == key_of("op", 1, {"n": 1, "file": b}, {})
    b.write_bytes(b"two")
    assert first != key_of("op", 1, {"n": 1, "file": b}, {})
    assert first != key_of("op", 2, {"file": a, "n": 1}, {})


def test_no_file_outside_the_workflows_folder(graph: Workflow, project: Project) -> None:
    graph.nodes[1].params["prompt"] = "@../secret"
    with pytest.raises(ConfigError, match="leaves"):
        run_workflow(graph, project)
