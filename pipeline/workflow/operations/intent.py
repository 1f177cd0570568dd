# SPDX-License-Identifier: Apache-2.0
"""Gate 1, and what the project remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import digest, operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("intent")
def _intent(
    project: Project,
    asset: str,
    job: str | None = None,
    max_triangles: int | None = None,
    size: list[float] | None = None,
    formats: list[str] | None = None,
    target: str | None = None,
    parts: list[str] | None = None,
    materials: list[str] | None = None,
    statement: str | None = None,
    view_distance: float | None = None,
    lock: bool = True,
) -> dict[str, Any]:
    """Set and lock the intent; a locked one that differs is opened first."""
    from pipeline.gates import intent
    from pipeline.gates.intent import read_intent

    wanted = {
        "job": job,
        "max_triangles": max_triangles,
        "size": tuple(size) if size else None,
        "formats": formats,
        "target": target,
        "parts": parts,
        "materials": materials,
        "statement": statement,
        "view_distance": view_distance,
    }
    given: dict[str, Any] = {k: v for k, v in wanted.items() if v is not None}
    old = read_intent(project.open_stage(), asset)
    if old and old.locked and any(getattr(old, k) != v for k, v in given.items()):
        intent.unlock(project, asset)
    result = intent.set_intent(project, asset, lock=lock, **given)
    plain = result.model_dump(mode="json")
    return {
        **{k: v for k, v in plain.items() if k != "budgets"},
        **plain["budgets"],
        "wish": digest([plain[k] for k in ("size", "parts", "materials", "statement")]),
        "prims": [f"/Project/Assets/{asset}/Intent"],
    }


@operation("memory")
def _memory(project: Project, asset: str, entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Remember entries by name; colours as #rrggbb."""
    from pipeline.project.memory import Memory, remember
    from pipeline.usd.colour import linear_of_hex

    prims = []
    for name, entry in entries.items():
        values = dict(entry)
        values["palette"] = [linear_of_hex(c) for c in values.pop("colors", [])]
        if "height" in values:
            values["height"] = tuple(values["height"])
        prims.append(remember(project, name, Memory(**values)))
    return {"digest": digest(entries), "prims": prims}
