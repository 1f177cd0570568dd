# SPDX-License-Identifier: Apache-2.0
"""Gate 2."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pipeline.workflow.memo import file_digest
from pipeline.workflow.operations.registry import digest, operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("inputs")
def _inputs(
    project: Project, asset: str, prompt: str, images: list[dict[str, Any]] | None = None, negative: str | None = None
) -> dict[str, Any]:
    """Make the input set exactly this."""
    from pipeline.gates.inputs import add_inputs, keep_only

    rows = add_inputs(project, asset, prompt=prompt, negative=negative).inputs
    for image in images or []:
        rows = add_inputs(
            project,
            asset,
            images=[image["file"]],
            role=image.get("role", "shape"),
            origin=image.get("origin", ""),
            licence=image.get("licence", ""),
        ).inputs
    wanted = {file_digest(i["file"]) for i in images or []}
    wanted |= {hashlib.sha256(t.encode()).hexdigest() for t in (prompt, negative) if t is not None}
    rows = keep_only(project, asset, wanted).inputs
    return {
        "prompt": prompt,
        "digest": digest(sorted((r.role, r.digest) for r in rows)),
        "count": len(rows),
        "prims": [f"/Project/Assets/{asset}/Inputs"],
    }
