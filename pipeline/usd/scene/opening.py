# SPDX-License-Identifier: Apache-2.0
"""Open a stage for reading, and change variant selections without touching anybody's layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf, Usd

from pipeline.errors import StageError
from pipeline.usd.reasons import reason
from pipeline.usd.schemas import register

__all__ = ["open_stage", "private_stage", "select_variants"]

_ON_PRIM = re.compile(r"^(/[^{}]*)\{([^{}]+)\}$")


def open_stage(stage_or_path: Any) -> Any:
    """A stage as it is, or the stage of a file.

    Raises
    ------
    StageError
        The file is not there or is no USD.
    """
    if isinstance(stage_or_path, Usd.Stage):
        return stage_or_path
    with suppress(StageError):  # too late in a process that opened stages before us: their own types suffice here
        register()
    if not isinstance(stage_or_path, (str, PathLike)):
        raise StageError(f"a {type(stage_or_path).__name__} is no stage", remedy="give a Usd.Stage or a path")
    path = fspath(stage_or_path)
    if "[" not in path and not Path(path).exists():
        raise StageError("there is no such file", path=path, remedy="check the path")
    try:
        stage = Usd.Stage.Open(path)
    except Tf.ErrorException as error:
        raise StageError(f"not a USD layer that opens: {reason(error)}", path=path,
                         remedy="open it with usdcat to see where it is broken") from error  # fmt: skip
    if not stage:
        raise StageError("not a USD layer that opens", path=path)
    return stage


def private_stage(stage: Any) -> Any:
    """A second stage over the same layers with a session layer of its own."""
    session = Sdf.Layer.CreateAnonymous("selections.usda")
    if stage.GetSessionLayer():
        session.TransferContent(stage.GetSessionLayer())
    result = Usd.Stage.Open(stage.GetRootLayer(), session, stage.GetPathResolverContext(), Usd.Stage.LoadNone)
    if stage.GetMutedLayers():
        result.MuteAndUnmuteLayers(stage.GetMutedLayers(), [])
    result.SetLoadRules(stage.GetLoadRules())
    result.SetEditTarget(session)
    return result


def select_variants(stage: Any, variants: Mapping[str, str], root: str | None = None) -> list[tuple[str, str, str]]:
    """Select variants on a private stage.

    Parameters
    ----------
    variants
        `{"SET": "NAME"}` selects on every prim that has the set (and the variant), `{"/prim{SET}": "NAME"}` on one.

    Raises
    ------
    StageError
        No prim has that set, or none of them has that variant.
    """
    for key, name in variants.items():
        on_prim = _ON_PRIM.match(key)
        known: set[str] = set()
        done = False
        if on_prim:
            prim = stage.GetPrimAtPath(on_prim.group(1))
            done = bool(prim) and _select(prim, on_prim.group(2), name, known)
        else:
            start = stage.GetPrimAtPath(root) if root else stage.GetPseudoRoot()
            paths = [p.GetPath() for p in Usd.PrimRange(start) if p.HasVariantSets()] if start else []
            for path in paths:
                prim = stage.GetPrimAtPath(path)
                if prim:
                    done |= _select(prim, key, name, known)
        if not done:
            hint = f"it has: {', '.join(sorted(known))}" if known else "gates inspect lists the sets there are"
            raise StageError(
                f"no variant {name!r} in a variant set {key!r}", path=stage.GetRootLayer().identifier, remedy=hint
            )
    return []


def _select(prim: Any, variant_set: str, name: str, known: set[str]) -> bool:
    sets = prim.GetVariantSets()
    if not sets.HasVariantSet(variant_set):
        return False
    names = sets.GetVariantSet(variant_set).GetVariantNames()
    known.update(names)
    if name not in names:
        return False
    sets.GetVariantSet(variant_set).SetVariantSelection(name)
    return True
