# SPDX-License-Identifier: Apache-2.0
"""Gate 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import digest, operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("refine")
def _refine(project: Project, asset: str, style: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Make one style of the asset, from nothing, by these steps."""
    from pipeline.gates.refinement import make_style

    results = make_style(project, asset, style, [(s["op"], s.get("set", {})) for s in steps])
    rows = [{"op": r.op, "changed": r.changed, "before": r.before, "after": r.after, "error": r.error,
             "notes": r.notes} for r in results]  # fmt: skip
    return {"style": style, "steps": rows, "digest": digest(rows), "prims": [f"/World/Assets/{asset}"]}


@operation("check")
def _check(project: Project, asset: str) -> dict[str, Any]:
    """Inspect every style as it would ship, and measure the scene again."""
    from pipeline.errors import GateRefused
    from pipeline.gates.refinement import check_refinement

    result = check_refinement(project, asset)
    if not result.passed:
        raise GateRefused(
            f"{asset} is not ready: " + ", ".join(f"{n} {v}" for n, v in result.verdicts.items())
            + ("; open: " + "; ".join(result.notes) if result.notes else ""),
            prim=f"/Project/Assets/{asset}",
            remedy=f"refine further; gates inspect {asset} says what is wrong",
        )  # fmt: skip
    return {"verdicts": result.verdicts, "prims": [f"/Project/Assets/{asset}/Gates/refinement"]}
