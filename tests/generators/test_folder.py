# SPDX-License-Identifier: Apache-2.0
"""Files of a folder as candidates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import GeneratorError
from pipeline.generators import Request, load_generator


def wish(path: Path, **more: object) -> Request:
    return Request(**{"asset": "x", "options": {"folder": {"path": str(path)}}, **more})  # type: ignore[arg-type]


def test_files_in_the_order_of_their_names(tmp_path: Path, model_bytes: bytes) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in ("b.glb", "a.glb", "c.glb", "notes.txt"):
        (source / name).write_bytes(model_bytes)
    told = {"licence": "CC-BY-4.0", "model": "by hand", "author_note": "from the archive"}
    (source / "c.glb.json").write_text(json.dumps(told))
    made = load_generator("folder").generate(wish(source, count=2, seed=1), tmp_path / "out")
    assert [c.file.name for c in made] == ["b.glb", "c.glb"]
    assert made[0].file.read_bytes() == model_bytes
    assert made[0].provenance["licence"] == "not stated"
    assert made[1].provenance["licence"] == "CC-BY-4.0"
    assert made[1].model == "by hand"
    assert made[1].provenance["author_note"] == "from the archive"


def test_links_out_of_the_folder_are_left_alone(tmp_path: Path, model_bytes: bytes) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (tmp_path / "secret.glb").write_bytes(model_bytes)
    (source / "link.glb").symlink_to(tmp_path / "secret.glb")
    with pytest.raises(GeneratorError, match="no model"):
        load_generator("folder").generate(wish(source), tmp_path / "out")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="nowhere"):
        load_generator("folder").generate(wish(tmp_path / "nowhere"), tmp_path / "out")
