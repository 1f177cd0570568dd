# SPDX-License-Identifier: Apache-2.0
"""A stage that would end or hang the host ends a worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pxr import Usd

from pipeline.errors import ImportRefused
from pipeline.importers import vet_stage

SHARED = Path(__file__).parents[1] / "data/importers"


@pytest.mark.parametrize("name", ["RoughnessTest.usdz", "texture_transform/TextureTransformTest.usd"])
def test_good_stages_pass_and_are_counted(name: str) -> None:
    stage = Usd.Stage.Open(str(SHARED / name))
    assert vet_stage(SHARED / name) == len(list(stage.TraverseAll()))


def test_references_may_lead_anywhere_but_a_pipe_does_not_hang_us(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "shot").mkdir()
    (tmp_path / "lib/a.usda").write_text('#usda 1.0\n(defaultPrim = "A")\ndef "A" {\n def "b" {\n }\n}\n')
    (tmp_path / "shot/s.usda").write_text('#usda 1.0\ndef "S" (references = @../lib/a.usda@) {\n}\n')
    assert vet_stage(tmp_path / "shot/s.usda") == 2
    os.mkfifo(tmp_path / "shot/pipe.usda")
    (tmp_path / "shot/p.usda").write_text('#usda 1.0\ndef "S" (references = @pipe.usda@) {\n}\n')
    with pytest.raises(ImportRefused, match="no regular file"):
        vet_stage(tmp_path / "shot/p.usda")


@pytest.mark.parametrize("content", [b"#usda 1.0\ndef", b"PXR-USDC" + bytes(100), b"hello", b""])
def test_broken_stages_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.usd").write_bytes(content)
    with pytest.raises(ImportRefused):
        vet_stage(tmp_path / "a.usd")


def test_nesting_that_overflows_the_stack_is_only_a_refusal(tmp_path: Path) -> None:
    depth = 100_000
    (tmp_path / "a.usda").write_text("#usda 1.0\n" + 'def "a" {\n' * depth + "}\n" * depth)
    with pytest.raises(ImportRefused):
        vet_stage(tmp_path / "a.usda")
