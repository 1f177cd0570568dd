# SPDX-License-Identifier: Apache-2.0
"""The walk over a composed stage: prims to nodes, each instance of a native prototype copied from the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdLux

from pipeline.usd.scene.above import Above
from pipeline.usd.scene.authored import Authored, authored
from pipeline.usd.scene.bodies import Bodies
from pipeline.usd.scene.cameras import read_camera
from pipeline.usd.scene.levels import Leveled, shown_level
from pipeline.usd.scene.lights import read_light
from pipeline.usd.scene.looks import Looks
from pipeline.usd.scene.model import Camera, Doubles, Light, Node
from pipeline.usd.scene.repeats import Repeats
from pipeline.usd.scene.report import BROKEN, Report, unreadable
from pipeline.usd.scene.space import Space
from pipeline.usd.scene.unread import Unread

__all__ = ["INSIDE", "SceneReader"]

INSIDE = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
_PLACED = frozenset({"Mesh", "Xform"})
_SHADING = frozenset(
    {
        "Material",
        "Shader",
        "NodeGraph",
        "GeomSubset",
        "BlendShape",
        "SkelAnimation",
        "LODScreenSizeHeuristic",
        "LODDistanceHeuristic",
    }
)
#: no transform of a scene reaches or grows further; single precision ends at the square of it
_FARTHEST = 1e15
_UPRIGHT = Gf.Vec4d(0, 0, 0, 1)


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
        self.transforms = UsdGeom.XformCache(time)
        self.report = Report()
        self.space = _space(stage, self.report)
        self.looks = Looks(stage, time, self.report)
        self.bodies = Bodies(self, refine_level, curves)
        self.repeats = Repeats(self)
        self.cameras: list[Camera] = []
        self.lights: list[Light] = []
        #: prims by the number of their node: whose transform moves, whose points or blend shapes do
        self.moving: dict[int, Any] = {}
        self.shaped: dict[int, Any] = {}
        #: PointInstancers whose instances move, by the number of their node; whether anything that moves is wanted
        self.swarms: dict[int, Any] = {}
        self.clips = True
        #: attributes of visibility by the number of their node, where that is followed
        self.follow = False
        self.blinking: dict[int, Any] = {}
        #: (node, node): the second is a copy of the first beneath another native instance
        self.copies: list[tuple[int, int]] = []
        #: prims with UsdLod levels; the list of nodes of the stage itself
        self.leveled: list[Leveled] = []
        self.main_nodes: list[Node] = []
        #: names what nobody reads, where that is asked for
        self.unread: Unread | None = None
        #: what the parents of an exported subtree do to it
        self.above_matrix: Doubles | None = None

    # the walk

    def walk(self, roots: Iterable[Any], nodes: list[Node], above: Above, *, main: bool) -> None:
        """Add the nodes of subtrees, parents first."""
        stack: list[tuple[Any, Any]] = [(prim, above) for prim in reversed(list(roots))]
        if main:
            self.main_nodes = nodes
        templates: dict[tuple[Any, ...], _Template] = {}
        while stack:
            prim, context = stack.pop()
            if isinstance(prim, _Template):
                prim.last = len(nodes)
                templates[prim.key] = prim
                continue
            type_name = prim.GetTypeName()
            if type_name in _SHADING:
                if self.unread and type_name == "GeomSubset":
                    self.unread.subset(prim)
                continue
            index = len(nodes)
            names = tuple(prim.GetAuthoredPropertyNames())
            said = authored(names)
            own = self._inherit(prim, said, context, index if main else -1)
            own.parent = index
            if self.unread:
                drawn = own.visible and own.purpose in self.purposes
                self.unread.note(prim, str(type_name), names, drawn=drawn)
            children = prim.GetFilteredChildren(INSIDE)
            try:
                node = self._node(prim, str(type_name), said, children, own, context.parent, nodes, main)
            except BROKEN as error:
                # one broken prim must not cost the others
                self.report.lose(prim.GetPath(), str(type_name), unreadable(error))
                self.looks.forget(nodes, index)
                node = Node(prim.GetName(), str(prim.GetPath()), context.parent, purpose=own.purpose)
            nodes.append(node)
            if self.space.turned and (node.camera is not None or node.light is not None):
                self._aim(nodes, index, bool(children))
            if type_name == "PointInstancer" or not children:
                continue
            level = shown_level(prim, children, nodes, own, self.time, self.report)
            if level is not None:
                self.leveled.append(level)
                children = level.levels[:1]
            if prim.IsInstance():
                # a collection may bind one instance and not the next
                alone = any(name.startswith("material:binding:collection") for name, *_ in own.bindings)
                key = (
                    prim.GetPrototype().GetPath(), own.purpose, own.visible, own.bindings, _ids(own.primvars),
                    prim.GetPath() if alone else None,
                )  # fmt: skip
                known = templates.get(key)
                if known is not None:
                    self._copy(nodes, known, index, main)
                    continue
                stack.append((_Template(key, index, index + 1), None))
            stack.extend((child, own) for child in reversed(children))

    def _inherit(self, prim: Any, said: Authored, above: Above, index: int) -> Above:
        """What counts for a prim and what lies beneath; `index` is its node, -1 inside of a prototype."""
        purpose, visible, bindings, primvars = above.purpose, above.visible, above.bindings, above.primvars
        for name in said.inherited:
            if name == "purpose":
                purpose = str(prim.GetAttribute(name).Get())
            elif name == "visibility":
                attribute = prim.GetAttribute(name)
                shown = attribute.Get(self.time) != "invisible"
                if attribute.ValueMightBeTimeVarying():
                    if self.follow and index >= 0 and shown:
                        self.blinking[index] = attribute
                    else:
                        why = "shown or hidden as at the time that was read"
                        self.report.reduce(prim.GetPath(), "animated visibility", why)
                visible = visible and shown
            else:
                relation = prim.GetRelationship(name)
                targets = tuple(str(t) for t in relation.GetTargets()) if relation else ()
                strength = relation.GetMetadata("bindMaterialAs") if relation else None
                bindings = (*bindings, (name, targets, strength))
                self.looks.bindings_seen = True
        if said.primvars and prim.GetTypeName() != "Mesh":
            own = {name: prim.GetAttribute(f"primvars:{name}") for name in said.primvars}
            constant = {
                name: attribute
                for name, attribute in own.items()
                if (attribute.GetMetadata("interpolation") or "constant") == "constant"
            }
            primvars = {**primvars, **constant}
        return Above(-1, purpose, visible, bindings, primvars)

    def _node(
        self,
        prim: Any,
        type_name: str,
        said: Authored,
        children: list[Any],
        own: Above,
        parent: int,
        nodes: list[Node],
        main: bool,
    ) -> Node:
        matrix, parent = self._transform(prim, said, parent, len(nodes), main)
        path = str(prim.GetPath())
        made: dict[str, Any] = {}
        drawn = own.visible and own.purpose in self.purposes
        if type_name == "Mesh":
            if drawn:
                made = self.bodies.mesh(prim, path, said, children, own, nodes, main)
        elif type_name in {"Xform", "Scope", ""}:
            pass
        elif type_name == "PointInstancer":
            if drawn:
                made = {"instances": self.repeats.instancer(prim, own, len(nodes) if main else -1)}
        elif type_name == "Camera":
            self.cameras.append(read_camera(prim, self.time, self.space, self.report))
            made = {"camera": len(self.cameras) - 1}
        elif type_name == "SkelRoot":
            self.bodies.bindings.add_root(prim)
        elif type_name == "Skeleton":
            made = {"skeleton": self.bodies.skeleton(prim)}
        elif prim.HasAPI(UsdLux.LightAPI) and type_name != "Mesh":
            self.lights.append(read_light(prim, self.time, self.space, self.report))
            made = {"light": len(self.lights) - 1}
        elif drawn and prim.IsA(UsdGeom.Gprim):
            made = self.bodies.other(prim, type_name, own, nodes)
        node = Node(
            name=prim.GetName(),
            path=path,
            parent=parent,
            matrix=matrix,
            instance_of=str(prim.GetPrototype().GetPath()) if prim.IsInstance() else "",
            purpose=own.purpose,
            **made,
        )
        return node

    def _aim(self, nodes: list[Node], index: int, has_children: bool) -> None:
        """A camera or light still looks along -Z of its own node when the stage's up axis was another.

        What stands beneath it must not turn with it: then the camera or light gets a node of its own.
        """
        node = nodes[index]
        if not has_children:
            matrix = np.eye(4) if node.matrix is None else node.matrix
            nodes[index] = replace(node, matrix=self.space.rotation @ matrix)
            return
        nodes[index] = replace(node, camera=None, light=None)
        nodes.append(
            Node(
                node.name, node.path, index, self.space.rotation, camera=node.camera, light=node.light,
                purpose=node.purpose,
            )
        )  # fmt: skip

    def _transform(self, prim: Any, said: Authored, parent: int, index: int, main: bool) -> tuple[Any, int]:
        if not said.placed or not (prim.GetTypeName() in _PLACED or prim.IsA(UsdGeom.Xformable)):
            return None, parent
        # the cache parses the operations once for both answers
        found, resets = self.transforms.GetLocalTransformation(prim)
        if resets:
            parent = -1
        # a determinant is finite only if each of the sixteen is, but for numbers of hundreds of digits
        sound = abs(found.GetDeterminant()) <= _FARTHEST and found.ExtractTranslation().GetLength() <= _FARTHEST
        if not sound and not (np.abs(np.array(found)) <= _FARTHEST).all():
            why = "it is not finite, or beyond all numbers: the identity stands for it"
            self.report.lose(prim.GetPath(), "transform", why)
            return None, parent
        if found.GetColumn(3) != _UPRIGHT:
            why = "its last column is not (0, 0, 0, 1): that column stands for it"
            self.report.lose(prim.GetPath(), "transform", why)
            found.SetColumn(3, _UPRIGHT)
        for name in said.operations:
            if prim.GetAttribute(name).ValueMightBeTimeVarying():
                if main:
                    self.moving[index] = prim
                else:
                    why = "of a point instancer: it stands still"
                    self.report.reduce(prim.GetPath(), "motion in a prototype", why)
                break
        return self.space.matrices(found), parent

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
                    n.lod_screen_sizes,
                )
            )  # fmt: skip
            if n.mesh is not None:
                self.looks.follow(nodes, i, i + shift)
            if main:
                self.copies.append((i, i + shift))


def _space(stage: Any, report: Report) -> Space:
    """The stage's conversion; units that make no size count as metres."""
    unit = float(UsdGeom.GetStageMetersPerUnit(stage))
    if not (np.isfinite(unit) and 1e-12 < unit < 1e12):
        report.lose("/", "metersPerUnit", f"{unit} is no unit: metres are assumed")
        unit = 1.0
    return Space(unit, str(UsdGeom.GetStageUpAxis(stage)))


def _ids(primvars: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(a.GetPath()) for a in primvars.values()) if primvars else ()
