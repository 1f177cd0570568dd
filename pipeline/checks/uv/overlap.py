# SPDX-License-Identifier: Apache-2.0
"""Islands on top of each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.sharing import shared_texels
from pipeline.checks.surfaces import MILDER, Coverage
from pipeline.checks.words import names
from pipeline.mesh.distinct import firsts


class Overlap(Rule):
    """Share of the covered texels that triangles of different islands cover, of one mesh or of several.

    Between meshes that share a picture within 0-1 it is told one step milder: they may be meant to.
    """

    id = "uv.overlap"
    title = "overlapping islands"
    why = "What is painted or baked on one place appears on the other."
    severity = "error"
    limit = 0.01
    unit = "share of covered texels"
    fixer = "repack"
    advice = "Pack the islands again; what is baked would land on both."
    minutes = 15

    def run(self, context: Context) -> Iterator[Finding]:
        for surface in context.surfaces:
            coverage = surface.coverage
            if not coverage.texels:
                continue
            clash = coverage.clash
            if context.brief.job.needs.allow_mirrored_uvs:
                clash = clash & ~self._stacked(coverage, surface.islands.count)
            share = int(np.count_nonzero(firsts(coverage.texel[clash]))) / coverage.texels
            if share > context.limit(self):
                yield surface.told(
                    self.found(
                        context,
                        f"{share:.1%} of the covered texels belong to more than one island",
                        surface.part.prim,
                        share,
                        (Marks(surface.part.number, faces=surface.faces[coverage.triangles]),),
                        fixable=not context.textured(surface.part),
                    )
                )

        yield from self._between(context)

    def _between(self, context: Context) -> Iterator[Finding]:
        """Meshes that share one picture: they may be meant to, so a person decides."""
        for shared in context.keep("shared texels", lambda: shared_texels(context)):
            if shared.share <= context.limit(self):
                continue
            where = names([s.part.prim.rsplit("/", 1)[-1] for s in shared.surfaces])
            finding = self.found(
                context,
                f"{shared.share:.1%} of the covered texels of one material belong to more than one mesh ({where})",
                shared.material,
                shared.share,
                shared.marks,
                fixable=False,
            )
            yield dataclasses.replace(finding, severity=MILDER[finding.severity])

    @staticmethod
    def _stacked(coverage: Coverage, islands: int) -> NDArray[np.bool_]:
        """(j,) entries of islands that lie on others with nearly all they have: stacked on purpose."""
        whole = np.bincount(coverage.island, minlength=islands)
        shared = np.bincount(coverage.island[coverage.clash], minlength=islands)
        stacked = shared >= 0.95 * whole
        deliberate: NDArray[np.bool_] = stacked[coverage.island]
        # a texel is excused where all islands on it are stacked
        texel = np.cumsum(firsts(coverage.texel)) - 1
        spoilt = np.bincount(texel, ~deliberate) > 0
        excused: NDArray[np.bool_] = ~spoilt[texel]
        return excused
