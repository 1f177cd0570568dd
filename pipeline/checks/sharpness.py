# SPDX-License-Identifier: Apache-2.0
"""How sharp the paint is, seen from each side: the contrast of neighbouring pixels against that of distant ones.

Crisp paint has its contrast at once: from one pixel to the next it differs nearly as much as from one end to the
other. Blurred paint differs far away, but not nearby. Its structure function (the mean squared difference of two
places by their distance) rises with the square of the distance below the blur's radius and is level above it; that of
large crisp patches rises with the distance itself, and that of a soft gradient goes on rising: neither is a blur.
Plain paint differs nowhere and says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.body import Body
from pipeline.mesh.views import View

#: pixels between two places that are compared
NEAR, NEXT, MIDDLE, FAR = 1, 2, 8, 16
#: what is seen at a flatter angle than this (cosine) is left out
FACING = 0.25
#: places whose normals differ more (cosine) lie on both sides of an edge, where other paint may begin
BENT = 0.7
#: pairs of pixels that a distance needs
FEW = 500


@dataclass(frozen=True)
class Sharpness:
    """What one view shows of the paint.

    Attributes
    ----------
    seen : (k,) int32
        Faces of the body whose paint counts.
    near, next, middle, far
        Root mean square difference of the albedo (sRGB, 0-1) over one, two, eight and sixteen pixels.
    """

    seen: NDArray[np.int32]
    near: float
    next: float
    middle: float
    far: float

    @property
    def value(self) -> float:
        """Contrast of neighbours as a share of that far apart: about 0.5 to 1 of crisp paint, under 0.2 of blurred."""
        return self.near / max(self.far, 1e-9)

    @property
    def soft(self) -> bool:
        """Whether it has no sharp borders, and yet is no gradient either."""
        # of two pixels against one: 1.41 where borders are sharp, 2 of a slope; of sixteen against eight the same
        return self.next > 1.6 * self.near and self.far < 1.75 * self.middle


def sharpness(view: View, colour: NDArray, body: Body) -> Sharpness | None:
    """How sharp a picture of paint is; None where too little of it is seen.

    Parameters
    ----------
    view
        What is seen.
    colour : (h, w, 3) float
        Albedo (sRGB, 0-1) of each pixel; NaN where it is unknown.
    """
    face = np.maximum(view.face, 0)
    normal = body.normals(face.reshape(-1)).reshape(*face.shape, 3)
    known = view.silhouette & (np.abs(normal @ view.direction) > FACING) & np.isfinite(colour).all(axis=2)
    shell = body.shell[face]
    found: list[float] = []
    for step in (NEAR, NEXT, MIDDLE, FAR):
        total, pairs = 0.0, 0
        reach = 4 * step * view.window.pixel  # deeper steps are edges behind which another surface begins
        for a, b in ((np.s_[:-step], np.s_[step:]), (np.s_[:, :-step], np.s_[:, step:])):
            both = known[a] & known[b] & (shell[a] == shell[b])
            both &= np.abs(np.where(both, view.depth[a], 0) - np.where(both, view.depth[b], 0)) < reach
            both &= np.einsum("ijk,ijk->ij", normal[a], normal[b]) > BENT
            apart = colour[a][both] - colour[b][both]
            total += float(np.einsum("ij,ij->", apart, apart))
            pairs += len(apart)
        if pairs < FEW:
            return None
        found.append(float(np.sqrt(total / pairs)))
    return Sharpness(np.unique(view.face[known]), *found)
