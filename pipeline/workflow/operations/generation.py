# SPDX-License-Identifier: Apache-2.0
"""Gate 3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import digest, operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("generate")
def _generate(
    project: Project,
    asset: str,
    variants: list[str],
    generator: str = "embedded",
    seed: int = 0,
    target_triangles: int = 0,
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Generate candidates under these names, in place of what they were."""
    from pipeline.gates.generation import generate

    result = generate(
        project,
        asset,
        generator=generator,
        count=len(variants),
        seed=seed,
        target_triangles=target_triangles,
        options=options,
        variants=variants,
    )
    return _candidates(project, asset, [c.variant for c in result.candidates], [f.message for f in result.failed])


@operation("ingest")
def _ingest(
    project: Project,
    asset: str,
    file: Path,
    variant: str,
    units: str | None = None,
    up: str | None = None,
    provenance: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Read a file as the candidate of this name, in place of what it was."""
    from pipeline.gates.generation import ingest

    row = ingest(project, file, asset, variant=variant, units=units, up=up, provenance=provenance, replace=True)
    return _candidates(project, asset, [row.variant], [])


def _candidates(project: Project, asset: str, variants: list[str], failed: list[str]) -> dict[str, Any]:
    from pipeline.gates.generation import candidates

    rows = {c.variant: c for c in candidates(project, asset).candidates}
    facts = {v: {"triangles": rows[v].triangles, "layer": rows[v].layer} for v in variants}
    return {"variants": variants, "failed": failed, "triangles": {v: rows[v].triangles for v in variants},
            "digest": digest(facts), "prims": [f"/World/Assets/{asset}"]}  # fmt: skip
