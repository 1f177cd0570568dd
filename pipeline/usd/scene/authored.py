# SPDX-License-Identifier: Apache-2.0
"""What a prim's authored property names are about; prims of one kind mostly author the same, so it is asked once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Authored", "authored"]

_BINDINGS = ("material:binding", "skel:skeleton", "skel:animationSource")
_MESH = frozenset({
    "orientation", "subdivisionScheme", "doubleSided", "holeIndices", "normals", "tangents", "points",
    "skel:blendShapes", "primvars:skel:jointIndices", "creaseIndices", "creaseLengths", "creaseSharpnesses",
    "cornerIndices", "cornerSharpnesses", "interpolateBoundary", "faceVaryingLinearInterpolation",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Authored:
    """Authored property names of a prim, sorted by what asks for them.

    Attributes
    ----------
    inherited
        What counts for descendants too: purpose, visibility, bindings of materials and skeletons.
    primvars
        Names without `primvars:`; indices and what skinning reads are left out.
    indexed
        Those of them that have authored indices.
    operations
        The transform operations.
    placed
        There is an xformOpOrder.
    mesh
        What a mesh may say besides its points, counts, indices and primvars.
    """

    inherited: tuple[str, ...]
    primvars: tuple[str, ...]
    indexed: frozenset[str]
    operations: tuple[str, ...]
    placed: bool
    mesh: tuple[str, ...]


@lru_cache(maxsize=4096)
def authored(names: tuple[str, ...]) -> Authored:
    """Sort the names of a prim's authored properties."""
    primvars = [n[9:] for n in names if n.startswith("primvars:")]
    return Authored(
        inherited=tuple(n for n in names if n in {"purpose", "visibility"} or n.startswith(_BINDINGS)),
        primvars=tuple(n for n in primvars if not n.endswith(":indices") and not n.startswith("skel:")),
        indexed=frozenset(n[:-8] for n in primvars if n.endswith(":indices")),
        operations=tuple(n for n in names if n.startswith("xformOp:")),
        placed="xformOpOrder" in names,
        mesh=tuple(n for n in names if n in _MESH),
    )
