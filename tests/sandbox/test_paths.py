# SPDX-License-Identifier: Apache-2.0
"""No spelling of a path leads out of the folder."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ImportRefused
from pipeline.sandbox import inside, refuse_irregular, resolve_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(b"secret")
    home = tmp_path / "model"
    (home / "textures").mkdir(parents=True)
    (home / "textures/wood.png").write_bytes(b"x")
    (home / "a b.png").write_bytes(b"x")
    return home


@pytest.mark.parametrize(
    "name", ["textures/wood.png", "./textures/wood.png", "textures\\wood.png", "textures/../a b.png"]
)
def test_what_lies_inside_is_found(folder: Path, name: str) -> None:
    assert inside(resolve_inside(name, folder, [folder]), [folder])


def test_percent_encoding_is_undone_only_where_asked(folder: Path) -> None:
    assert resolve_inside("a%20b.png", folder, [folder], decode=True).name == "a b.png"
    with pytest.raises(ImportRefused):
        resolve_inside("a%20b.png", folder, [folder])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png", "..\\secret.png", "textures/../../secret.png", "/etc/passwd", "//host/share/x.png",
        "file:///etc/passwd", "http://10.0.0.1/x.png", "ftp:x", "C:\\windows\\x.png", "c:x.png", "", "   ", "a\0b",
        "%2e%2e/secret.png", "x" * 5000,
    ],
)  # fmt: skip
def test_what_leads_out_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ImportRefused):
        resolve_inside(name, folder, [folder], decode=True)


def test_links_are_followed_before_judging(folder: Path) -> None:
    (folder / "link.png").symlink_to("../secret.png")
    (folder / "round.png").symlink_to("round.png")
    (folder / "fine.png").symlink_to("textures/wood.png")
    assert resolve_inside("fine.png", folder, [folder]).name == "wood.png"
    for name in ("link.png", "round.png"):
        with pytest.raises(ImportRefused):
            resolve_inside(name, folder, [folder])


def test_pipes_folders_and_sockets_are_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(folder / "sock"))
        for name in ("pipe.png", "textures", "sock"):
            with pytest.raises(ImportRefused):
                refuse_irregular(folder / name)
    with pytest.raises(ImportRefused):
        refuse_irregular(Path("/dev/zero"))


@given(st.lists(st.sampled_from(["..", ".", "a", "/", "\\", "%2e%2e", "~", "file:", "\u2025", "..."]), max_size=8))
def test_no_combination_leaves_the_folder(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "in").resolve()
        (root / "a").mkdir(parents=True)
        (root / "a/a").write_text("x")
        try:
            found = resolve_inside("/".join(parts), root, [root], decode=True)
        except ImportRefused:
            return
        assert found.resolve().is_relative_to(root)
