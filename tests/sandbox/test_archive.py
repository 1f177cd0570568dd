# SPDX-License-Identifier: Apache-2.0
"""Archives from outside stay in their folder and within their limits."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import sandbox
from pipeline.errors import ImportRefused, UsageError


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], packed: bool = False) -> Path:
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as z:
        for name, content in entries:
            z.writestr(name, content)
    return path


def link(target: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("textures")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    info.comment = target.encode()
    return info


def test_a_good_archive_is_unpacked(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", ("m.obj", b"v"), ("tex/w.png", b"png"), packed=True)
    files = sandbox.extract(source, tmp_path / "out")
    assert {f.relative_to(tmp_path / "out").as_posix(): f.read_bytes() for f in files} == {
        "m.obj": b"v", "tex/w.png": b"png",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["../out.txt", "a/../../b", "/abs", "C:/x", "..\\x", "a\\..\\..\\b"])
def test_entries_that_climb_out(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path / "a.zip", ("fine", b"x"), (name, b"evil"))
    with pytest.raises(ImportRefused, match="climbs out"):
        sandbox.extract(source, tmp_path / "in/out")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [source]


def test_links_are_refused(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", (link("/etc"), b"/etc"), ("textures/passwd", b"x"))
    with pytest.raises(ImportRefused, match="link"):
        sandbox.extract(source, tmp_path / "out")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", ("zeros", bytes(50 << 20)), packed=True)
    assert source.stat().st_size < 100_000
    with pytest.raises(ImportRefused, match="swells"):
        sandbox.extract(source, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", ("a", b"x" * 100_000), packed=True)

    def lie(data: bytearray) -> None:
        central = data.index(b"PK\x01\x02")
        struct.pack_into("<I", data, central + 24, 10)

    with pytest.raises(ImportRefused):
        sandbox.extract(patched(source, lie), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_too_many_entries_duplicates_encryption_and_garbage(tmp_path: Path) -> None:
    many = archive(tmp_path / "many.zip", *((f"{i}", b"") for i in range(10_001)))
    with pytest.raises(ImportRefused, match="10001 entries"):
        sandbox.extract(many, tmp_path / "o1")
    twice = archive(tmp_path / "twice.zip", ("a.png", b"1"), ("A.PNG", b"2"))
    with pytest.raises(ImportRefused, match="twice"):
        sandbox.extract(twice, tmp_path / "o2")
    locked = archive(tmp_path / "locked.zip", ("a", b"1"))

    def encrypt(data: bytearray) -> None:
        data[data.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(ImportRefused, match="encrypted"):
        sandbox.extract(patched(locked, encrypt), tmp_path / "o3")
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(ImportRefused, match="broken"):
        sandbox.extract(tmp_path / "no.zip", tmp_path / "o4")


def test_damaged_content_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("first", b"fine")
        z.writestr("second", b"A" * 1000)
    data = bytearray(buffer.getvalue())
    data[data.index(b"AAAA") + 3] = ord("B")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ImportRefused, match="CRC"):
        sandbox.extract(tmp_path / "a.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", ("a", b"1"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        sandbox.extract(source, tmp_path / "out")
    assert (tmp_path / "out/mine").read_text() == "mine"
