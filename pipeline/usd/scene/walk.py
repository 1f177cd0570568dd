# SPDX-License-Identifier: Apache-2.0
"""The walk over a composed stage: prims to nodes, each instance of a native prototype copied from the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np
from pxr import Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade

from pipeline.usd.scene.cameras import read_camera
from pipeline.usd.scene.curves import read_curves, read_points
from pipeline.usd.scene.implicit import SHAPES, read_implicit
from pipeline.usd.scene.instances import read_instances
from pipeline.usd.scene.lights import read_light
from pipeline.usd.scene.materials import read_material
from pipeline.usd.scene.meshes import build_mesh, fetch_mesh
from pipeline.usd.scene.model import (
    BlendShape,
    Camera,
    Doubles,
    Light,
    Material,
    Mesh,
    Node,
    Prototype,
    Skeleton,
)
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.skeletons import Bindings, read_blend_shapes, read_skeleton, read_skin
from pipeline.usd.scene.space import Space
from pipeline.usd.scene.subdivide import refined

__all__ = ["INSIDE", "Above", "SceneReader"]

INSIDE = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
_SHADING = frozenset({"Material", "Shader", "NodeGraph", "GeomSubset", "BlendShape", "SkelAnimation"})
_BROKEN = (ValueError, IndexError, TypeError, OverflowError, np.linalg.LinAlgError, Tf.ErrorException)
_CURVES = frozenset({"BasisCurves", "NurbsCurves", "HermiteCurves"})


@dataclass(slots=True)
class Above:
    """What a prim inherits."""

    parent: int = -1
    purpose: str = "default"
    visible: bool = True
    bindings: tuple[Any, ...] = ()
    primvars: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Template:
    """The nodes beneath one instance, to be copied for the next like it."""

    key: tuple[Any, ...]
    root: int
    first: int
    last: int = -1


class SceneReader:
    """The state of one reading. `read_scene` is the door."""

    def __init__(self, stage: Any, purposes: Iterable[str], time: Any, refine_level: int, curves: Any) -> None:
        self.stage = stage
        self.purposes = frozenset(purposes)
        self.time = time
        self.refine_level = refine_level
        self.curves = curves
        self.transforms = UsdGeom.XformCache(time)
        self.report = Report()
        self.space = _space(stage, self.report)
        self.bindings = Bindings()
        self.meshes: list[Mesh] = []
        self.materials: list[Material] = []
        self.cameras: list[Camera] = []
        self.lights: list[Light] = []
        self.skeletons: list[Skeleton] = []
        self.skeleton_queries: dict[int, Any] = {}
        self.prototypes: list[Prototype | None] = []
        self.prototype_nodes: dict[int, list[Node]] = {}
        self.mesh_by_digest: dict[str, int] = {}
        self.prototype_by_path: dict[tuple[Any, ...], int] = {}
        self.skeleton_by_path: dict[str, int | None] = {}
        self.material_by_path: dict[str, int] = {}
        #: prims to bind, by (list of nodes, node, slot)
        self.to_bind: list[tuple[list[Node], int, int, Any]] = []
        self.copies: list[tuple[int, int]] = []
        self.moving: dict[int, Any] = {}
        self.shaped: dict[int, Any] = {}
        self.has_materials = True
        self.bindings_seen = False
        #: what the parents of an exported subtree do to it
        self.above_matrix: Doubles | None = None

    # the walk

    def walk(self, roots: Iterable[Any], nodes: list[Node], above: Above, *, main: bool) -> None:
        """Add the nodes of subtrees, parents first."""
        stack: list[tuple[Any, Any]] = [(prim, above) for prim in reversed(list(roots))]
        templates: dict[tuple[Any, ...], _Template] = {}
        while stack:
            prim, context = stack.pop()
            if isinstance(prim, _Template):
                prim.last = len(nodes)
                templates[prim.key] = prim
                continue
            type_name = prim.GetTypeName()
            if type_name in _SHADING:
                continue
            index = len(nodes)
            names = prim.GetAuthoredPropertyNames()
            own = self._inherit(prim, names, context)
            own.parent = index
            children = prim.GetFilteredChildren(INSIDE)
            try:
                node = self._node(prim, str(type_name), names, children, own, context.parent, nodes, main)
            except _BROKEN as error:
                # one broken prim must not cost the others
                why = " ".join(str(error).split())[:200]
                self.report.lose(prim.GetPath(), str(type_name), f"it cannot be read: {why}")
                self.to_bind = [e for e in self.to_bind if not (e[0] is nodes and e[1] == index)]
                node = Node(prim.GetName(), str(prim.GetPath()), context.parent, purpose=own.purpose)
            nodes.append(node)
            if type_name == "PointInstancer" or not children:
                continue
            if prim.IsInstance():
                key = (prim.GetPrototype().GetPath(), own.purpose, own.visible, own.bindings, _ids(own.primvars))
                known = templates.get(key)
                if known is not None:
                    self._copy(nodes, known, index, main)
                    continue
                stack.append((_Template(key, index, index + 1), None))
            stack.extend((child, own) for child in reversed(children))

    def _inherit(self, prim: Any, names: list[str], above: Above) -> Above:
        purpose, visible, bindings, primvars = above.purpose, above.visible, above.bindings, above.primvars
        copied = False
        for name in names:
            if name == "purpose":
                purpose = str(prim.GetAttribute(name).Get())
            elif name == "visibility":
                attribute = prim.GetAttribute(name)
                if attribute.Get(self.time) == "invisible":
                    visible = False
                if attribute.ValueMightBeTimeVarying():
                    self.report.lose(
                        prim.GetPath(), "animated visibility", "shown or hidden as at the time that was read"
                    )
            elif name.startswith(("material:binding", "skel:skeleton", "skel:animationSource")):
                relation = prim.GetRelationship(name)
                targets = tuple(str(t) for t in relation.GetTargets()) if relation else ()
                strength = relation.GetMetadata("bindMaterialAs") if relation else None
                bindings = (*bindings, (name, targets, strength))
                self.bindings_seen = True
            elif name.startswith("primvars:") and prim.GetTypeName() != "Mesh":
                attribute = prim.GetAttribute(name)
                if (attribute.GetMetadata("interpolation") or "constant") == "constant":
                    if not copied:
                        primvars, copied = dict(primvars), True
                    primvars[name[9:]] = attribute
        return Above(-1, purpose, visible, bindings, primvars)

    def _node(
        self,
        prim: Any,
        type_name: str,
        names: list[str],
        children: list[Any],
        own: Above,
        parent: int,
        nodes: list[Node],
        main: bool,
    ) -> Node:
        matrix, parent = self._transform(prim, names, parent, len(nodes), main)
        path = str(prim.GetPath())
        made: dict[str, Any] = {}
        drawn = own.visible and own.purpose in self.purposes
        if type_name == "Mesh":
            if drawn:
                made = self._mesh(prim, names, children, own, nodes, len(nodes), main)
        elif type_name in {"Xform", "Scope", ""}:
            pass
        elif type_name == "PointInstancer":
            if drawn:
                made = {"instances": self._instancer(prim, own)}
        elif type_name == "Camera":
            self.cameras.append(read_camera(prim, self.time, self.space))
            made = {"camera": len(self.cameras) - 1}
        elif type_name == "SkelRoot":
            self.bindings.add_root(prim)
        elif type_name == "Skeleton":
            made = {"skeleton": self._skeleton(prim)}
        elif prim.HasAPI(UsdLux.LightAPI) and type_name != "Mesh":
            self.lights.append(read_light(prim, self.time, self.space, self.report))
            made = {"light": len(self.lights) - 1}
        elif drawn and prim.IsA(UsdGeom.Gprim):
            made = self._gprim(prim, type_name, own, nodes, len(nodes))
        node = Node(
            name=prim.GetName(),
            path=path,
            parent=parent,
            matrix=matrix,
            instance_of=str(prim.GetPrototype().GetPath()) if prim.IsInstance() else "",
            purpose=own.purpose,
            **made,
        )
        if self.space.turned and (node.camera is not None or node.light is not None):
            node = self._aimed(node, bool(children))
        return node

    def _aimed(self, node: Node, has_children: bool) -> Node:
        """A camera or light still looks along -Z of its own node when the stage's up axis was another."""
        if has_children:
            self.report.lose(node.path, "children of a camera or light", "turned with the change of the up axis")
        matrix = np.eye(4) if node.matrix is None else node.matrix
        return replace(node, matrix=self.space.rotation @ matrix)

    def _transform(self, prim: Any, names: list[str], parent: int, index: int, main: bool) -> tuple[Any, int]:
        if "xformOpOrder" not in names:
            return None, parent
        if not prim.IsA(UsdGeom.Xformable):
            return None, parent
        # the cache parses the operations once for both answers
        found, resets = self.transforms.GetLocalTransformation(prim)
        local = np.array(found)
        if resets:
            parent = -1
        # a sum is finite only if each of the sixteen is
        if not isfinite(local.sum()):
            self.report.lose(prim.GetPath(), "transform", "it is not finite: the identity stands for it")
            return None, parent
        if any(n.startswith("xformOp:") and prim.GetAttribute(n).ValueMightBeTimeVarying() for n in names):
            if main:
                self.moving[index] = prim
            else:
                self.report.lose(prim.GetPath(), "animation inside of a point instancer's prototype", "it stands still")
        return self.space.matrices(local), parent

    def _copy(self, nodes: list[Node], template: _Template, root: int, main: bool) -> None:
        """Repeat the nodes beneath an instance under another instance of the same prototype."""
        shift = root + 1 - template.first
        old, new = nodes[template.root].path, nodes[root].path
        cut = len(old)
        for i in range(template.first, template.last):
            n = nodes[i]
            if n.parent == template.root:
                parent = root
            else:
                parent = n.parent if n.parent < template.first else n.parent + shift
            skin_root = n.skin_root
            if skin_root is not None and template.first <= skin_root < template.last:
                skin_root += shift
            nodes.append(
                Node(
                    n.name, new + n.path[cut:], parent, n.matrix, n.mesh, n.materials, n.camera, n.light,
                    n.instances, n.skeleton, skin_root, n.weights, n.instance_of, n.lod, n.lods, n.purpose,
                )
            )  # fmt: skip
            if main:
                self.copies.append((i, i + shift))

    # what prims are

    def _mesh(
        self,
        prim: Any,
        names: list[str],
        children: list[Any],
        own: Above,
        nodes: list[Node],
        index: int,
        main: bool,
    ) -> dict[str, Any]:
        raw = fetch_mesh(prim, names, children, own.primvars, self.time)
        if raw is None:
            if prim.GetAttribute("points").HasAuthoredValue():
                self.report.lose(prim.GetPath(), "mesh", "it has no points or no faces")
            return {}
        binding = self.bindings.by_path.get(str(prim.GetPath())) if self.bindings.by_path else None
        single = raw.moving or binding is not None
        digest = "" if single else raw.digest()
        number = self.mesh_by_digest.get(digest)
        if number is None or single:
            mesh = build_mesh(raw, self.space, self.report)
            if mesh is None:
                self.report.lose(prim.GetPath(), "mesh", "no face of it can be drawn")
                return {}
            if self.refine_level and mesh.subdivision != "none":
                mesh = refined(mesh, raw, self.refine_level, self.report)
            if binding is not None:
                mesh = self._bound(mesh, binding, len(raw.points))
            number = len(self.meshes)
            self.meshes.append(mesh)
            if not single:
                self.mesh_by_digest[digest] = number
        mesh = self.meshes[number]
        if raw.moving and main:
            self.shaped[index] = prim
        if self.has_materials:
            subsets = {s.GetName(): s for s, _ in raw.subsets}
            whole = str(prim.GetName())
            for slot, part in enumerate(mesh.slots):
                # the whole mesh comes first where it has faces of its own
                source = subsets.get(part.name) if not (slot == 0 and part.name == whole) else None
                self.to_bind.append((nodes, index, slot, source if source is not None else prim))
        made: dict[str, Any] = {"mesh": number, "materials": (-1,) * len(mesh.slots)}
        if mesh.blend_shapes and binding is not None:
            made["weights"] = _weights(binding.query, mesh, self.time)
            if main:
                self.shaped[index] = prim
        return made

    def _bound(self, mesh: Mesh, binding: Any, authored: int) -> Mesh:
        if len(mesh.points) != authored:
            self.report.lose(mesh.path, "skinning", "a refined mesh is not skinned")
            return mesh
        number = self._skeleton(binding.skeleton.GetPrim())
        skin = None
        if number is not None:
            skin = read_skin(binding, len(mesh.points), self.skeletons[number], self.time, self.space, self.report)
        shapes: tuple[BlendShape, ...] = ()
        if binding.target.HasBlendShapes():
            shapes = read_blend_shapes(binding.target.GetPrim(), len(mesh.points), self.space, self.report)
        return replace(mesh, skin=skin, blend_shapes=shapes)

    def _skeleton(self, prim: Any) -> int | None:
        path = str((prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim).GetPath())
        if path not in self.skeleton_by_path:
            query = self.bindings.query(prim)
            made = read_skeleton(prim, query, self.time, self.space, self.report)
            self.skeleton_by_path[path] = None if made is None else len(self.skeletons)
            if made is not None:
                self.skeleton_queries[len(self.skeletons)] = query
                self.skeletons.append(made)
        return self.skeleton_by_path[path]

    def _gprim(self, prim: Any, type_name: str, own: Above, nodes: list[Node], index: int) -> dict[str, Any]:
        mesh: Mesh | None = None
        if type_name in SHAPES:
            mesh = read_implicit(prim, self.time, self.space, own.primvars)
        elif type_name in _CURVES:
            mesh = read_curves(prim, self.time, self.space, self.report, self.curves)
        elif type_name == "Points":
            mesh = read_points(prim, self.time, self.space, self.report)
        elif not prim.IsA(UsdShade.Shader):
            self.report.lose(prim.GetPath(), type_name, "no exchange format has it")
        if mesh is None:
            return {}
        self.meshes.append(mesh)
        if self.has_materials:
            self.to_bind.append((nodes, index, 0, prim))
        return {"mesh": len(self.meshes) - 1, "materials": (-1,)}

    def _instancer(self, prim: Any, own: Above) -> Any:
        instancer = UsdGeom.PointInstancer(prim)
        numbers = []
        for target in instancer.GetPrototypesRel().GetForwardedTargets():
            root = self.stage.GetPrimAtPath(target)
            numbers.append(self._prototype(root, own) if root and root.IsActive() else -1)
            if numbers[-1] < 0:
                self.report.lose(prim.GetPath(), "prototype", f"<{target}> is not there")
        for name in ("positions", "orientations", "scales", "protoIndices", "orientationsf"):
            attribute = prim.GetAttribute(name)
            if attribute and attribute.ValueMightBeTimeVarying():
                self.report.lose(prim.GetPath(), "animated instances", "as at the time that was read")
        return read_instances(prim, self.time, self.space, tuple(numbers), self.report)

    def _prototype(self, root: Any, own: Above) -> int:
        key = (str(root.GetPath()), own.purpose)
        known = self.prototype_by_path.get(key)
        if known is not None:
            if self.prototypes[known] is None:
                self.report.lose(root.GetPath(), "point instancer", "it repeats itself")
                return -1
            return known
        number = len(self.prototypes)
        self.prototypes.append(None)
        self.prototype_by_path[key] = number
        nodes: list[Node] = []
        image = UsdGeom.Imageable(root)
        visible = not image or image.ComputeVisibility(self.time) != "invisible"
        purpose = own.purpose if own.purpose != "default" or not image else str(image.ComputePurpose())
        self.walk([root], nodes, Above(purpose=purpose, visible=visible), main=False)
        self._unreset(root, nodes)
        self.prototypes[number] = Prototype(str(root.GetPath()), tuple(nodes))
        self.prototype_nodes[number] = nodes
        return number

    def _unreset(self, root: Any, nodes: list[Node]) -> None:
        """A prototype's prim that resets its transform counts from the prototype's parent."""
        above = root.GetParent()
        if not any(n.parent < 0 for n in nodes[1:]):
            return
        parent = self.space.matrices(np.array(UsdGeom.XformCache(self.time).GetLocalToWorldTransform(above)))
        back = np.linalg.inv(parent)
        for i, node in enumerate(nodes[1:], 1):
            if node.parent < 0:
                nodes[i] = replace(node, matrix=(np.eye(4) if node.matrix is None else node.matrix) @ back)

    # what comes after the walk

    def bind(self) -> None:
        """Give every slot its material; one call for all prims."""
        prims = [entry[3] for entry in self.to_bind]
        # bindings of subsets alone count as well
        self.bindings_seen = self.bindings_seen or any(p.GetTypeName() == "GeomSubset" for p in prims)
        if not self.to_bind or not self.bindings_seen:
            return
        found, _ = UsdShade.MaterialBindingAPI.ComputeBoundMaterials(prims)
        missing = [i for i, m in enumerate(found) if not m]
        for purpose in (UsdShade.Tokens.preview, UsdShade.Tokens.full):
            if not missing:
                break
            again, _ = UsdShade.MaterialBindingAPI.ComputeBoundMaterials([prims[i] for i in missing], purpose)
            for i, material in zip(missing, again, strict=True):
                found[i] = material
            missing = [i for i in missing if not found[i]]
        if self.bindings_seen:
            for i in missing:
                self._report_unbound(prims[i])
        chosen: dict[tuple[int, int], list[int]] = {}
        lists: dict[int, list[Node]] = {}
        for (nodes, index, slot, _), material in zip(self.to_bind, found, strict=True):
            if not material:
                continue
            lists[id(nodes)] = nodes
            row = chosen.setdefault((id(nodes), index), list(nodes[index].materials))
            row[slot] = self.material(material.GetPrim())
        for (key, index), row in chosen.items():
            lists[key][index] = replace(lists[key][index], materials=tuple(row))

    def _report_unbound(self, prim: Any) -> None:
        """A binding that leads nowhere, at the prim or above it, is a loss; no binding at all is none."""
        at = prim
        while at and not at.IsPseudoRoot():
            relation = at.GetRelationship("material:binding")
            targets = relation.GetTargets() if relation else []
            if targets:
                why = f"<{targets[0]}> is not there"
                if any(path.endswith(".mtlx") for path in _references(self.stage, targets[0])):
                    why += ": it comes from MaterialX, which this usd-core does not read"
                self.report.lose(at.GetPath(), "material binding", why)
                return
            at = at.GetParent()

    def material(self, prim: Any) -> int:
        """The number of a material, read when first met."""
        path = str(prim.GetPath())
        number = self.material_by_path.get(path)
        if number is None:
            number = len(self.materials)
            self.material_by_path[path] = number
            self.materials.append(read_material(prim, self.time, self.report))
        return number

    def link_skins(self, nodes: list[Node]) -> None:
        """Point skinned meshes to the node of their skeleton."""
        if not self.bindings.by_path:
            return
        by_path = {node.path: i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):
            if node.mesh is None or self.meshes[node.mesh].skin is None or node.skin_root is not None:
                continue
            binding = self.bindings.by_path.get(node.path)
            if binding is None:
                continue
            root = by_path.get(str(binding.skeleton.GetPath()))
            if root is None or nodes[root].skeleton is None:
                self.report.lose(node.path, "skinning", "its skeleton is not part of what is exported")
                continue
            nodes[i] = replace(node, skin_root=root)


