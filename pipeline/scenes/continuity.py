# SPDX-License-Identifier: Apache-2.0
"""Continuity: what one shot ends with and the next begins with, and where the two differ.

Compared are, for what stands under one prim path in both: the asset and what it is pinned to, variant selections,
the place and size in the world, the pose of skeletons, what is bound to its meshes and what the bound materials
say, visibility; and of every light its type, place, intensity, colour, size, texture and links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel
from pydantic import BaseModel

from pipeline.scenes.bounds import to_metres
from pipeline.scenes.kinds import Continuity

__all__ = ["Drift", "Facts", "compare", "facts_of", "pinned_assets"]

ROOTS = ("/World/Assets", "/World/Set")
LIGHTS = "/World/Lights"


class Drift(BaseModel):
    """One thing that is not as it was.

    Attributes
    ----------
    prim
        Where in the stage.
    field
        presence, asset, pin, variant, position, rotation, scale, visibility, pose, material or light.
    expected, found
        What the shot before ends with, and what this one begins with.
    against
        The shot before.
    """

    shot: str
    against: str
    prim: str
    field: str
    expected: str
    found: str


@dataclass
class Facts:
    """What is true of a stage at one time.

    Attributes
    ----------
    things
        Prim path to field to value, of assets and set pieces.
    lights
        The same of lights.
    """

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    lights: dict[str, dict[str, Any]] = field(default_factory=dict)


def pinned_assets(stage: Usd.Stage, project: Path) -> dict[str, str]:
    """Prim path to `asset pin` of everything that stands in a scene by reference."""
    return {
        str(prim.GetPath()): " ".join(part for part in (info.get("name", ""), _pin(prim, project)) if part)
        for prim in _things(stage)
        if (info := prim.GetAssetInfo())
    }


def facts_of(stage: Usd.Stage, project: Path, time: float) -> Facts:
    """What stands in a stage at a time code, and what lights it."""
    at = Usd.TimeCode(time)
    cache = UsdGeom.XformCache(at)
    facts = Facts()
    for prim in _things(stage):
        facts.things[str(prim.GetPath())] = {
            "asset": str(prim.GetAssetInfo().get("name", "")),
            "pin": _pin(prim, project),
            "variant": _selections(prim),
            "place": _place(cache, prim),
            "visibility": str(UsdGeom.Imageable(prim).ComputeVisibility(at)),
            "pose": _pose(prim, at),
            "material": _materials(prim, at),
        }
    root = stage.GetPrimAtPath(LIGHTS)
    for prim in Usd.PrimRange(root, Usd.TraverseInstanceProxies()) if root else ():
        if prim.HasAPI(UsdLux.LightAPI):
            facts.lights[str(prim.GetPath())] = {"place": _place(cache, prim), **_light(prim, at)}
    return facts


def compare(before: Facts, after: Facts, shots: tuple[str, str], limits: Continuity) -> list[Drift]:
    """Where the beginning of one shot differs from the end of the one before.

    Parameters
    ----------
    shots
        Names of the one before and of this one.
    """
    found: list[Drift] = []

    def add(prim: str, name: str, expected: object, now: object) -> None:
        found.append(
            Drift(shot=shots[1], against=shots[0], prim=prim, field=name, expected=str(expected), found=str(now))
        )

    for mine, theirs in ((before.things, after.things), (before.lights, after.lights)):
        for path in sorted(mine.keys() ^ theirs.keys()):
            add(path, "presence", "there" if path in mine else "not there", "there" if path in theirs else "not there")
    for path in sorted(before.things.keys() & after.things.keys()):
        old, new = before.things[path], after.things[path]
        for name in ("asset", "pin", "visibility"):
            if old[name] != new[name]:
                add(path, name, old[name] or "none", new[name] or "none")
        for name in sorted(old["variant"].keys() | new["variant"].keys()):
            a, b = old["variant"].get(name, ""), new["variant"].get(name, "")
            if a != b:
                add(path, "variant", f"{name}={a or 'none'}", f"{name}={b or 'none'}")
        for name, a, b in _moved(old["place"], new["place"], limits):
            add(path, name, a, b)
        if old["pin"] == new["pin"] and old["variant"] == new["variant"]:
            for joint, a, b in _posed(old["pose"], new["pose"], limits):
                add(joint, "pose", a, b)
            for prim, a, b in _differing(old["material"], new["material"], limits.light):
                add(prim, "material", a, b)
    for path in sorted(before.lights.keys() & after.lights.keys()):
        old, new = dict(before.lights[path]), dict(after.lights[path])
        for name, a, b in _moved(old.pop("place"), new.pop("place"), limits):
            add(path, name, a, b)
        for name, a, b in _differing(old, new, limits.light):
            add(path, "light", f"{name} {a}", f"{name} {b}")
    return found


# ------------------------------------------------------------------ facts


def _things(stage: Usd.Stage) -> Iterator[Usd.Prim]:
    """What stands in a scene: the models right below its groups."""
    for root in ROOTS:
        parent = stage.GetPrimAtPath(root)
        yield from parent.GetChildren() if parent else ()


def _pin(prim: Usd.Prim, project: Path) -> str:
    """The layer that a prim's own strongest reference names, relative to the project."""
    for spec in prim.GetPrimStack():
        operation = spec.GetInfo("references") if spec.HasInfo("references") else None
        if spec.path != prim.GetPath() or operation is None:
            continue
        for item in operation.GetAddedOrExplicitItems():
            if item.assetPath:
                target = Path(os.path.normpath(Path(spec.layer.realPath).parent / item.assetPath))
                return target.relative_to(project).as_posix() if target.is_relative_to(project) else item.assetPath
    return ""


