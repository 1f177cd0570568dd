# SPDX-License-Identifier: Apache-2.0
"""Names and numbers that a person or a script may mistype: each is refused in our words, before USD sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import Project
from pipeline.cli import gates

NAMES = ["a b", "1bad", "../x", "a/b", ".", "tab\tb", ""]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("arguments") / "project"
    Project.create(root, job="game-ready-prop")
    yield root


def refused(project: Path, capfd: pytest.CaptureFixture[str], *words: str) -> str:
    result = CliRunner().invoke(gates, ["-C", str(project), *words])
    said = result.output + "".join(capfd.readouterr())
    assert result.exit_code in {1, 2, 3}, (words, said)
    assert "--debug" not in said and "Warning: in" not in said and "/opt/USD" not in said, (words, said)
    return said


FORMS = [
    ("intent", "{}", "--lock"),
    ("input", "{}", "--prompt", "a stall"),
    ("place", "{}", "--at", "0,0,0"),
    ("camera", "{}", "--subject", "nothing"),
    ("camera", "hero", "--subject", "{}"),
    ("light", "{}"),
    ("candidates", "{}"),
    ("refine", "{}", "weld"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_a_name_that_no_prim_can_have(
    project: Path, capfd: pytest.CaptureFixture[str], form: tuple[str, ...], name: str
) -> None:
    assert refused(project, capfd, *(word.replace("{}", name) for word in form))


@pytest.mark.parametrize("name", ["a b", "../x", "a/b", ".", "tab\tb"])
@pytest.mark.parametrize("command", ["branch", "tag", "switch"])
def test_a_name_that_no_file_should_have(
    project: Path, capfd: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    assert refused(project, capfd, command, name)


@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
def test_numbers_that_are_none(project: Path, capfd: pytest.CaptureFixture[str], number: str) -> None:
    assert "finite" in refused(project, capfd, "camera", "hero", "--subject", "x", "--distance", number)
    assert "three numbers" in refused(project, capfd, "place", "x", "--at", f"{number},0,0")
    assert "finite" in refused(project, capfd, "place", "x", "--yaw", number)


def test_a_version_says_what_changed(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = Project.open(project).log()
    assert "message" in refused(project, capfd, "commit", "-m", "  ")
    assert [v.id for v in Project.open(project).log()] == [v.id for v in before]


def test_a_rig_may_be_written_with_dashes(project: Path) -> None:
    result = CliRunner().invoke(gates, ["-C", str(project), "light", "three-point"])
    assert result.exit_code == 0
    with Project.open(project).edit() as stage:
        assert stage.GetPrimAtPath("/World/Lights/three_point").IsActive()
