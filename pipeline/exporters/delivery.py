# SPDX-License-Identifier: Apache-2.0
"""From a stage to a file that was read back: read, write aside, check, deliver."""

from __future__ import annotations

import os
import shutil
import tempfile
import time as clock
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from pipeline import progress
from pipeline.errors import ExportError, ReadbackMismatch
from pipeline.exporters.budget import written_within
from pipeline.exporters.compare import differences, stats_of
from pipeline.exporters.lods import with_levels
from pipeline.exporters.result import ExportResult, LossRecord, Readback, Timings
from pipeline.exporters.seam import Exporter, Reading, exporter_for
from pipeline.exporters.targets import Target, load_target
from pipeline.usd.scene.model import Loss, Scene
from pipeline.usd.scene.opening import open_stage
from pipeline.usd.scene.read import DEFAULT_PURPOSES, read_scene
from pipeline.usd.scene.report import Report

__all__ = ["export"]


def export(
    stage_or_path: Any,
    out: str | PathLike[str],
    target: str | Target | None = None,
    *,
    variants: Mapping[str, str] | None = None,
    purposes: Iterable[str] = DEFAULT_PURPOSES,
    prim: str | None = None,
    time: float | None = None,
    verify: bool = True,
    project: Path | None = None,
) -> ExportResult:
    """Write a stage to one file; its suffix names the format.

    The file and what belongs to it are written into a staging folder beside `out`, read back by readers that are
    not ours, compared with the stage, and only then take the place of an older file.

    Parameters
    ----------
    stage_or_path
        A `Usd.Stage` (left as it is) or the path of any USD file.
    out
        `.glb .gltf .fbx .obj .stl .usdz .usd .usda .usdc`, or what a plug-in adds.
    target
        `unreal`, `unity`, `godot`, `web`, `print`, `ar`, another name of `config/targets.toml`, or None.
    variants
        Selections: `{"look": "red"}` on every prim that has the set, `{"/World/Tea{look}": "red"}` on one.
    purposes
        UsdGeomImageable purposes that are drawn; `("default", "proxy")` for proxies.
    prim
        Only the subtree of this prim.
    time
        Time code of what does not move; by default the stage's start.
    verify
        Read the file back.
    project
        The project whose targets count.

    Returns
    -------
    ExportResult
        Counts and bounds, losses by prim, and what the foreign reader found.

    Raises
    ------
    pipeline.errors.StageError
        The stage does not open, or has not that prim or variant.
    pipeline.errors.UsageError
        Unknown suffix or target.
    pipeline.errors.ExportError
        Nothing can be written; the prim is named where one is to blame.
    pipeline.errors.ReadbackMismatch
        The file is not what the stage says; an older file stays as it was.

    Examples
    --------
    >>> result = export("crate.usda", "crate.glb", target="web")  # doctest: +SKIP
    >>> result.stats.triangles, result.readback.ok  # doctest: +SKIP
    (12, True)
    """
    started = clock.perf_counter()
    out = Path(out)
    purposes = tuple(purposes)
    exporter = exporter_for(out)
    chosen = load_target(target, project)
    if not out.parent.is_dir():
        raise ExportError("the folder is not there", path=out.parent, remedy="make it first")
    if out.is_dir():
        raise ExportError("a folder is in the way", path=out, remedy="choose another name")
    progress.step("reading the stage")
    stage = open_stage(stage_or_path)
    asked: dict[str, Any] = {
        "refine_level": chosen.geometry.refine_level,
        "curves": chosen.geometry.curves,
        "account": not hasattr(exporter, "write_stage"),
        **(exporter.reading(chosen) if hasattr(exporter, "reading") else {}),
    }
    scene = read_scene(stage, purposes=purposes, variants=variants, root=prim, time=time, **asked)
    stats = stats_of(scene)
    _refuse_nothing(scene, out)
    made = Report()
    if getattr(exporter, "LEVELS", False):
        scene = with_levels(scene, chosen.geometry.lods, made)
    read = clock.perf_counter()
    staging = Path(tempfile.mkdtemp(prefix=f".{out.stem[:40]}.", dir=out.parent))
    try:
        draft = staging / out.name
        progress.step(f"writing {out.name}")
        losses, size = written_within(
            chosen, scene, draft, lambda t: _write(exporter, stage, scene, draft, t, variants, prim)
        )
        written = clock.perf_counter()
        reading = Reading("")
        found: list[str] = []
        if verify:
            progress.step("reading it back")
            reading = _read_back(exporter, stage, draft, variants, purposes, prim)
            found = differences(replace(scene, losses=(*scene.losses, *losses)), stats, reading)
            if found:
                raise ReadbackMismatch(
                    f"{reading.reader or 'a reader'} finds another thing than the stage: {'; '.join(found[:4])}",
                    path=out,
                    remedy="look at what it names; --no-verify delivers the file all the same",
                )
        checked = clock.perf_counter()
        files = _deliver(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    whole = hasattr(exporter, "write_stage")
    own = [x for x in scene.losses if not (whole and x.reduced)]
    every = _once((*own, *made.losses, *losses))
    return ExportResult(
        path=str(out),
        format=out.suffix.lower().lstrip("."),
        target=chosen.name,
        bytes=size,
        files=files,
        seconds=round(clock.perf_counter() - started, 4),
        stats=stats,
        losses=[LossRecord(prim=x.prim, what=x.what, why=x.why) for x in every],
        readback=Readback(reader=reading.reader, ok=not found, differences=found, unavailable=reading.unavailable),
        timings=Timings(
            read=round(read - started, 4), write=round(written - read, 4), readback=round(checked - written, 4)
        ),
    )


def _write(
    exporter: Exporter,
    stage: Any,
    scene: Scene,
    draft: Path,
    target: Target,
    variants: Mapping[str, str] | None,
    prim: str | None,
) -> list[Loss]:
    """Call the module's own writer; what numpy or a format's number range refuses becomes an export error."""
    try:
        if hasattr(exporter, "write_stage"):
            found: list[Loss] = exporter.write_stage(
                stage, scene, draft, target, variants=dict(variants or {}), prim=prim
            )
            return found
        return exporter.write(scene, draft, target)
    except (ValueError, OverflowError, FloatingPointError) as error:
        raise ExportError(
            f"the scene does not fit {draft.suffix}: {error}", path=draft.name, remedy="run `gates inspect` on it"
        ) from error


def _read_back(
    exporter: Exporter,
    stage: Any,
    draft: Path,
    variants: Mapping[str, str] | None,
    purposes: Iterable[str],
    prim: str | None,
) -> Reading:
    if hasattr(exporter, "read_back_stage"):
        found: Reading = exporter.read_back_stage(
            stage, draft, variants=dict(variants or {}), purposes=purposes, prim=prim
        )
        return found
    return exporter.read_back(draft)


def _refuse_nothing(scene: Scene, out: Path) -> None:
    """A stage of which nothing could be read is an error that names the first prim to blame."""
    if any(n.mesh is not None or n.instances is not None for n in scene.nodes):
        return
    if any(n.camera is not None or n.light is not None or n.skeleton is not None for n in scene.nodes):
        return
    if scene.losses:
        first = scene.losses[0]
        raise ExportError(
            f"nothing is left to export: {first.what}: {first.why}",
            path=out,
            prim=first.prim,
            remedy="mend that prim",
        )
    if not scene.nodes:
        raise ExportError(
            "the stage has no prims that can be drawn", path=out, remedy="check purposes, variants and payloads"
        )


def _once(losses: Iterable[Loss]) -> list[Loss]:
    return list({(x.prim, x.what): x for x in reversed(list(losses))}.values())[::-1]


def _deliver(staging: Path, out: Path) -> list[str]:
    """Move everything into place, the file that names the others last."""
    delivered = []
    beside = sorted(p for p in staging.rglob("*") if p.is_file() and p != staging / out.name)
    for source in [*beside, staging / out.name]:
        goal = out.parent / source.relative_to(staging)
        goal.parent.mkdir(parents=True, exist_ok=True)
        _sync(source)
        source.replace(goal)
        delivered.append(str(goal.relative_to(out.parent)))
    return delivered


def _sync(path: Path) -> None:
    with suppress(OSError), path.open("rb") as file:
        os.fsync(file.fileno())