def _selections(prim: Usd.Prim) -> dict[str, str]:
    sets = prim.GetVariantSets()
    return {name: sets.GetVariantSelection(name) for name in sets.GetNames()}


def _place(cache: UsdGeom.XformCache, prim: Usd.Prim) -> NDArray[np.float64]:
    matrix: NDArray[np.float64] = np.array(cache.GetLocalToWorldTransform(prim)) @ to_metres(prim.GetStage())
    return matrix


def _pose(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, NDArray[np.float64]]:
    """Skeleton path to the joints' transforms at a time."""
    cache = UsdSkel.Cache()
    poses = {}
    for each in Usd.PrimRange(prim, Usd.TraverseInstanceProxies()):
        if each.IsA(UsdSkel.Root):
            cache.Populate(UsdSkel.Root(each), Usd.TraverseInstanceProxies())
        if each.IsA(UsdSkel.Skeleton):
            query = cache.GetSkelQuery(UsdSkel.Skeleton(each))
            joints = query.ComputeJointLocalTransforms(at) if query else None
            if joints:
                poses[str(each.GetPath())] = np.array(joints)
    return poses


def _materials(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, Any]:
    """What is bound to each mesh below a prim, and what the bound materials' shaders say."""
    said: dict[str, Any] = {}
    bound: set[str] = set()
    walk = iter(Usd.PrimRange(prim, Usd.TraverseInstanceProxies()))
    for each in walk:
        if each.IsA(UsdGeom.PointInstancer):
            walk.PruneChildren()
        if not each.IsA(UsdGeom.Gprim):
            continue
        material, _ = UsdShade.MaterialBindingAPI(each).ComputeBoundMaterial()
        said[str(each.GetPath())] = str(material.GetPath()) if material else ""
        if material and str(material.GetPath()) not in bound:
            bound.add(str(material.GetPath()))
            for part in Usd.PrimRange(material.GetPrim(), Usd.TraverseInstanceProxies()):
                if part.IsA(UsdShade.Shader):
                    for given in UsdShade.Shader(part).GetInputs():
                        said[str(given.GetAttr().GetPath())] = _plain(given.Get(at))
    return said


