# SPDX-License-Identifier: Apache-2.0
"""From a stage, a USD file or any mesh file to what is inspected."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.company import keep_company
from pipeline.checks.subject import HUGE, Part, RawFaults, Shape, Subject
from pipeline.errors import ImportRefused, StageError
from pipeline.mesh.distinct import distinct

if TYPE_CHECKING:
    from pipeline.usd.scene.model import Mesh, Scene

#: an asset that is so many times its size away from the origin is measured around a place of its own
FAR = 32
USD = frozenset({".usd", ".usda", ".usdc", ".usdz"})


@contextlib.contextmanager
def opened(source: Any, prim: str | None = None) -> Iterator[Subject]:
    """What a stage or file holds; files of a conversion live as long as the block.

    Parameters
    ----------
    source
        A `Usd.Stage`, a USD file, or a mesh file of a format that `pipeline.importers` reads.
    prim
        Only what lies beneath this prim.

    Raises
    ------
    ImportRefused
        The file is broken, hostile or of an unknown format.
    StageError
        The stage does not open, or has no such prim.
    """
    if not isinstance(source, (str, PathLike)):
        yield from_stage(source, prim)
        return
    path = Path(source)
    if not path.exists():
        raise ImportRefused("there is no such file", path=path, remedy="check the path")
    if path.suffix.lower() in USD:
        from pipeline.importers import vet_stage

        vet_stage(path)  # what would crash or hang does so in a worker
        yield _read(path, prim)
        return
    with tempfile.TemporaryDirectory(prefix="gates-inspect-") as folder:
        yield from_stage(_open(import_to(path, Path(folder) / "package")), prim, path, native=False)


def import_to(path: Path, folder: Path) -> Path:
    """Convert a mesh file; returns the layer of its package.

    Raises
    ------
    ImportRefused
        The file is broken, hostile or of an unknown format.
    """
    from pipeline.importers import import_file

    report = import_file(path, folder)
    return Path(report.folder) / report.layer


def _open(path: Path) -> Any:
    from pipeline.usd.scene import open_stage

    return open_stage(path)


def _read(path: Path, prim: str | None) -> Subject:
    """What a USD file holds, whose values may be broken where its structure is not."""
    from pxr import Tf

    try:
        return from_stage(_open(path), prim, path)
    except Tf.ErrorException as error:
        said = re.findall(r": '(.*?)'\s*(?=Error in|$)", " ".join(str(error).split()))
        told = (said[0] if said else "its values cannot be read").replace("<FileMappingPtr>", "")
        raise ImportRefused(f"is broken: {told[:300]}", path=path, remedy="export it again") from None


def from_stage(stage: Any, prim: str | None = None, file: Path | None = None, native: bool = True) -> Subject:
    """What a stage holds, beneath one prim or all of it."""
    from pipeline.usd.scene import read_scene

    root = _root(stage, prim)
    scene = read_scene(stage, root=prim)
    return from_scene(scene, root, _faults(stage, scene), file, stage, native, prim is not None)


def _root(stage: Any, prim: str | None) -> str:
    if prim is not None:
        if not stage.GetPrimAtPath(prim):
            raise StageError(
                "there is no such prim", path=stage.GetRootLayer().identifier, prim=prim, remedy="check its path"
            )
        return prim
    default = stage.GetDefaultPrim()
    if default:
        return str(default.GetPath())
    roots = stage.GetPseudoRoot().GetChildren()
    return str(roots[0].GetPath()) if len(roots) == 1 else "/"


def from_scene(
    scene: Scene,
    prim: str = "/",
    faults: dict[str, RawFaults] | None = None,
    file: Path | None = None,
    stage: Any = None,
    native: bool = False,
    asked: bool = False,
) -> Subject:
    """The parts of a flattened scene: what ships, finest level of detail, no proxies and guides."""
    shapes: dict[int, Shape] = {}
    parts: list[Part] = []
    chosen = [
        (number, node, node.mesh)
        for number, node in enumerate(scene.nodes)
        if node.mesh is not None and node.lod <= 0 and node.purpose not in ("proxy", "guide")
        and scene.meshes[node.mesh].kind == "polygons"
    ]  # fmt: skip
    world = scene.world_matrices[[number for number, _, _ in chosen]] if chosen else np.zeros((0, 4, 4))
    origin = _origin([scene.meshes[mesh] for _, _, mesh in chosen], world)
    if origin.any():
        world = world.copy()
        world[:, 3, :3] -= origin
    plain = (world == np.eye(4)).all(axis=(1, 2))
    for at, (_, node, mesh) in enumerate(chosen):
        first = mesh not in shapes
        shape = shapes.setdefault(mesh, Shape(scene.meshes[mesh]))
        matrix = None if plain[at] else world[at]
        parts.append(Part(len(parts), node.path, shape, matrix, node.materials, node, first))
    keep_company(list(shapes.values()))
    return Subject(scene.source, prim, scene, tuple(parts), faults or {}, file, stage, native, asked, origin)


def _origin(meshes: Sequence[Mesh], world: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the asset is when it stands far out: float32 would have too few digits left for its shape there."""
    some = [(i, m.points) for i, m in enumerate(meshes) if len(m.points)]
    if not some:
        return np.zeros(3)
    place = np.array([points[0] for _, points in some], np.float64)
    matrix = world[[i for i, _ in some]]
    place = np.einsum("ij,ijk->ik", place, matrix[:, :3, :3]) + matrix[:, 3, :3]
    place = place[np.isfinite(place).all(axis=1)]
    if not len(place) or np.abs(place).max() > HUGE:
        return np.zeros(3)
    largest = some[int(np.argmax([len(points) for _, points in some]))]
    reach = np.ptp(largest[1], axis=0).astype(np.float64) @ np.abs(world[largest[0], :3, :3])
    middle = np.round((place.min(axis=0) + place.max(axis=0)) / 2)
    extent = float(np.linalg.norm(np.ptp(place, axis=0) + reach))
    return middle if np.abs(middle).max() > FAR * extent else np.zeros(3)


