# SPDX-License-Identifier: Apache-2.0
"""Pictures of any stage: one interface, several renderers, one of which needs nothing but the core libraries."""

from __future__ import annotations

from pipeline.callables import make_callable
from pipeline.render.making import render
from pipeline.render.result import RenderNote, RenderResult

__all__ = ["RenderNote", "RenderResult", "render"]

make_callable(__name__, "render")
