# SPDX-License-Identifier: Apache-2.0
"""Materials of what was met: one lookup of bindings for all prims, materials read when first bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pxr import Sdf, UsdShade

from pipeline.usd.scene.materials import read_material
from pipeline.usd.scene.model import Material, Mesh, Node
from pipeline.usd.scene.report import Report

__all__ = ["Looks"]


class Looks:
    """The materials of one reading.

    Attributes
    ----------
    materials
        In the order they were met.
    by_path
        Number by path.
    to_bind
        Prims whose material is wanted: list of nodes, node, slot, prim.
    bindings_seen
        Whether any prim that was walked says a binding; without one there is nothing to look up.
    """

    def __init__(self, stage: Any, time: Any, report: Report) -> None:
        self.stage, self.time, self.report = stage, time, report
        self.materials: list[Material] = []
        self.by_path: dict[str, int] = {}
        self.to_bind: list[tuple[list[Node], int, int, Any]] = []
        self.bindings_seen = False
        self._copies: list[tuple[list[Node], int, int]] = []

    def want(self, nodes: list[Node], index: int, prim: Any, mesh: Mesh, subsets: Mapping[str, Any]) -> None:
        """Note every slot of a node's mesh; `subsets` are the GeomSubset prims by name."""
        for slot, part in enumerate(mesh.slots):
            # the whole mesh comes first where it has faces of its own
            source = subsets.get(part.name) if not (slot == 0 and part.name == prim.GetName()) else None
            self.bindings_seen |= source is not None  # bindings of subsets alone count as well
            self.to_bind.append((nodes, index, slot, source if source is not None else prim))

    def want_whole(self, nodes: list[Node], index: int, prim: Any) -> None:
        """Note a node whose mesh is one part."""
        self.to_bind.append((nodes, index, 0, prim))

    def follow(self, nodes: list[Node], index: int, copy: int) -> None:
        """Note a node that is a copy of another: it gets the same materials."""
        self._copies.append((nodes, index, copy))

    def forget(self, nodes: list[Node], index: int) -> None:
        """Take back what was noted of a node."""
        self.to_bind = [e for e in self.to_bind if not (e[0] is nodes and e[1] == index)]

    def bind(self) -> None:
        """Give every slot its material; one call for all prims."""
        wanted, self.to_bind = self.to_bind, []
        copies, self._copies = self._copies, []
        prims = [entry[3] for entry in wanted]
        if not wanted or not self.bindings_seen:
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
        for i in missing:
            self._report_unbound(prims[i])
        chosen: dict[tuple[int, int], list[int]] = {}
        lists: dict[int, list[Node]] = {}
        for (nodes, index, slot, _), material in zip(wanted, found, strict=True):
            if not material:
                continue
            lists[id(nodes)] = nodes
            row = chosen.setdefault((id(nodes), index), list(nodes[index].materials))
            row[slot] = self.number(material.GetPrim())
        for (key, index), row in chosen.items():
            lists[key][index] = replace(lists[key][index], materials=tuple(row))
        for nodes, index, copy in copies:
            if (id(nodes), index) in chosen:
                nodes[copy] = replace(nodes[copy], materials=nodes[index].materials)

    def number(self, prim: Any) -> int:
        """The number of a material, read when first met."""
        path = str(prim.GetPath())
        number = self.by_path.get(path)
        if number is None:
            number = self.by_path[path] = len(self.materials)
            self.materials.append(read_material(prim, self.time, self.report))
        return number

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
