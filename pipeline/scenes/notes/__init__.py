# SPDX-License-Identifier: Apache-2.0
"""Remarks about an asset in its scene, each with what was measured and what was expected.

One file a kind, in three families: does it stand (`place`), is it seen (`frame`), does it belong (`look`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.scenes.notes.measuring import Measured, measure
    from pipeline.scenes.notes.protocol import Measure, Note
    from pipeline.scenes.notes.registry import load_measures
    from pipeline.scenes.notes.situation import Situation
    from pipeline.scenes.notes.view import View

__all__ = ["Measure", "Measured", "Note", "Situation", "View", "load_measures", "measure"]

_HOME = {
    "Measure": "protocol",
    "Measured": "measuring",
    "Note": "protocol",
    "Situation": "situation",
    "View": "view",
    "load_measures": "registry",
    "measure": "measuring",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
