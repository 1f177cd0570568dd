# SPDX-License-Identifier: Apache-2.0
"""Model objects: the nodes of the file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .document import Document
from .properties import enum, integer, lcl, string
from .records import RecordWriter, i32, i64, named, text
from .transforms import decompose, euler_degrees, split_shear

__all__ = ["Models"]

Doubles = NDArray[np.float64]
_TAIL = (enum("InheritType", 1), integer("DefaultAttributeIndex", 0))
_SPLIT = "_shear"


class Models:
    """Writes nodes and keeps what animation needs to know of them."""

    def __init__(self, document: Document, scale: float) -> None:
        self.document = document
        self.scale = scale
        self.count = 0

    def add(
        self,
        name: str,
        kind: str,
        parent: int,
        matrix: Doubles | None = None,
        *,
        user: dict[str, str] | None = None,
    ) -> int:
        """A node below `parent` (0 is the root); returns its id.

        Parameters
        ----------
        kind
            Mesh, Null, LimbNode, Camera, Light or LodGroup.
        matrix
            `(4, 4)` local transform in metres. A sheared one becomes two nodes.
        """
        if matrix is None:
            return self._add(name, kind, parent, np.zeros(3), np.zeros(3), np.ones(3), user)
        t, r, s, sheared = decompose(matrix[None])
        if sheared[0]:
            inner, outer = split_shear(matrix)
            parent = self.add(name + _SPLIT, "Null", parent, outer)
            t, r, s, _ = decompose(inner[None])
        return self._add(name, kind, parent, t[0], euler_degrees(r)[0], s[0], user)

    def add_many(self, names: list[str], kind: str, parents: list[int], matrices: Doubles) -> list[int]:
        """Many nodes at once, `matrices (n, 4, 4)`."""
        t, r, s, sheared = decompose(matrices)
        if sheared.any():
            return [
                self.add(n, kind, p, m) for n, p, m in zip(names, parents, matrices, strict=True)
            ]
        rows = zip(names, parents, t, euler_degrees(r), s, strict=True)
        return [self._add(name, kind, parent, a, b, c, None) for name, parent, a, b, c in rows]

    def _add(
        self, name: str, kind: str, parent: int, t: Doubles, r: Doubles, s: Doubles, user: dict[str, str] | None
    ) -> int:
        model_id = self.document.id()
        self.count += 1
        translation = (t * self.scale).tolist()
        rotation, scaling = r.tolist(), s.tolist()

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