def _light(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, Any]:
    said: dict[str, Any] = {"type": str(prim.GetTypeName())}
    for attribute in prim.GetAttributes():
        name = attribute.GetName()
        if name.startswith(("inputs:", "collection:")) or name == "treatAsPoint":
            said[name.removeprefix("inputs:")] = _plain(attribute.Get(at))
    for relationship in prim.GetRelationships():
        if relationship.GetName().startswith("collection:"):
            said[relationship.GetName()] = ", ".join(str(t) for t in relationship.GetTargets())
    said["visibility"] = str(UsdGeom.Imageable(prim).ComputeVisibility(at))
    return said


def _plain(value: Any) -> Any:
    """A value that compares: numbers as tuples, files by what they resolve to."""
    if isinstance(value, Sdf.AssetPath):
        return Path(value.resolvedPath or value.path).name
    if hasattr(value, "__len__") and not isinstance(value, str):
        return tuple(_plain(v) for v in value)
    return value


# ------------------------------------------------------------------ differences


def _moved(old: NDArray[np.float64], new: NDArray[np.float64], limits: Continuity) -> Iterator[tuple[str, str, str]]:
    if float(np.linalg.norm(old[3, :3] - new[3, :3])) > limits.position_m:
        yield "position", _metres(old[3, :3]), _metres(new[3, :3])
    sizes = [np.linalg.norm(m[:3, :3], axis=1) for m in (old, new)]
    turns = [m[:3, :3] / np.maximum(s, 1e-12)[:, None] for m, s in zip((old, new), sizes, strict=True)]
    angle = float(np.degrees(np.arccos(np.clip((np.trace(turns[0].T @ turns[1]) - 1) / 2, -1, 1))))
    if angle > limits.angle:
        yield "rotation", "as before", f"turned by {angle:.2f} degrees"
    if float(np.abs(sizes[1] / np.maximum(sizes[0], 1e-12) - 1).max()) > limits.scale:
        was, now = (f"{s[0]:.4g} x {s[1]:.4g} x {s[2]:.4g}" for s in sizes)
        yield "scale", was, now


def _posed(
    old: dict[str, NDArray[np.float64]], new: dict[str, NDArray[np.float64]], limits: Continuity
) -> Iterator[tuple[str, str, str]]:
    for path in sorted(old.keys() | new.keys()):
        a, b = old.get(path), new.get(path)
        if a is None or b is None or a.shape != b.shape:
            was, now = (f"{0 if p is None else len(p)} joints" for p in (a, b))
            yield path, was, now
            continue
        turn = np.einsum("nij,nij->n", a[:, :3, :3], b[:, :3, :3])
        angle = np.degrees(np.arccos(np.clip((turn - 1) / 2, -1, 1)))
        move = np.linalg.norm(a[:, 3, :3] - b[:, 3, :3], axis=1)
        off = (angle > limits.angle) | (move > limits.position_m)
        if off.any():
            worst = int(np.where(off, angle + move, 0).argmax())
            yield (
                path,
                "as before",
                f"{int(off.sum())} of {len(a)} joints differ, joint {worst} by {angle[worst]:.1f} degrees",
            )


def _differing(old: dict[str, Any], new: dict[str, Any], share: float) -> Iterator[tuple[str, str, str]]:
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a != b and not _close(a, b, share):
            was, now = ("not there" if v is None or v == "" else _text(v) for v in (a, b))
            yield name, was, now


def _close(a: Any, b: Any, share: float) -> bool:
    try:
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    except (TypeError, ValueError):
        return False
    if x.shape != y.shape or not x.size or isinstance(a, bool):
        return False
    return float(np.abs(x - y).max()) <= share * max(float(np.abs(x).max()), float(np.abs(y).max()))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_text(v) for v in value) + ")"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _metres(place: NDArray[np.float64]) -> str:
    return ", ".join(f"{v:.3f}" for v in place) + " m"
