# SPDX-License-Identifier: Apache-2.0
"""What USD says, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Tf

from pipeline.usd.reasons import reason


def opened(path: Path) -> Tf.ErrorException:
    with pytest.raises(Tf.ErrorException) as caught:
        Sdf.Layer.OpenAsAnonymous(str(path))
    return caught.value


def test_a_parser_error_says_where_and_nothing_of_usds_source(tmp_path: Path) -> None:
    path = tmp_path / "cut.usda"
    path.write_text('#usda 1.0\ndef Xform "World" {\n    double3 xformOp:translate = (1,\n')
    said = reason(opened(path))
    assert "cut.usda:4" in said
    assert "\n" not in said and "at line" not in said and "Error in" not in said and "pxrInternal" not in said


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes.usda"
    path.write_bytes(b'#usda 1.0\ndef Xform "World" {\n  \xff\xfe\xf6\xf2 }\n')
    assert reason(opened(path))  # `str` of the same exception may raise
