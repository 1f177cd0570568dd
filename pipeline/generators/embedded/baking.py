# SPDX-License-Identifier: Apache-2.0
"""Light painted into albedo, the fault that relighting shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.generators.embedded.model import Model
from pipeline.generators.embedded.pieces import Floats
from pipeline.generators.embedded.splatting import splat


def light_albedo(model: Model, direction: Floats) -> Model:
    """The model with a key light from `direction` and darkening towards the ground in its albedo."""
    sun = direction / np.linalg.norm(direction)
    low, high = model.bounds
    surfaces = {}
    for name, surface in model.surfaces.items():
        side = surface.albedo.shape[0]
        field = splat([m for m in model.meshes if m.material == name], side)
        covered = field[..., 6] > 0
        key = np.clip(field[..., :3] @ sun, 0, 1)
        sky = 0.5 + 0.5 * field[..., 1]
        ground = np.clip((field[..., 4] - low[1]) / max(high[1] - low[1], 1e-9), 0, 1)
        light = np.where(covered, 0.22 + 0.62 * key + 0.22 * sky * (0.5 + 0.5 * ground), 1.0)
        lit = np.clip(surface.albedo * light[..., None], 0, 255)
        surfaces[name] = replace(surface, albedo=np.round(lit).astype(np.uint8))
    return replace(model, surfaces=surfaces)