def _references(stage: Any, path: Any) -> list[str]:
    """The files that a prim path's ancestors reference."""
    found: list[str] = []
    at = path
    while not at.isEmpty and at != Sdf.Path.absoluteRootPath:
        prim = stage.GetPrimAtPath(at)
        for spec in prim.GetPrimStack() if prim else ():
            found += [r.assetPath for r in spec.referenceList.GetAddedOrExplicitItems()]
        at = at.GetParentPath()
    return found


def _space(stage: Any, report: Report) -> Space:
    """The stage's conversion; units that make no size count as metres."""
    unit = float(UsdGeom.GetStageMetersPerUnit(stage))
    if not (np.isfinite(unit) and 1e-12 < unit < 1e12):
        report.lose("/", "metersPerUnit", f"{unit} is no unit: metres are assumed")
        unit = 1.0
    return Space(unit, str(UsdGeom.GetStageUpAxis(stage)))


def _ids(primvars: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(a.GetPath()) for a in primvars.values()) if primvars else ()


def _weights(query: Any, mesh: Mesh, time: Any) -> Any:
    animation = query.GetAnimQuery() if query else None
    weights = np.zeros(len(mesh.blend_shapes), np.float32)
    if animation:
        place = {str(n): i for i, n in enumerate(animation.GetBlendShapeOrder())}
        values = animation.ComputeBlendShapeWeights(time)
        for i, shape in enumerate(mesh.blend_shapes):
            at = place.get(shape.name)
            if at is not None and values is not None and at < len(values):
                weights[i] = values[at]
    return weights
