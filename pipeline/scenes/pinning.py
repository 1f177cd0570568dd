# SPDX-License-Identifier: Apache-2.0
"""Which packages a scene uses, department by department, and using others."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pxr import Sdf
from pydantic import BaseModel

from pipeline.errors import UsageError
from pipeline.scenes.stages import SceneStage
from pipeline.usd.anchoring import relative
from pipeline.usd.writing import replace_layer
from pipeline.versions.layout import Layout
from pipeline.versions.objects import open_copy
from pipeline.versions.pins import repinned
from pipeline.versions.published import newest_number

__all__ = ["ScenePin", "repin_scene", "scene_pins"]

_PACKAGE = re.compile(r"publish/(?P<asset>[^/]+)/v(?P<number>\d+)/")
_VERSION = re.compile(r"versions/(?P<id>[0-9a-f]+)\.usda$")


class ScenePin(BaseModel):
    """One reference of a department.

    Attributes
    ----------
    pin
        `v003`, the first digits of a version, or the name of what moves on.
    layer
        Relative to the project.
    newest
        Of the packages there are; 0 where it is none.
    """

    scene: str
    department: str
    prim: str
    asset: str
    pin: str
    layer: str
    newest: int = 0


def scene_pins(scene: SceneStage) -> list[ScenePin]:
    """Everything a scene's own departments bring in by reference, objects of the store left out."""
    rows = []
    for name in scene.departments():
        for path, asset_path in _references(open_copy(scene.department(name))):
            target = Path(os.path.normpath(scene.folder / asset_path))
            if not target.is_relative_to(scene.project):
                continue
            layer = target.relative_to(scene.project).as_posix()
            package, version = _PACKAGE.match(layer), _VERSION.match(layer)
            if not package and not version and not layer.startswith(("publish/", "branches/")):
                continue
            asset = package["asset"] if package else path.rpartition("/")[2]
            rows.append(
                ScenePin(
                    scene=scene.name,
                    department=name,
                    prim=path,
                    asset=asset,
                    pin=f"v{package['number']}" if package else version["id"][:12] if version else target.stem,
                    layer=layer,
                    newest=newest_number(Layout(scene.project), asset) if package else 0,
                )
            )
    return rows


def repin_scene(scene: SceneStage, asset: str, number: int) -> list[str]:
    """Use another package of an asset everywhere in a scene's own departments; returns the prims that changed.

    Raises
    ------
    UsageError
        There is no such package, or it lacks a layer that the scene uses.
    """
    folder = scene.project / "publish" / asset / f"v{number:03d}"
    if not folder.is_dir():
        newest = newest_number(Layout(scene.project), asset)
        raise UsageError(
            f"there is no package v{number:03d} of {asset!r}", path=folder, remedy=f"the newest is v{newest:03d}"
        )
    changed: list[str] = []
    for name in scene.departments():
        layer = open_copy(scene.department(name))
        before = len(changed)
        for path, old in _references(layer):
            target = Path(os.path.normpath(scene.folder / old))
            if not target.is_relative_to(scene.project):
                continue
            place = target.relative_to(scene.project).as_posix()
            new = repinned(place, asset, number, folder)
            if new == place:
                continue
            spec = layer.GetPrimAtPath(path)
            asset_path = relative(scene.project / new, scene.folder)
            spec.referenceList.ClearEditsAndMakeExplicit()
            spec.referenceList.explicitItems.append(Sdf.Reference(asset_path))
            info = dict(spec.assetInfo)
            info.update(version=f"v{number:03d}", identifier=Sdf.AssetPath(asset_path))
            for key, value in info.items():
                spec.assetInfo[key] = value
            changed.append(path)
        if len(changed) > before:
            replace_layer(scene.department(name), layer)
    return changed


def _references(layer: Sdf.Layer) -> list[tuple[str, str]]:
    """(prim path, asset path) of every reference a layer authors."""
    found: list[tuple[str, str]] = []

    def visit(path: Sdf.Path) -> None:
        spec = layer.GetPrimAtPath(path) if path.IsPrimPath() else None
        if spec is not None and spec.HasInfo("references"):
            found.extend(
                (str(path), i.assetPath) for i in spec.GetInfo("references").GetAddedOrExplicitItems() if i.assetPath
            )

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
    return found
