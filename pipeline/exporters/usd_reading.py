# SPDX-License-Identifier: Apache-2.0
"""Read a written USD file with Pixar's own library and hold it against the stage that it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Sdf, Usd, UsdUtils, UsdValidation

from pipeline.exporters.seam import Reading
from pipeline.exporters.usd_facts import sampled_times, stage_facts
from pipeline.usd.scene.opening import private_stage, select_variants

__all__ = ["compare_stages", "read_stage"]

#: share of the diagonal by which bounds may differ
_BOUNDS = 1e-3
_VALIDATORS = {
    "usd": ("usdValidation:CompositionErrorTest", "usdUtilsValidators:MissingReferenceValidator"),
    "usdz": (
        "usdValidation:CompositionErrorTest",
        "usdUtilsValidators:MissingReferenceValidator",
        "usdUtilsValidators:FileExtensionValidator",
        "usdUtilsValidators:PackageEncapsulationValidator",
        "usdUtilsValidators:RootPackageValidator",
        "usdUtilsValidators:UsdzPackageValidator",
    ),
}
#: what OpenUSD says of archives that Apple's own tools write as well
_ALLOWED = {"UnsupportedFileExtensionInPackage"}


def read_stage(path: Path, stage: Any, *, known: int = 0) -> Reading:
    """Check that a written file opens, composes and finds its files inside of its own folder (or package).

    Parameters
    ----------
    known
        Composition errors that the stage itself has.
    """
    version = ".".join(str(v) for v in Usd.GetVersion()[1:])
    reading = Reading(f"OpenUSD {version}")
    if not stage:
        reading.problems.append("OpenUSD does not open it")
        return reading
    for error in stage.GetCompositionErrors()[known:]:
        reading.problems.append(f"it does not compose: {' '.join(str(error).split())[:200]}")
    inside = str(path.parent.resolve())
    layers, assets, _ = UsdUtils.ComputeAllDependencies(str(path))
    found = [layer.realPath for layer in layers] + [str(a) for a in assets]
    outside = [f for f in found if f and not f.startswith((inside, str(path)))]
    if outside:
        reading.problems.append(f"{len(outside)} of its files lie outside of the package: {outside[0]}")
    return reading


def compare_stages(
    reading: Reading,
    written: Any,
    source: Any,
    *,
    variants: Mapping[str, str],
    purposes: Iterable[str],
    prim: str | None,
    package: bool = False,
) -> None:
    """Add to a reading's problems what the written stage says otherwise than the stage it came from.

    Parameters
    ----------
    variants, purposes, prim
        As for `export`.
    package
        The file is a USDZ: OpenUSD's validators for packages are asked too.
    """
    if not written:
        return
    if variants:
        source = private_stage(source)
        select_variants(source, variants, prim)
    times = sampled_times(source)
    wanted = tuple(purposes)
    root = source.GetPrimAtPath(prim) if prim else source.GetPseudoRoot()
    copy = written.GetDefaultPrim() if prim else written.GetPseudoRoot()
    expected = stage_facts(source, root, purposes=wanted, times=times)
    found = stage_facts(written, copy, purposes=wanted, times=times)
    reading.facts["prims"] = sum(1 for _ in written.Traverse())
    for key, value in expected.items():
        # a prim alone also moves as its parents did
        same = found[key] in (value, value + 1) if key == "moving" and prim else found[key] == value
        if key != "bounds" and not same:
            reading.problems.append(f"{key.replace('_', ' ')}: the stage has {value}, the file {found[key]}")
    for time, true, box in zip(times, expected["bounds"], found["bounds"], strict=True):
        if _apart(true, box) > _BOUNDS:
            at = "" if time.IsEarliestTime() else f" at time code {time.GetValue():g}"
            reading.problems.append(f"bounds{at} are off by {_apart(true, box):.2%} of the size")
    reading.problems += _new_errors(written, source, "usdz" if package else "usd")


def _apart(true: Any, box: Any) -> float:
    """Largest difference as a share of the diagonal."""
    if true is None or box is None:
        return 0.0 if true is None else 1.0
    low, high = np.asarray(true)
    return float(np.abs(np.asarray(box) - true).max()) / (float(np.linalg.norm(high - low)) or 1.0)


def _new_errors(written: Any, source: Any, kind: str) -> list[str]:
    """Errors that OpenUSD's validators find in the file more often than in the stage it came from."""
    registry = UsdValidation.ValidationRegistry()
    context = UsdValidation.ValidationContext(registry.GetOrLoadValidatorsByName(list(_VALIDATORS[kind])))
    before = Counter(e.GetName() for e in _errors(context, source))
    result = []
    for error in _errors(context, written):
        if before[error.GetName()] > 0:
            before[error.GetName()] -= 1
        elif error.GetName() not in _ALLOWED:
            result.append(f"{error.GetName()}: {' '.join(error.GetMessage().split())[:200]}")
    return result


def _errors(context: Any, stage: Any) -> list[Any]:
    kinds = UsdValidation.ValidationErrorType
    if isinstance(stage.GetRootLayer(), Sdf.Layer) and stage.GetRootLayer().anonymous:
        return []
    return [e for e in context.Validate(stage) if e.GetType() == kinds.Error]
