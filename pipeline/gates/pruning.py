# SPDX-License-Identifier: Apache-2.0
"""Pruning: candidates that lost leave the work layer, and what nothing needs any more leaves the disk.

History is never touched: a candidate that was committed stays in the versions that hold it, with its files. Who
won and why the others lost stays in project memory.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import GateRefused
from pipeline.gates.board import ASSETS, record_path
from pipeline.gates.candidate import CANDIDATE
from pipeline.gates.past import remember_choice
from pipeline.gates.pruned import Pruned
from pipeline.gates.shortlist import candidates

if TYPE_CHECKING:
    from pxr import Sdf

    from pipeline.project import Project

__all__ = ["prune"]


def prune(project: Project, asset: str, *, keep: int = 0, dry_run: bool = False) -> Pruned:
    """Remove the candidates that were not selected, but for the `keep` best of them.

    Raises
    ------
    GateRefused
        None is selected: then there are no losers.
    """
    from pipeline.versions.collect import collect, reached

    result = candidates(project, asset)
    if result.selected is None:
        raise GateRefused(
            f"no candidate of {asset} is selected, so none has lost",
            prim=f"{ASSETS}/{asset}",
            remedy=f"gates candidates {asset} --select VARIANT",
        )
    losers = [row for row in result.candidates if row.variant != result.selected][keep:]
    if not losers:
        return Pruned(dry_run=dry_run)
    begun = time.time()
    names = [row.variant for row in losers]
    files = reached(project.store, _files_of(project, asset, names))
    notes = []
    if dry_run:
        notes.append("nothing was removed")
        without = _removed(project.store.work(project.work, project.branch_name).read(), asset, names)
        collected = collect(project.store, files, dry_run=True, instead={project.work_path: without})
    else:
        remember_choice(project, asset, result.selected, result.candidates)
        _remove(project, asset, names)
        collected = collect(project.store, files, since=begun)
    if collected.kept:
        notes.append("what versions, other people's work or published packages hold stays, so that history opens")
    return Pruned(
        removed=names,
        bytes_won=collected.bytes_deleted,
        files_deleted=len(collected.deleted),
        bytes_kept=collected.bytes_kept,
        files_kept=len(collected.kept),
        dry_run=dry_run,
        notes=notes,
    )


def _paths(asset: str, variant: str) -> tuple[Sdf.Path, Sdf.Path]:
    """The variant, and the verdict on it: a later candidate of that name must not inherit it."""
    from pxr import Sdf

    path = Sdf.Path(f"{ASSETS}/{asset}").AppendVariantSelection(CANDIDATE, variant)
    return path, Sdf.Path(record_path(asset, "Verdicts", f"candidate_{variant}"))


def _files_of(project: Project, asset: str, variants: list[str]) -> list[Path]:
    """Every file that the variants name, in any layer of the stack."""
    from pipeline.usd.anchoring import asset_paths, is_local

    found = []
    for layer in project.open_stage().GetLayerStack(includeSessionLayers=False):
        for variant in variants:
            path, _ = _paths(asset, variant)
            if not layer.GetPrimAtPath(path):
                continue
            alone = _only(layer, path)
            folder = Path(layer.realPath).parent
            found += [folder / a.partition("[")[0] for a in asset_paths(alone) if is_local(a)]
    return found


def _only(layer: Sdf.Layer, path: Sdf.Path) -> Sdf.Layer:
    """A layer in memory that holds one variant and nothing else."""
    from pxr import Sdf

    alone = Sdf.Layer.CreateAnonymous(".usda")
    Sdf.CreatePrimInLayer(alone, "/Only")
    Sdf.CopySpec(layer, path, alone, Sdf.Path("/Only"))
    return alone


def _remove(project: Project, asset: str, variants: list[str]) -> None:
    """Take the variants and their verdicts out of what this person sees; what is committed needs a whole layer."""
    stage = project.open_stage()
    own = str(project.work_path)
    outside = any(
        layer.GetPrimAtPath(path)
        for layer in stage.GetLayerStack(includeSessionLayers=False)
        if layer.realPath != own
        for variant in variants
        for path in _paths(asset, variant)
    )
    del stage
    with project.edit(whole=outside) as edit:
        _removed(edit.GetEditTarget().GetLayer(), asset, variants)


def _removed(layer: Sdf.Layer, asset: str, variants: list[str]) -> Sdf.Layer:
    """The layer without the variants and their verdicts."""
    prim = layer.GetPrimAtPath(f"{ASSETS}/{asset}")
    held = prim.variantSets.get(CANDIDATE) if prim else None
    for variant in variants:
        if held and variant in list(held.variants.keys()):
            held.RemoveVariant(held.variants[variant])
        verdict = layer.GetPrimAtPath(_paths(asset, variant)[1])
        if verdict:
            del verdict.nameParent.nameChildren[verdict.name]
    return layer
