# SPDX-License-Identifier: Apache-2.0
"""Outside files are read in a worker process with limits: a crash is an error here, never the host's end."""

from __future__ import annotations

from pipeline.sandbox.archive import extract
from pipeline.sandbox.client import Ran, close, prepare, run, warm
from pipeline.sandbox.image import ImageReport, check_image
from pipeline.sandbox.limits import Limits
from pipeline.sandbox.paths import inside, refuse_irregular, resolve_inside
from pipeline.sandbox.protections import Protection, protections

__all__ = [
    "ImageReport",
    "Limits",
    "Protection",
    "Ran",
    "check_image",
    "close",
    "extract",
    "inside",
    "prepare",
    "protections",
    "refuse_irregular",
    "resolve_inside",
    "run",
    "warm",
]
