# SPDX-License-Identifier: Apache-2.0
"""Reference pictures: read in a worker, told apart from their background, with their main colours."""

from __future__ import annotations

from pipeline.references.cutout import CutOut, cut_out
from pipeline.references.foreground import ENGINES, Foreground, background, find_foreground, why_missing
from pipeline.references.palette import Palette, clustered, difference, extract, palette_of
from pipeline.references.pictures import read_picture

__all__ = [
    "ENGINES",
    "CutOut",
    "Foreground",
    "Palette",
    "background",
    "clustered",
    "cut_out",
    "difference",
    "extract",
    "find_foreground",
    "palette_of",
    "read_picture",
    "why_missing",
]
