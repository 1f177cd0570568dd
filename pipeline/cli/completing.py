# SPDX-License-Identifier: Apache-2.0
"""What a shell completes: ids of rules and names of jobs."""

from __future__ import annotations

from typing import Any


def complete_rule(ctx: Any, param: Any, incomplete: str) -> list[str]:
    """Families and ids that begin so."""
    from pipeline.checks.registry import load_rules

    rules = load_rules().rules
    names = sorted({*rules, *(rule.family for rule in rules.values())})
    return [name for name in names if name.startswith(incomplete)]


def complete_job(ctx: Any, param: Any, incomplete: str) -> list[str]:
    """Jobs that begin so."""
    from pipeline.settings.jobs import job_names

    return [name for name in job_names() if name.startswith(incomplete)]
