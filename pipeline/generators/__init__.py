# SPDX-License-Identifier: Apache-2.0
"""Generators: what turns a request into candidates, one module per service or method behind one interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipeline.generators.base import (
    ALGORITHMIC,
    COMPOSITE,
    TRAINED,
    Candidate,
    Capability,
    Cost,
    Failure,
    Generator,
    Picture,
    Request,
    provenance,
)
from pipeline.generators.registry import Found, discover, get, load_generator, names

if TYPE_CHECKING:
    from pipeline.generators.compliance import comply
    from pipeline.generators.control import accept_webhook, cancel, probe
    from pipeline.generators.jobs import Ledger
    from pipeline.generators.running import Outcome, collect

__all__ = [
    "ALGORITHMIC",
    "COMPOSITE",
    "TRAINED",
    "Candidate",
    "Capability",
    "Cost",
    "Failure",
    "Found",
    "Generator",
    "Ledger",
    "Outcome",
    "Picture",
    "Request",
    "accept_webhook",
    "cancel",
    "collect",
    "comply",
    "discover",
    "get",
    "load_generator",
    "names",
    "probe",
    "provenance",
]

_LATER = {
    "Ledger": "jobs",
    "Outcome": "running",
    "accept_webhook": "control",
    "cancel": "control",
    "collect": "running",
    "comply": "compliance",
    "probe": "control",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
