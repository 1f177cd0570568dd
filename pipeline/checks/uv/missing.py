# SPDX-License-Identifier: Apache-2.0
"""Meshes without texture coordinates."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import names


class Missing(Rule):
    """No UV set on a mesh that is textured or will be baked, or not the one its textures read."""

    id = "uv.missing"
    title = "no UVs"
    why = "Without a layout nothing can be textured, baked or lightmapped."
    severity = "error"
    unit = ""
    fixer = "unwrap"
    advice = "Unwrap after decimation; bake afterwards."
    minutes = 40

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.parts:
            if not part.first or not len(part.shape.triangles):
                continue
            wanted = {t.uv_set for m in self._materials(context, part.materials) for t in m.textures}
            have = {u.name for u in part.shape.uvs}
            if not have and (wanted or context.brief.job.needs.uvs):
                yield self.found(
                    context, "there are no UVs" + (", but textures that need them" if wanted else ""), part.prim
                )
            elif wanted - have and not have & {"st", "UVMap"}:
                yield self.found(
                    context, f"textures read the UV set {names(sorted(wanted - have))}, which is not there", part.prim,
                    fixable=False,
                )  # fmt: skip

    @staticmethod
    def _materials(context: Context, numbers: tuple[int, ...]) -> list:
        return [context.subject.materials[n] for n in numbers if 0 <= n < len(context.subject.materials)]
