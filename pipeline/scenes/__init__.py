# SPDX-License-Identifier: Apache-2.0
"""Scene context as prims: placement, cameras, light rigs, and what can be measured of an asset among others.

Everything here works on a `Usd.Stage` and its edit target; nothing knows of gates.
"""

from __future__ import annotations

from pipeline.scenes.bounds import Box, world_box
from pipeline.scenes.cameras import CameraSpec, author_camera
from pipeline.scenes.lights import add_light_rig, light_rig_names
from pipeline.scenes.placement import Placement, place

__all__ = [
    "Box",
    "CameraSpec",
    "Placement",
    "add_light_rig",
    "author_camera",
    "light_rig_names",
    "place",
    "world_box",
]
