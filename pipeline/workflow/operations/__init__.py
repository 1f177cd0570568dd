# SPDX-License-Identifier: Apache-2.0
"""What nodes may run, one module a gate; importing this package registers them all."""

from __future__ import annotations

from pipeline.workflow.operations import (
    context,
    delivery,
    generation,
    inputs,
    inspection,
    intent,
    pictures,
    refinement,
    scenes,
)
from pipeline.workflow.operations.registry import Operation, find, names

__all__ = [
    "Operation",
    "context",
    "delivery",
    "find",
    "generation",
    "inputs",
    "inspection",
    "intent",
    "names",
    "pictures",
    "refinement",
    "scenes",
]
