# SPDX-License-Identifier: Apache-2.0
"""UVs beside the unit square."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.surfaces import Surface


class OutOfRange(Rule):
    """UVs outside 0-1 where neither UDIM tiles nor a tiling texture explain it."""

    id = "uv.out-of-range"
    title = "UVs outside 0-1"
    why = "What lies outside repeats or is cut off, and bakes land on top of each other."
    severity = "warning"
    limit = 0
    unit = "triangles"
    fixer = "repack"
    advice = "Pack the layout into 0-1, or declare UDIM tiles."
    minutes = 10

    #: what rounding may reach over
    slack = 1e-3

    def run(self, context: Context) -> Iterator[Finding]:
        for prim, fault in context.subject.faults.items():
            if fault.bad_uvs:
                yield self.found(context, f"{fault.bad_uvs:,} UVs are no numbers", prim, fault.bad_uvs)
        for surface in context.surfaces:
            if self._explained(context, surface):
                continue
            uv = surface.uvs.values
            outside: NDArray[np.bool_] = np.abs(np.nan_to_num(uv, nan=9) - 0.5).max(axis=1) > 0.5 + self.slack
            faces = np.flatnonzero(outside[surface.uvs.triangles].any(axis=1)).astype(np.int32)
            if len(faces) > context.limit(self):
                low, high = np.nanmin(uv, axis=0), np.nanmax(uv, axis=0)
                yield surface.told(
                    self.found(
                        context,
                        f"{len(faces):,} triangles lie outside 0-1 (u {low[0]:.2f} to {high[0]:.2f}, "
                        f"v {low[1]:.2f} to {high[1]:.2f})",
                        surface.part.prim,
                        len(faces),
                        (Marks(surface.part.number, faces=faces),),
                    )
                )

    @staticmethod
    def _explained(context: Context, surface: Surface) -> bool:
        materials = [context.subject.materials[n] for n in surface.part.materials if n >= 0]
        have = {u.name for u in surface.part.shape.uvs}
        textures = [t for m in materials for t in m.textures]
        textures = [t for t in textures if t.uv_set == surface.uvs.name or (surface.first and t.uv_set not in have)]
        return any(t.tiles or {t.wrap_s, t.wrap_t} & {"repeat", "mirror"} for t in textures)
