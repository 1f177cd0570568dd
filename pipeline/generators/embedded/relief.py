# SPDX-License-Identifier: Apache-2.0
"""Mode `relief`: one picture's silhouette inflated to a stand-in volume."""

from __future__ import annotations

import numpy as np

from pipeline.errors import GeneratorError
from pipeline.generators.base import Request
from pipeline.generators.embedded.hull import VIEWS, silhouette
from pipeline.generators.embedded.model import Model
from pipeline.generators.embedded.surfacing import isosurface
from pipeline.generators.embedded.wrapping import project_colours


def relief_model(request: Request, seed: int) -> Model:
    """One candidate of mode `relief` from the first picture with role `shape` or `blockout`.

    Its half depth at a point is the root of the distance to the outline, as a soap film would bulge.

    Raises
    ------
    GeneratorError
        There is no picture, or no silhouette in it.
    """
    from scipy.ndimage import distance_transform_edt

    pictures = request.pictures("shape", "blockout")
    if not pictures:
        raise GeneratorError("mode relief needs a picture with role shape", remedy="add one with --image")
    mask, colour = silhouette(pictures[0], 160)
    h, w = mask.shape
    size = np.asarray(request.size_m or (w / h, 1.0, 0.5 * min(w / h, 1.0)), float)
    distance = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    bulge = np.sqrt(distance / distance.max())
    depth = max(8, round(max(w, h) * size[2] / max(size[0], size[1])))
    # x right, y up, z towards the viewer; field > 0 inside
    half = (bulge * depth / 2)[::-1].T
    z = np.arange(depth + 4) - (depth + 3) / 2
    field = half[:, :, None] - np.abs(z)[None, None, :]
    field = np.pad(field, ((1, 1), (1, 1), (0, 0)), constant_values=-1.0)
    field = np.where(np.pad(mask[::-1].T, 1)[:, :, None], field, np.minimum(field, -0.5))
    cell = np.array([size[0] / w, size[1] / h, size[2] / depth])
    points, faces = isosurface(np.clip(field, -1, 1), 0.0, cell, request.target_triangles or 12000)
    low, high = points.min(0), points.max(0)
    points = (points - [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]) * (size / (high - low))
    notes = [
        "an inflated silhouette: a stand-in volume, the depth and everything behind the picture are guesses",
    ]
    if len(pictures) > 1:
        notes.append("only the first shape picture was used; mode hull takes several")
    if request.size_m is None:
        notes.append("no size was asked: it is 1 m high")
    views = {"front": colour, "back": colour[:, ::-1]}
    return project_colours(points, faces, views, {v: VIEWS[v] for v in views}, request.texture_size, notes)
