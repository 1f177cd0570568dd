# SPDX-License-Identifier: Apache-2.0
"""Generators: what turns a request into candidates, one module per service or method behind one interface."""

from __future__ import annotations

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
    "Picture",
    "Request",
    "discover",
    "get",
    "load_generator",
    "names",
    "provenance",
]
