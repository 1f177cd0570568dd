# SPDX-License-Identifier: Apache-2.0
"""Pictures of any stage: one interface, several renderers, one of which needs nothing but the core libraries."""

from __future__ import annotations

from pipeline.callables import make_callable
from pipeline.render.making import render
from pipeline.render.matching import Drift, drift, render_matched
from pipeline.render.result import RenderNote, RenderResult

__all__ = ["Drift", "RenderNote", "RenderResult", "drift", "render", "render_matched"]

make_callable(__name__, "render")
