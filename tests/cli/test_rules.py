# SPDX-License-Identifier: Apache-2.0
"""`gates rules`, and what a shell completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pipeline.checks.registry import built_in
from pipeline.cli.completing import complete_job, complete_rule
from pipeline.cli.output import Session
from pipeline.cli.rules import command


def run(*words: str) -> str:
    done = CliRunner().invoke(command, list(words), obj=Session(), catch_exceptions=False)
    return done.output


def test_every_rule_says_what_it_measures_why_and_how_to_mend_it() -> None:
    rows = {r["rule"]: r for r in json.loads(run("--json"))["rules"]}
    assert set(rows) >= {rule.id for rule in built_in()}
    for rule in built_in():
        row = rows[rule.id]
        assert row["measures"].endswith("."), rule.id
        assert row["why"].endswith("."), rule.id
        assert row["by_hand"].endswith("."), rule.id
    assert sum(name.startswith("usd.") for name in rows) >= 25  # USD 26.11 has 30 validators of 28 names


def test_a_job_has_its_own_say() -> None:
    limits = {
        job: json.loads(run("topology.triangle-budget", "--job", job, "--json"))["rules"][0]["limit"]
        for job in ("greybox", "hero-character")
    }
    assert limits == {"greybox": 5000, "hero-character": 100_000}  # config/jobs.toml
    assert json.loads(run("geometry.fused", "--job", "greybox", "--json"))["rules"][0]["severity"] == "off"


def test_lines_fit() -> None:
    for words in ((), ("geometry.*", "uv")):
        lines = run(*words).splitlines()
        assert max(map(len, lines)) <= 80
    assert any("why" in line for line in lines)


def test_completion() -> None:
    assert complete_rule(None, None, "uv.f") == ["uv.flipped", "uv.fragmented"]
    assert "geometry" in complete_rule(None, None, "geo")
    assert complete_job(None, None, "hero") == ["hero-character"]


@pytest.mark.long
def test_a_shell_asks() -> None:
    asked = {"_GATES_COMPLETE": "bash_complete", "COMP_WORDS": "gates inspect a.glb --rule uv.f", "COMP_CWORD": "4"}
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'gates'; from pipeline.__main__ import main; main()"],
        capture_output=True, text=True, check=False, env={**os.environ, **asked},
    )  # fmt: skip
    assert ran.stdout.split() == ["plain,uv.flipped", "plain,uv.fragmented"]
