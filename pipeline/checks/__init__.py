# SPDX-License-Identifier: Apache-2.0
"""Inspection: rules that measure an asset, and a verdict in the terms of a job.

One rule is one file, named by its id. `inspect` runs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.checks.engine import inspect
    from pipeline.checks.protocol import Finding, Marks, Rule
    from pipeline.checks.registry import load_rules
    from pipeline.checks.report import Report

__all__ = ["Finding", "Marks", "Report", "Rule", "inspect", "load_rules"]

_HOME = {
    "Finding": "protocol",
    "Marks": "protocol",
    "Report": "report",
    "Rule": "protocol",
    "inspect": "engine",
    "load_rules": "registry",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
