# SPDX-License-Identifier: Apache-2.0
"""The documentation runs: Python blocks of a page one after the other, `$ gates …` lines in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)?[^\n]*\n(.*?)^```", re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def with_blocks(language: str) -> list[Path]:
    return [p for p in PAGES if blocks(p, language)]


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "GATES_WORK": "reader",
        "PYTHONWARNINGS": "error",
    }


@pytest.mark.parametrize("page", with_blocks("python"), ids=lambda p: p.stem)
def test_python_blocks_run(page: Path, tmp_path: Path) -> None:
    code = "\n\n".join(blocks(page, "python"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{page.relative_to(ROOT)}: {done.stderr[-2000:]}"


@pytest.mark.long
@pytest.mark.parametrize("page", with_blocks("console"), ids=lambda p: p.stem)
def test_console_blocks_run(page: Path, tmp_path: Path) -> None:
    for body in blocks(page, "toml"):
        named = re.search(r'^name = "([\w-]+)"', body, re.M)
        if named:
            (tmp_path / f"{named.group(1)}.toml").write_text(body, encoding="utf-8")
    for body in blocks(page, "console"):
        for line in body.replace("\\\n", " ").splitlines():
            if not line.startswith("$ gates "):
                continue
            expected = re.search(r"#\s*exit (\d+)\s*$", line)
            words = shlex.split(line[2:], comments=True)
            done = subprocess.run(
                [sys.executable, "-m", "pipeline", *words[1:]],
                cwd=tmp_path,
                env=environment(tmp_path),
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            wanted = int(expected.group(1)) if expected else 0
            assert done.returncode == wanted, (
                f"{page.relative_to(ROOT)}: {line}\n{done.stdout[-500:]}{done.stderr[-1500:]}"
            )


def test_every_link_leads_somewhere() -> None:
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ]
    broken = [f"{p.relative_to(ROOT)} -> {t}" for p, t in links if "://" not in t and not (p.parent / t).exists()]
    assert not broken, "\n".join(broken)


def test_the_reference_is_what_the_code_says(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "reference.py"),
            "--out",
            str(tmp_path / "reference"),
            "--schemas",
            str(tmp_path / "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pairs = [(p, ROOT / "docs" / "reference" / p.name) for p in sorted((tmp_path / "reference").glob("*.md"))]
    pairs += [(p, ROOT / "schemas" / "json" / p.name) for p in sorted((tmp_path / "json").glob("*.json"))]
    assert len(pairs) >= 18
    for made, kept in pairs:
        assert kept.exists(), f"{kept.relative_to(ROOT)} is missing: make docs"
        assert kept.read_text(encoding="utf-8") == made.read_text(encoding="utf-8"), f"{kept.name} is stale: make docs"
