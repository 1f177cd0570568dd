# SPDX-License-Identifier: Apache-2.0
"""One operation on one prim of a stage."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pxr import Sdf, Usd

from pipeline.errors import GatesError, RefineError
from pipeline.progress import step
from pipeline.refiners.core.base import Operation, RefineResult, Settings
from pipeline.refiners.core.registry import find, settings_of
from pipeline.refiners.core.stores import Store
from pipeline.refiners.core.subject import Subject
from pipeline.refiners.core.variants import editing
from pipeline.usd import provenance

__all__ = ["refine"]


def refine(
    stage: Usd.Stage,
    prim_path: str | Sdf.Path,
    op: str | Operation,
    settings: dict[str, Any] | Settings | None = None,
    *,
    variant: str | None = None,
    new_variant: str | None = None,
    store: Store | None = None,
    source: Usd.Prim | None = None,
) -> RefineResult:
    """Do one operation to a prim and its subtree, as opinions in the stage's current edit target.

    Nothing that exists is overwritten: attributes are overridden, new topology comes as a payload stronger than
    the old one. Nothing is saved. If it fails, nothing was authored.

    Parameters
    ----------
    stage
        Any stage.
    prim_path
        The asset.
    op
        Name of an operation; see `pipeline.refiners.names`.
    settings
        Values by name; text is turned into the field's type.
    variant
        `SET=NAME`: author inside this existing variant. An asset with a `candidate` set is edited inside its
        selected candidate in any case.
    new_variant
        `SET=NAME`: make this variant and author inside it.
    store
        Keeper of new geometry layers and textures; None puts geometry into the edit target itself.
    source
        The asset as it came, for operations that bake from it; found through the asset's arcs where not given.

    Raises
    ------
    UsageError
        Unknown operation or setting.
    RefineError
        It cannot be done here.
    """
    started = time.process_time()
    operation = op if isinstance(op, Operation) else find(op)
    chosen = settings_of(operation, settings)
    prim = _prim(stage, prim_path)
    layer = stage.GetEditTarget().GetLayer()
    undo = Sdf.Layer.CreateAnonymous(".usda")
    undo.TransferContent(layer)
    result = RefineResult(
        asset=str(prim.GetPath()), op=operation.name, layer=layer.identifier, settings=chosen.model_dump(mode="json")
    )
    step(operation.name)
    try:
        with editing(prim, variant, new_variant) as where:
            subject = Subject(prim, store)
            subject.source = source
            measure = operation.measure or Subject.stats
            result.before = measure(subject)
            _run(subject, operation, chosen)
            result.geometry = subject.finish()
            result.after = measure(subject)
            result.variant = where
            result.changed = subject.changed
            result.error = subject.error()
            result.details, result.notes = subject.details, subject.notes
            result.skipped = subject.skipped
            if subject.changed:
                _record(prim, operation, result)
    except BaseException as error:
        layer.TransferContent(undo)
        if isinstance(error, GatesError) and error.prim is None and error.path is None:
            error.prim = str(prim.GetPath())
        raise
    if not result.changed and new_variant is None:
        layer.TransferContent(undo)
    result.seconds = round(time.process_time() - started, 3)
    return result


def _run(subject: Subject, operation: Operation, settings: Settings) -> None:
    """Run as often as it still finds something, so that doing it again changes nothing."""
    changed = False
    for _ in range(operation.rounds):
        subject.changed = False
        operation.run(subject, settings)
        if not subject.changed:
            break
        changed = True
    subject.changed = changed


def _prim(stage: Usd.Stage, path: str | Sdf.Path) -> Usd.Prim:
    prim = stage.GetPrimAtPath(str(path))
    if not prim:
        raise RefineError(
            "there is no such prim", prim=str(path), remedy="see `gates status`, or a prim path of the stage"
        )
    if prim.IsInstanceProxy() or prim.IsInPrototype():
        raise RefineError(
            "an instance cannot be refined by itself", prim=str(path),
            remedy="refine the prim it is an instance of, or make it uninstanceable first",
        )  # fmt: skip
    return prim


def _record(prim: Usd.Prim, operation: Operation, result: RefineResult) -> None:
    inputs: dict[str, Any] = {k: v for k, v in result.settings.items() if v not in (None, "", [], {})}
    if result.error:
        inputs["error_max_m"] = f"{result.error['max_m']:.6g}"
    if "engine" in result.details:
        inputs["engine"] = result.details["engine"]
    # numbers that the step changed, so that the record alone says what it did
    for key, new in result.after.items():
        old = result.before.get(key)
        if old != new:
            inputs |= {f"before_{key}": _told(old), f"after_{key}": _told(new)}
    provenance.record(
        prim, provenance.next_name(prim, f"refine_{operation.name}"), tool="Seven Gates", version=_version(),
        inputs=inputs, source_type="enhanced", description=operation.summary,
    )  # fmt: skip


def _told(value: Any) -> str:
    return " x ".join(f"{v:g}" for v in value) if isinstance(value, list) else f"{value}"


def _version() -> str:
    try:
        return version("sevengates")
    except PackageNotFoundError:
        return ""
