# SPDX-License-Identifier: Apache-2.0
"""The operations that nodes run: each calls one gate function and tells what others may depend on.

An operation sets, it does not add: run again with other parameters it leaves the stage as if it had only ever
run with those. What it gives is plain data; `prims` and `files` (path in the project -> sha256) say where its
effect is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.workflow.memo import file_digest

if TYPE_CHECKING:
    from pipeline.project import Project
    from pipeline.render.result import Quality

__all__ = ["Operation", "find", "names"]

Function = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """A function that a node may name; `version` changes when what it does changes."""

    name: str
    function: Function
    version: int = 1

    def run(self, project: Project, asset: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call it.

        Raises
        ------
        UsageError
            A parameter it does not take.
        """
        import inspect as introspection

        known = list(introspection.signature(self.function).parameters)[2:]
        wrong = [name for name in params if name not in known]
        if wrong:
            raise UsageError(
                f"operation {self.name!r} takes no {', '.join(wrong)}", remedy=f"it takes: {', '.join(known)}"
            )
        return self.function(project, asset, **params)


_OPERATIONS: dict[str, Operation] = {}


def operation(name: str, version: int = 1) -> Callable[[Function], Function]:
    """Register a function under a name."""

    def register(function: Function) -> Function:
        _OPERATIONS[name] = Operation(name, function, version)
        return function

    return register


def names() -> list[str]:
    """Every operation."""
    return sorted(_OPERATIONS)


def find(name: str) -> Operation:
    """An operation by name.

    Raises
    ------
    UsageError
        There is none.
    """
    if name not in _OPERATIONS:
        raise UsageError(f"unknown operation {name!r}", remedy=f"use one of: {', '.join(names())}")
    return _OPERATIONS[name]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _files(project: Project, *paths: Path) -> dict[str, str]:
    return {p.relative_to(project.root).as_posix(): file_digest(p) for p in paths}


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
        "wish": _digest([plain[k] for k in ("size", "parts", "materials", "statement")]),
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
    return {"digest": _digest(entries), "prims": prims}


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
        "digest": _digest(sorted((r.role, r.digest) for r in rows)),
        "count": len(rows),
        "prims": [f"/Project/Assets/{asset}/Inputs"],
    }


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
            "digest": _digest(facts), "prims": [f"/World/Assets/{asset}"]}  # fmt: skip


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


@operation("set")
def _set(project: Project, asset: str, name: str, layer: str | Path) -> dict[str, Any]:
    """Reference a set below /World/Set."""
    from pipeline.gates.context import add_set

    return {"prims": [add_set(project, name, Path(layer)).prim]}


@operation("place")
def _place(project: Project, asset: str, at: list[float], yaw: float = 0.0, ground: bool = True) -> dict[str, Any]:
    """Place the asset."""
    from pipeline.gates.context import place_asset

    x, y, z = at
    result = place_asset(project, asset, at=(x, y, z), yaw=yaw, ground=ground)
    return {"position_m": result.position_m, "prims": [result.prim]}


@operation("light")
def _light(project: Project, asset: str, rig: str) -> dict[str, Any]:
    """Light the scene with a rig."""
    from pipeline.gates.context import add_lights

    return {"rig": rig, "prims": [add_lights(project, rig).prim]}


@operation("camera")
def _camera(project: Project, asset: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Author a camera that looks at the asset."""
    from pipeline.gates.context import add_camera
    from pipeline.scenes import CameraSpec

    return {"camera": name, "prims": [add_camera(project, name, asset, CameraSpec(**spec)).prim]}


@operation("context")
def _context(project: Project, asset: str, camera: str) -> dict[str, Any]:
    """Measure the asset in its scene."""
    from pipeline.gates.context import measure_context

    result = measure_context(project, asset, camera)
    corrections: dict[str, float] = {}
    for note in result.notes:
        corrections.update(note.correction)
    return {
        "notes": [n.model_dump() for n in result.notes],
        "kinds": sorted({n.kind for n in result.notes}),
        "corrections": corrections,
    }


@operation("refine")
def _refine(project: Project, asset: str, style: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Make one style of the asset, from nothing, by these steps."""
    from pipeline.gates.refinement import make_style

    results = make_style(project, asset, style, [(s["op"], s.get("set", {})) for s in steps])
    rows = [{"op": r.op, "changed": r.changed, "before": r.before, "after": r.after, "error": r.error,
             "notes": r.notes} for r in results]  # fmt: skip
    return {"style": style, "steps": rows, "digest": _digest(rows), "prims": [f"/World/Assets/{asset}"]}


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


@operation("commit")
def _commit(project: Project, asset: str, message: str) -> dict[str, Any]:
    """Freeze the work; where nothing changed, the head is the version."""
    from pipeline.gates.delivery import commit_if_changed

    version = commit_if_changed(project, message)
    return {"version": version}


@operation("approve")
def _approve(project: Project, asset: str, version: str, by: str, comment: str = "") -> dict[str, Any]:
    """A reviewer's decision on that exact version."""
    from pipeline.gates.delivery import approve, request_review

    request_review(project, asset, version)
    row = approve(project, asset, version, comment, by)
    return {"version": row.version, "by": row.by, "prims": [row.prim]}


@operation("publish")
def _publish(project: Project, asset: str, version: str, formats: list[str] | None = None) -> dict[str, Any]:
    """Publish the approved version; `version` says which one that must be."""
    from pipeline.errors import GateRefused
    from pipeline.gates.delivery import publish
    from pipeline.review.decisions import approved_version

    approved = approved_version(project.open_stage(), asset)
    if approved != version:
        raise GateRefused(
            f"version {version[:12]} of {asset} is not the approved one",
            prim="/Project/Decisions",
            remedy=f"gates review approve {asset} --version {version[:12]}",
        )
    result = publish(project, asset, formats=formats)
    package = project.root / result.path
    return {
        "path": result.path,
        "number": result.number,
        "version": result.version,
        "exports": result.exports,
        "hooks": result.hooks,
        "files": _files(project, *(package / f for f in result.files)),
    }


@operation("sheet")
def _sheet(project: Project, asset: str, out: str) -> dict[str, Any]:
    """Draw every candidate side by side."""
    from pipeline.gates.generation import contact_sheet

    path = project.root / out
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(project, asset, path)
    return {"picture": out, "files": _files(project, path)}


@operation("picture")
def _picture(
    project: Project,
    asset: str,
    out: str,
    camera: str,
    size: list[int],
    quality: Quality = "review",
    variants: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Render the scene through an authored camera."""
    from pipeline.gates.context import picture

    path = project.root / out
    path.parent.mkdir(parents=True, exist_ok=True)
    renderer = picture(project, asset, path, camera, (size[0], size[1]), quality, variants or {})
    return {"picture": out, "renderer": renderer, "files": _files(project, path)}


@operation("compare")
def _compare(project: Project, asset: str, pictures: list[str], labels: list[str], out: str) -> dict[str, Any]:
    """Put pictures side by side."""
    from pipeline.render.sheet import contact_sheet

    path = project.root / out
    contact_sheet([project.root / p for p in pictures], labels, path)
    return {"picture": out, "files": _files(project, path)}
