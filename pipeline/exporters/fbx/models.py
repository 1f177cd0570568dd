# SPDX-License-Identifier: Apache-2.0
"""Model objects: the nodes of the file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .document import Document
from .properties import enum, integer, lcl, string
from .records import RecordWriter, i32, i64, named, text
from .space import FileSpace
from .transforms import decompose, euler_degrees, split_shear

__all__ = ["Models"]

Doubles = NDArray[np.float64]
_TAIL = (enum("InheritType", 1), integer("DefaultAttributeIndex", 0))
_SPLIT = "_shear"


class Models:
    """Adds nodes in the file's space."""

    def __init__(self, document: Document, space: FileSpace) -> None:
        self.document = document
        self.space = space
        self.count = 0

    def add(
        self,
        name: str,
        kind: str,
        parent: int,
        matrix: Doubles | None = None,
        *,
        axes: Doubles | None = None,
        user: dict[str, str] | None = None,
    ) -> int:
        """A node below `parent` (0 is the root); returns its id.

        Parameters
        ----------
        kind
            Mesh, Null, LimbNode, Camera, Light or LodGroup.
        matrix
            `(4, 4)` local transform, Y-up metres. A sheared one becomes two nodes.
        axes
            `(4, 4)` what stands before it, from the axes that FBX gives this kind of node.
        """
        if matrix is None and axes is None:
            return self._add(name, kind, parent, np.zeros(3), np.zeros(3), np.ones(3), user)
        local = self.space.matrices(np.eye(4) if matrix is None else matrix)
        if axes is not None:
            local = self.space.axes(axes) @ local
        return self._add_local(name, kind, parent, local, user)

    def _add_local(self, name: str, kind: str, parent: int, matrix: Doubles, user: dict[str, str] | None) -> int:
        t, r, s, sheared = decompose(matrix[None])
        if sheared[0]:
            inner, outer = split_shear(matrix)
            parent = self._add_local(name + _SPLIT, "Null", parent, outer, None)
            t, r, s, _ = decompose(inner[None])
        return self._add(name, kind, parent, t[0], euler_degrees(r)[0], s[0], user)

    def add_many(self, names: list[str], kind: str, parents: list[int], matrices: Doubles) -> list[int]:
        """Many nodes at once, `matrices (n, 4, 4)`."""
        local = self.space.matrices(matrices)
        t, r, s, sheared = decompose(local)
        if sheared.any():
            rows = zip(names, parents, local, strict=True)
            return [self._add_local(name, kind, parent, m, None) for name, parent, m in rows]
        rest = zip(names, parents, t, euler_degrees(r), s, strict=True)
        return [self._add(name, kind, parent, a, b, c, None) for name, parent, a, b, c in rest]

    def _add(
        self, name: str, kind: str, parent: int, t: Doubles, r: Doubles, s: Doubles, user: dict[str, str] | None
    ) -> int:
        model_id = self.document.id()
        self.count += 1
        translation, rotation, scaling = t.tolist(), r.tolist(), s.tolist()

        def emit(w: RecordWriter) -> None:
            start = w.open(b"Model", i64(model_id), named(name, "Model"), text(kind))
            w.leaf_n(b"Version", 1, i32(232))
            block = w.open(b"Properties70")
            lcl(w, "Lcl Translation", translation)
            lcl(w, "Lcl Rotation", rotation)
            lcl(w, "Lcl Scaling", scaling)
            for record in _TAIL:
                w.leaf(b"P", *record)
            for key, value in (user or {}).items():
                w.leaf(b"P", *string(key, value, "U"))
            w.close(block)
            w.leaf_n(b"Shading", 1, b"C\x01")
            w.leaf_n(b"Culling", 1, text("CullingOff"))
            w.close(start)

        self.document.add("Model", emit)
        self.document.connect(model_id, parent)
        return model_id
