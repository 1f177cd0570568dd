# SPDX-License-Identifier: Apache-2.0
"""Scattered things as a PointInstancer: its arrays in a crate file, its prototypes as references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, Vt

from pipeline.scenes.bounds import to_metres
from pipeline.scenes.scatter import Scattered

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROTOTYPES", "author_extent", "author_instancer"]

#: of the instancer prim
PROTOTYPES = "Prototypes"


def author_instancer(
    stage: Usd.Stage,
    path: str,
    scattered: Scattered,
    bases: NDArray[np.float64],
    store: Callable[[Sdf.Layer], str],
) -> UsdGeom.PointInstancer:
    """Author a PointInstancer at the stage's edit target; its prototypes are `path`/Prototypes/p0, p1, …

    Parameters
    ----------
    scattered
        Metres, Y up.
    bases
        (prototypes,) metres by which each prototype's lowest point lies above its origin.
    store
        Keeps the layer with the arrays and returns the asset path to author. Arrays of thousands stand in a crate
        file, so that the department's layer stays small and legible.
    """
    native = np.linalg.inv(to_metres(stage))
    positions = scattered.positions.copy()
    positions -= _up(scattered.rotations) * (bases[scattered.prototypes] * scattered.scales)[:, None]
    layer = Sdf.Layer.CreateAnonymous(".usdc")
    for name in ("metersPerUnit", "upAxis"):
        layer.pseudoRoot.SetInfo(name, stage.GetMetadata(name))
    layer.defaultPrim = "Scatter"
    spec = Sdf.CreatePrimInLayer(layer, "/Scatter")
    spec.specifier = Sdf.SpecifierDef
    spec.typeName = "PointInstancer"

    def put(name: str, kind: Sdf.ValueTypeName, value: object) -> None:
        Sdf.AttributeSpec(spec, name, kind).default = value

    put("protoIndices", Sdf.ValueTypeNames.IntArray, Vt.IntArray.FromNumpy(scattered.prototypes))
    put("ids", Sdf.ValueTypeNames.Int64Array, Vt.Int64Array.FromNumpy(np.arange(len(positions), dtype=np.int64)))
    moved = positions @ native[:3, :3]
    put("positions", Sdf.ValueTypeNames.Point3fArray, Vt.Vec3fArray.FromNumpy(moved.astype(np.float32)))
    turned = _native_rotations(stage, scattered.rotations)
    put("orientations", Sdf.ValueTypeNames.QuathArray, Vt.QuathArray.FromNumpy(turned.astype(np.float16)))
    sized = np.repeat(scattered.scales[:, None], 3, axis=1).astype(np.float32)
    put("scales", Sdf.ValueTypeNames.Float3Array, Vt.Vec3fArray.FromNumpy(sized))
    prim = UsdGeom.PointInstancer.Define(stage, path).GetPrim()
    prim.GetReferences().SetReferences([Sdf.Reference(store(layer))])
    Usd.ModelAPI(prim).SetKind("group")
    instancer = UsdGeom.PointInstancer(prim)
    UsdGeom.Scope.Define(stage, f"{path}/{PROTOTYPES}")
    targets = [Sdf.Path(f"{path}/{PROTOTYPES}/p{i}") for i in range(len(bases))]
    instancer.CreatePrototypesRel().SetTargets(targets)
    return instancer


def author_extent(instancer: UsdGeom.PointInstancer) -> None:
    """Author the extent of what the instances show, once the prototypes are there."""
    extent = instancer.ComputeExtentAtTime(Usd.TimeCode.Default(), Usd.TimeCode.Default())
    if extent:
        instancer.CreateExtentAttr(extent)


def _up(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) where the up axis (+Y) of each rotation points."""
    x, y, z, w = rotations.T
    return np.stack([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)], axis=1)


def _native_rotations(stage: Usd.Stage, rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Y-up rotations as rotations of the stage's space: where Z is up, y becomes z and z becomes -y."""
    if UsdGeom.GetStageUpAxis(stage) != UsdGeom.Tokens.z:
        return rotations
    x, y, z, w = rotations.T
    return np.stack([x, -z, y, w], axis=1)
