# SPDX-License-Identifier: Apache-2.0
"""Configuration: shipped, studio, project, the later wins; every key is documented and means something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, UsageError
from pipeline.resources import folder
from pipeline.settings import load, merged
from pipeline.settings.jobs import GATES, Budgets, Job, Needs, brief_for, job_names, load_job


def test_the_seven_jobs_of_the_matrix() -> None:
    assert job_names() == [
        "concept",
        "greybox",
        "game-ready-prop",
        "hero-character",
        "vfx-shot-element",
        "product-visual",
        "web-experience",
    ]
    for name in job_names():
        job = load_job(name)
        assert job.gates == [g for g in GATES if g in job.gates]  # in order
        assert job.prioritises
        assert job.formats
    assert load_job("hero-character").gates == list(GATES)
    assert load_job("hero-character").needs.rig


def test_every_key_is_documented_where_it_is_defined() -> None:
    head = (folder("config") / "jobs.toml").read_text(encoding="utf-8").split("\n[jobs.", 1)[0]
    for key in [*Budgets.model_fields, *Needs.model_fields, *(k for k in Job.model_fields if k != "name")]:
        assert re.search(rf"\b{key}\b", head), f"config/jobs.toml says nothing of {key}"


def test_a_studio_and_a_project_override_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio, project = tmp_path / "studio", tmp_path / "project"
    studio.mkdir()
    project.mkdir()
    (studio / "jobs.toml").write_text("[jobs.greybox.budgets]\nmax_triangles = 111\nmax_materials = 9\n", "utf-8")
    (project / "gates.toml").write_text("[jobs.greybox.budgets]\nmax_triangles = 222\n", "utf-8")
    monkeypatch.setenv("GATES_STUDIO", str(studio))
    assert load_job("greybox").budgets.max_triangles == 111
    job = load_job("greybox", project)
    assert (job.budgets.max_triangles, job.budgets.max_materials) == (222, 9)
    assert load_job("concept", project) == load_job("concept")


def test_what_means_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATES_STUDIO", str(tmp_path))
    (tmp_path / "jobs.toml").write_text("[jobs.greybox.budgets]\nmax_tris = 1\n", "utf-8")
    with pytest.raises(ConfigError, match="max_tris"):
        load_job("greybox")
    (tmp_path / "jobs.toml").write_text("[jobs.greybox\n", "utf-8")
    with pytest.raises(ConfigError, match="TOML"):
        load_job("greybox")
    with pytest.raises(UsageError, match="hero-character"):
        monkeypatch.delenv("GATES_STUDIO")
        load_job("hero")
    with pytest.raises(ConfigError, match="jobs"):
        load("weather")


def test_merging_changes_neither() -> None:
    base, over = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}
    assert merged(base, over) == {"a": {"b": 5, "c": 2}, "d": 3}
    assert base["a"] == {"b": 1, "c": 2}


def test_a_brief_from_whatever_names_one() -> None:
    job = load_job("concept")
    assert brief_for("concept").job == brief_for(job).job == brief_for(brief_for(job)).job
    assert brief_for(None).job.name == "game-ready-prop"
