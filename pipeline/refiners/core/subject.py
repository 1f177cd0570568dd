# SPDX-License-Identifier: Apache-2.0
"""The prim an operation acts on: its editable meshes, the space they lie in, and the way back to USD."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Pcp, Sdf, Tf, Usd, UsdGeom, UsdShade, UsdSkel

from pipeline.errors import RefineError
from pipeline.mesh.faces import diagonal
from pipeline.mesh.polygons import PolygonMesh
from pipeline.refiners.core.base import Skipped
from pipeline.refiners.core.geometry import read_mesh, write_mesh
from pipeline.refiners.core.part import Part
from pipeline.refiners.core.skinned import resting, skin_place
from pipeline.refiners.core.stores import Store

__all__ = ["Part", "Subject"]


class Subject:
    """A prim with its subtree, ready to be changed in the stage's current edit target.

    Parameters
    ----------
    prim
        The asset.
    store
        Keeper of new geometry layers and textures; None authors geometry into the edit target and refuses
        new textures.
    """

    def __init__(self, prim: Usd.Prim, store: Store | None = None) -> None:
        self.prim = prim
        self.stage: Usd.Stage = prim.GetStage()
        self.store = store
        self.skipped: list[Skipped] = []
        self.notes: list[str] = []
        self.details: dict[str, Any] = {}
        self.errors: list[tuple[float, float, float]] = []
        self.changed = False
        self._geometry: Usd.Stage | None = None
        self._cache: dict[str, PolygonMesh] = {}
        self._written: dict[str, int] = {}
        self._new: set[str] = set()
        self._held: list[Usd.Stage] = []
        self.source: Usd.Prim | None = None

    @property
    def metres(self) -> float:
        """Metres in one unit of the stage."""
        return float(UsdGeom.GetStageMetersPerUnit(self.stage))

    @property
    def up(self) -> int:
        """Axis that points up: 1 or 2."""
        return 2 if UsdGeom.GetStageUpAxis(self.stage) == UsdGeom.Tokens.z else 1

    @property
    def size(self) -> float:
        """Diagonal of all parts in the asset's space."""
        low, high = self.bounds()
        return float(np.linalg.norm(high - low))

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) lowest and (3,) highest corner in the asset's space, in stage units, from the points themselves."""
        places = [self._stood(part) for part in self.parts()]
        low = np.min([p.min(axis=0) for p in places], axis=0)
        high = np.max([p.max(axis=0) for p in places], axis=0)
        return low, high

    def _stood(self, part: Part) -> NDArray[np.float64]:
        """(n, 3) points in the asset's space; of a skin that no clip moves, as it stands at rest."""
        if "skel:jointIndices" in part.mesh.primvars and part.path not in self._written:
            moved = resting(part.prim)
            if moved is not None and len(moved) == len(part.mesh.points):
                inner = UsdSkel.BindingAPI(part.prim).GetGeomBindTransformAttr().Get()
                bind = np.eye(4) if inner is None else np.array(inner, np.float64)
                place = np.linalg.inv(bind) @ part.to_asset  # skeleton space to the asset's
                return np.asarray(moved @ place[:3, :3] + place[3, :3])
        return part.points

    def prims(self) -> Iterable[Usd.Prim]:
        """The subtree, without what only guides."""
        found = iter(Usd.PrimRange(self.prim, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)))
        for prim in found:
            imageable = UsdGeom.Imageable(prim)
            if imageable and imageable.GetPurposeAttr().Get() == UsdGeom.Tokens.guide:
                found.PruneChildren()
                continue
            yield prim

    def parts(self) -> list[Part]:
        """Every mesh that can be edited; the others are told in `skipped`.

        Raises
        ------
        RefineError
            There is none.
        """
        cache = UsdGeom.XformCache()
        root = cache.GetLocalToWorldTransform(self.prim).GetInverse()
        found = []
        for prim in self.prims():
            if not prim.IsA(UsdGeom.Mesh):
                continue
            mesh = UsdGeom.Mesh(prim)
            path = str(prim.GetPath())
            if prim.IsInstanceProxy():
                self.skip(path, "an instance: refine the prim it is an instance of")
                continue
            if path not in self._cache:
                try:
                    self._cache[path] = read_mesh(mesh)
                except RefineError as error:
                    self.skip(path, error.message)
                    continue
            place = skin_place(mesh, cache)
            if place is None:
                place = np.array(cache.GetLocalToWorldTransform(prim), np.float64)
            found.append(Part(mesh, self._cache[path], place @ np.array(root, np.float64)))
        if not found:
            why = self.skipped[0].why if self.skipped else "there is no mesh beneath it"
            raise RefineError(
                f"nothing to refine: {why}", prim=str(self.prim.GetPath()),
                remedy="name the prim that holds the geometry, or select the variant that does",
            )  # fmt: skip
        return found

    def skip(self, prim: str, why: str) -> None:
        """Tell that a prim was passed over."""
        if all(s.prim != prim or s.why != why for s in self.skipped):
            self.skipped.append(Skipped(prim=prim, why=why))

    def note(self, text: str) -> None:
        """A sentence for the reader, once."""
        if text not in self.notes:
            self.notes.append(text)

    def count(self, key: str, number: float) -> None:
        """Add to a number of `details`."""
        self.details[key] = self.details.get(key, 0) + number

    def deformed(self, part: Part) -> str:
        """Why the points of a part cannot be renumbered, or nothing."""
        if part.prim.GetPointsAttr().ValueMightBeTimeVarying():
            return "its points are animated: refine it before it is animated"
        targets = part.prim.GetPrim().GetRelationship("skel:blendShapeTargets")
        if targets and targets.HasAuthoredTargets():
            return "blend shapes name its points by number: refine it before blend shapes are made"
        return ""

    def editable(self) -> list[Part]:
        """The parts whose points may be renumbered; the others are told in `skipped`."""
        found = []
        for part in self.parts():
            why = self.deformed(part)
            if why:
                self.skip(part.path, why)
            else:
                found.append(part)
        return found

    def original(self) -> Usd.Prim | None:
        """The asset as it came: the root of its weakest arc into a file, opened by itself; None without one."""
        if self.source is not None:
            return self.source
        found = None
        for node in _nodes(self.prim.GetPrimIndex().rootNode):
            if node.arcType in (Pcp.ArcTypePayload, Pcp.ArcTypeReference) and node.hasSpecs:
                found = node
        if found is None:
            return None
        stage = Usd.Stage.Open(found.layerStack.identifier.rootLayer)
        self._held.append(stage)
        prim = stage.GetPrimAtPath(found.path)
        return prim or None

    def open_stage(self, path: str) -> Usd.Stage:
        """Another USD file, kept open as long as this subject.

        Raises
        ------
        RefineError
            It does not open.
        """
        try:
            stage = Usd.Stage.Open(path)
        except Tf.ErrorException:
            stage = None
        if not stage:
            raise RefineError("the source does not open as a stage", path=path, remedy="name a USD file or a prim path")
        self._held.append(stage)
        return stage

    def write(self, part: Part, mesh: PolygonMesh) -> None:
        """Give a part new arrays, in the geometry layer where there is a store, else in the edit target."""
        self.changed = True
        self._cache[part.path] = mesh
        if self._inline(part):
            write_mesh(self.stage, part.prim.GetPath(), mesh, part.prim)
            self._written[part.path] = len(mesh.points)
            return
        path = part.prim.GetPath().ReplacePrefix(self.prim.GetPath(), Sdf.Path("/Asset"))
        write_mesh(self._overlay(), path, mesh, part.prim)
        self._written[part.path] = len(mesh.points)

    def overlay(self, path: Sdf.Path, mesh: PolygonMesh, like: UsdGeom.Mesh) -> None:
        """Arrays of a mesh at another `path`, over those of `like`; call `attach` afterwards."""
        self.changed = True
        if self.store is None or getattr(self.store, "inline_geometry", False):
            write_mesh(self.stage, path, mesh, like)
        else:
            write_mesh(self._overlay(), path.ReplacePrefix(self.prim.GetPath(), Sdf.Path("/Asset")), mesh, like)

    def attach(self, root: Sdf.Path) -> None:
        """Bring what `overlay` gathered beneath `root` into composition there, by a reference of its own."""
        if self._geometry is None:
            return
        asset_path = self._stored()
        inner = root.ReplacePrefix(self.prim.GetPath(), Sdf.Path("/Asset"))
        for child in self.stage.GetPrimAtPath(root).GetChildren():
            child.GetReferences().AddReference(
                asset_path, inner.AppendChild(child.GetName()), position=Usd.ListPositionFrontOfPrependList
            )

    def _overlay(self) -> Usd.Stage:
        if self._geometry is None:
            layer = Sdf.Layer.CreateAnonymous("geometry.usdc")
            self._geometry = Usd.Stage.Open(layer)
            self._geometry.SetDefaultPrim(self._geometry.OverridePrim("/Asset"))
        return self._geometry

    def add_mesh(self, like: Part, path: Sdf.Path, mesh: PolygonMesh) -> None:
        """Define a new mesh at `path` with the transform, purpose and other attributes of `like`.

        The prim and its small attributes are authored in the edit target; its arrays as `write` would.
        """
        source = like.prim.GetPrim()
        made = UsdGeom.Mesh.Define(self.stage, path)
        for attribute in source.GetAuthoredAttributes():
            name = attribute.GetName()
            if name.startswith(("primvars:", "skel:")) and "Array" not in type(attribute.Get()).__name__:
                made.GetPrim().CreateAttribute(name, attribute.GetTypeName()).Set(attribute.Get())
            elif name.startswith("xformOp") or name in ("purpose", "visibility", "doubleSided", "subdivisionScheme"):
                copy = made.GetPrim().CreateAttribute(name, attribute.GetTypeName(), False, attribute.GetVariability())
                copy.Set(attribute.Get())
        for relation in source.GetAuthoredRelationships():
            if relation.GetName().startswith("skel:"):
                made.GetPrim().CreateRelationship(relation.GetName(), False).SetTargets(relation.GetTargets())
        for schema in source.GetAppliedSchemas():
            if schema.startswith("SkelBindingAPI"):
                made.GetPrim().AddAppliedSchema(schema)
        part = Part(made, mesh, like.to_asset)
        self._new.add(str(path))
        self.write(part, mesh)
        for name in mesh.subsets:
            old = UsdGeom.Subset(self.stage.GetPrimAtPath(source.GetPath().AppendChild(name)))
            subset = UsdGeom.Subset.Define(self.stage, path.AppendChild(name))
            subset.CreateFamilyNameAttr().Set(old.GetFamilyNameAttr().Get() or "")

    def forget(self, part: Part) -> None:
        """Something else took the part's place."""
        self.changed = True
        self._cache.pop(part.path, None)
        self._written.pop(part.path, None)

    def deactivate(self, part: Part) -> None:
        """Take a part out of the asset: nothing of it would be left."""
        self.changed = True
        self._cache.pop(part.path, None)
        part.prim.GetPrim().SetActive(False)

    def _inline(self, part: Part) -> bool:
        """Whether new geometry belongs into the edit target itself.

        A payload is weaker than what the stage's own layers say, so it serves only where the geometry comes
        through an arc.
        """
        if self.store is None or getattr(self.store, "inline_geometry", False):
            return True
        if part.path in self._new:  # its prim is defined here, its arrays come through the payload
            return False
        specs = part.prim.GetPointsAttr().GetPropertyStack()
        return bool(specs) and specs[0].layer in self.stage.GetLayerStack()

    def keep(self, path: Path) -> str:
        """Keep a file that was made; returns the asset path to author."""
        if self.store is None:
            raise RefineError(
                "this operation makes new textures and was given no place for them",
                prim=str(self.prim.GetPath()), remedy="give a store: FolderStore(folder)",
            )  # fmt: skip
        return self.store.keep(path)

    def finish(self) -> str | None:
        """Put the geometry layer into composition, strongest payload of the asset in the edit target."""
        asset_path = self._keep_geometry()
        for path, count in self._written.items():
            composed = UsdGeom.Mesh(self.stage.GetPrimAtPath(path)).GetPointsAttr().Get()
            if composed is None or len(composed) != count:
                raise RefineError(
                    "a stronger opinion hides the refinement", prim=path,
                    remedy="edit the layer or variant that holds it, or a stronger one",
                )  # fmt: skip
        return asset_path

    def _keep_geometry(self) -> str | None:
        if self._geometry is None or self.store is None:
            return None
        asset_path = self._stored()
        # references beat payloads: where the asset comes by one, so must its refinement
        arcs = self.prim.GetReferences() if self.prim.HasAuthoredReferences() else self.prim.GetPayloads()
        add = arcs.AddReference if self.prim.HasAuthoredReferences() else arcs.AddPayload
        add(asset_path, "/Asset", position=Usd.ListPositionFrontOfPrependList)
        return asset_path

    def _stored(self) -> str:
        assert self._geometry is not None and self.store is not None
        with tempfile.TemporaryDirectory(prefix="refine-") as folder:
            file = Path(folder) / "geometry.usdc"
            if not self._geometry.GetRootLayer().Export(str(file)):
                raise RefineError("the geometry layer could not be written", path=file)
            asset_path = self.store.keep(file)
        self._geometry = None
        return asset_path

    def materials(self) -> list[UsdShade.Material]:
        """The materials beneath the asset, by path."""
        return [UsdShade.Material(p) for p in self.prims() if p.IsA(UsdShade.Material)]

    def deviation(self, old: PolygonMesh, new: PolygonMesh, to_asset: NDArray[np.float64]) -> None:
        """Add the geometric error of a changed part; units of the asset's space."""
        from pipeline.mesh.deviation import deviation

        place = to_asset[:3, :3]
        found = deviation(old.points @ place, old.triangles, new.points @ place, new.triangles)
        weight = float(len(old.triangles))
        self.errors.append((found.mean, found.maximum, weight))

    def error(self) -> dict[str, float] | None:
        """The error of all changed parts: mean over the parts by their triangles, and the largest."""
        if not self.errors:
            return None
        mean, high, weight = (np.array(x, float) for x in zip(*self.errors, strict=True))
        average = float((mean * weight).sum() / max(weight.sum(), 1))
        size = max(self.size, 1e-30)
        return {
            "mean": average / size,
            "max": float(high.max()) / size,
            "mean_m": average * self.metres,
            "max_m": float(high.max()) * self.metres,
        }

    def stats(self) -> dict[str, Any]:
        """Meshes, points, faces, triangles, size: what most operations report."""
        parts = self.parts()
        low, high = self.bounds()
        return {
            "meshes": len(parts),
            "points": int(sum(len(p.mesh.points) for p in parts)),
            "faces": int(sum(len(p.mesh.counts) for p in parts)),
            "triangles": int(sum(len(p.mesh.triangles) for p in parts)),
            "size_m": [round(float(x) * self.metres, 6) for x in high - low],
        }

    @staticmethod
    def diagonal(part: Part) -> float:
        """Diagonal of one part in the asset's space."""
        return diagonal(part.points)


def _nodes(node: Pcp.NodeRef) -> Iterator[Pcp.NodeRef]:
    """The arcs of a prim index, strongest first."""
    yield node
    for child in node.children:
        yield from _nodes(child)
