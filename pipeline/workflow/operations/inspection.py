# SPDX-License-Identifier: Apache-2.0
"""Gate 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("inspect")
def _inspect(project: Project, asset: str) -> dict[str, Any]:
    """Inspect every candidate."""
    from pipeline.gates.inspection import candidate_score, inspect_all

    reports = inspect_all(project, asset)
    return {
        "verdicts": {n: r.verdict for n, r in reports.items()},
        "scores": {n: candidate_score(r) for n, r in reports.items()},
        "reasons": {n: r.reason for n, r in reports.items()},
        "errors": {n: [f.rule for f in r.findings if f.severity == "error"] for n, r in reports.items()},
        "prims": [f"/Project/Assets/{asset}/Verdicts"],
    }


@operation("select")
def _select(project: Project, asset: str, verdicts: dict[str, str], scores: dict[str, float]) -> dict[str, Any]:
    """Go on with the best candidate that passed, and let the board take its verdict."""
    from pipeline.errors import GateRefused
    from pipeline.gates.generation import select
    from pipeline.gates.inspection import inspect_asset, take_verdict

    passed = [n for n, v in verdicts.items() if v == "pass"]
    if not passed:
        raise GateRefused(
            f"no candidate of {asset} passed inspection: " + ", ".join(f"{n} {v}" for n, v in verdicts.items()),
            prim=f"/World/Assets/{asset}",
            remedy="change the inputs and generate again; gates inspect says what was wrong",
        )
    best = max(passed, key=lambda n: (scores[n], n))
    select(project, asset, best)
    if take_verdict(project, asset) is None:
        inspect_asset(project, asset)
    return {"variant": best, "prims": [f"/World/Assets/{asset}"]}
