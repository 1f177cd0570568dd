# SPDX-License-Identifier: Apache-2.0
"""USD's own validators as rules `usd.<Name>`."""

from __future__ import annotations

from pipeline.checks.protocol import Rule


def usd_rules() -> list[Rule]:
    """One rule for each validator of the USD libraries that are installed."""
    return []