def _faults(stage: Any, scene: Scene) -> dict[str, RawFaults]:
    """What the scene's reader left out of each mesh: only those are looked at of which it said something."""
    from pxr import UsdGeom

    result = {}
    suspects = [loss.prim for loss in scene.losses if not loss.reduced and loss.prim.startswith("/")]
    suspects += [m.path for m in scene.meshes if m.source_faces is not None or m.edges is not None]
    for path in dict.fromkeys(suspects):
        found = stage.GetPrimAtPath(path)
        if not found or not found.IsA(UsdGeom.Mesh):
            continue
        mesh = UsdGeom.Mesh(found)
        points, counts, indices = (
            _values(attribute, wanted)
            for attribute, wanted in (
                (mesh.GetPointsAttr(), np.zeros((0, 3), np.float32)),
                (mesh.GetFaceVertexCountsAttr(), np.zeros(0, np.int32)),
                (mesh.GetFaceVertexIndicesAttr(), np.zeros(0, np.int32)),
            )
        )
        if points is None or counts is None or indices is None:
            result[path] = RawFaults(bad_faces=1)
            continue
        fault = raw_faults(points, counts, indices)
        broken = _broken_uvs(found)
        if broken:
            fault = dataclasses.replace(fault or RawFaults(), bad_uvs=broken)
        if fault:
            result[path] = fault
    return result


def _values(attribute: Any, like: NDArray) -> NDArray | None:
    """The array of an attribute, empty without a value; None where it is of another type."""
    from pxr import Usd

    value = attribute.Get(Usd.TimeCode.EarliestTime())
    if value is None:
        return like
    found = np.asarray(value)
    fits = found.ndim == like.ndim and found.shape[1:] == like.shape[1:] and found.dtype.kind == like.dtype.kind
    return found if fits else None


def _broken_uvs(prim: Any) -> int:
    """UV values that are no numbers."""
    from pxr import Sdf, UsdGeom

    broken = 0
    for primvar in UsdGeom.PrimvarsAPI(prim).GetPrimvarsWithValues():
        if primvar.GetTypeName() in (Sdf.ValueTypeNames.TexCoord2fArray, Sdf.ValueTypeNames.Float2Array):
            values = np.asarray(primvar.Get() or np.zeros((0, 2), np.float32))
            broken += int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
    return broken


def raw_faults(points: Any, counts: Any, indices: Any) -> RawFaults | None:
    """Points that are no numbers, and faces that cannot be read; None where all is well.

    Parameters
    ----------
    points : (n, 3) float
    counts : (f,) int
    indices : (sum of counts,) int
    """
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) < HUGE).all(axis=1))
    bad_points = int(bad.sum())
    if counts.sum(dtype=np.int64) != len(indices) or (counts < 0).any():
        return RawFaults(bad_points, max(len(counts), 1))
    outside = (indices < 0) | (indices >= len(points))
    bad_faces = 0
    if outside.any():
        face = np.repeat(np.arange(len(counts)), counts)
        bad_faces += len(distinct(face[outside]))
    bad_faces += int(np.count_nonzero(counts < 3))
    return RawFaults(bad_points, bad_faces) if bad_points or bad_faces else None
