# SPDX-License-Identifier: Apache-2.0
"""Delivery to other programs: one module a format, all reading one flattened scene.

`export` is the door. What a format cannot hold is reported with the prim's path; after writing, a reader that is
not ours reads the file and what it finds is compared with the stage.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.exporters.delivery import export
    from pipeline.exporters.result import ExportResult, LossRecord, Readback, Stats
    from pipeline.exporters.seam import Reading, exporter_for, formats
    from pipeline.exporters.targets import Target, load_target, target_names

__all__ = [
    "ExportResult",
    "LossRecord",
    "Readback",
    "Reading",
    "Stats",
    "Target",
    "export",
    "exporter_for",
    "formats",
    "load_target",
    "target_names",
]

_HOME = {
    "ExportResult": "result",
    "LossRecord": "result",
    "Readback": "result",
    "Reading": "seam",
    "Stats": "result",
    "Target": "targets",
    "export": "delivery",
    "exporter_for": "seam",
    "formats": "seam",
    "load_target": "targets",
    "target_names": "targets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
