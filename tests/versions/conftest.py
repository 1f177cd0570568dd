# SPDX-License-Identifier: Apache-2.0
"""What tests of the version store compare: composed scenes, not files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pxr import Sdf, Usd

from pipeline.project import Project

TIMES = (Usd.TimeCode.Default(), 0.0, 0.5, 1.0, 2.0, 5.0, 12.0, 30.0)


def composed(stage: Usd.Stage) -> dict[str, Any]:
    """Everything a reader of a stage can ask, by path; each variant is switched to in turn."""
    found = _scene(stage)
    paths = [prim.GetPath() for prim in stage.TraverseAll() if prim.GetVariantSets().GetNames()]
    for path in paths:
        sets = stage.GetPrimAtPath(path).GetVariantSets()
        choices = [(name, v) for name in sets.GetNames() for v in sets.GetVariantSet(name).GetVariantNames()]
        for name, variant in choices:
            stage.GetSessionLayer().Clear()
            over = Sdf.CreatePrimInLayer(stage.GetSessionLayer(), path)
            over.variantSelections[name] = variant
            found[f"{path}{{{name}={variant}}}"] = _scene(stage)
    stage.GetSessionLayer().Clear()
    return found


def _scene(stage: Usd.Stage) -> dict[str, Any]:
    everything = Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate))
    return {str(prim.GetPath()): _prim(prim) for prim in everything}


def _prim(prim: Usd.Prim) -> dict[str, Any]:
    said = {name: _text(value) for name, value in prim.GetAllAuthoredMetadata().items()}
    said["comment"] = prim.GetMetadata("comment")
    said["children"] = prim.GetAllChildrenNames()
    said["schemas"] = prim.GetAppliedSchemas()
    said["instance"] = prim.IsInstance()
    said["variants"] = {name: prim.GetVariantSet(name).GetVariantNames() for name in prim.GetVariantSets().GetNames()}
    said["order"] = prim.GetPropertyNames()
    for one in prim.GetAttributes():
        samples = one.GetTimeSamples()
        said[one.GetName()] = (
            str(one.GetTypeName()),
            [_text(one.Get(time)) for time in TIMES],
            samples,
            one.GetConnections(),
            {n: _text(v) for n, v in one.GetAllAuthoredMetadata().items()} | {"comment": one.GetMetadata("comment")},
        )
    for one in prim.GetRelationships():
        said[one.GetName()] = (one.GetTargets(), {n: _text(v) for n, v in one.GetAllAuthoredMetadata().items()})
    return said


def _text(value: Any) -> str:
    """Asset paths by the bytes they lead to, since committed files have other names."""
    if isinstance(value, Sdf.AssetPath):
        return f"@{Path(value.resolvedPath).read_bytes()[:40]!r}@" if value.resolvedPath else value.path
    if isinstance(value, dict):
        files = ("templateAssetPath", "manifestAssetPath")  # named by content once committed
        return str({k: _text(v) for k, v in sorted(value.items()) if k not in files})
    if isinstance(value, (Sdf.ReferenceListOp, Sdf.PayloadListOp)):
        return "arcs"  # what they bring in is compared
    return str(value)


@pytest.fixture
def scene_of() -> Callable[[Usd.Stage], dict[str, Any]]:
    """Function: everything a reader of a stage can ask."""
    return composed


@pytest.fixture
def layer_of() -> Callable[[str], Sdf.Layer]:
    """Function: a layer in memory from the text after `#usda 1.0`."""

    def make(text: str) -> Sdf.Layer:
        layer = Sdf.Layer.CreateAnonymous(".usda")
        layer.ImportFromString(f"#usda 1.0\n{text}")
        return layer

    return make


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A new project in a folder with a space in its name."""
    yield Project.create(tmp_path / "one project", work="ada")
