# SPDX-License-Identifier: Apache-2.0
"""Scene context as prims: stages and departments, placement, scatter, cameras, lights, and what can be measured there.

Everything here works on a `Usd.Stage` and its edit target; nothing knows of gates.
"""

from __future__ import annotations

from pipeline.scenes.blockout import author_blockout
from pipeline.scenes.bounds import Box, world_box
from pipeline.scenes.cameras import CameraSpec, author_camera
from pipeline.scenes.editing import edit_scene, open_scene
from pipeline.scenes.lights import add_light_rig, light_rig_names
from pipeline.scenes.linking import link_light
from pipeline.scenes.motion import MotionSpec, author_motion
from pipeline.scenes.placement import Placement, place
from pipeline.scenes.references import reference
from pipeline.scenes.rendering import author_render_settings
from pipeline.scenes.scatter import ScatterSpec
from pipeline.scenes.shapes import make_shape
from pipeline.scenes.stages import SceneStage, scene_stages

__all__ = [
    "Box",
    "CameraSpec",
    "MotionSpec",
    "Placement",
    "ScatterSpec",
    "SceneStage",
    "add_light_rig",
    "author_blockout",
    "author_camera",
    "author_motion",
    "author_render_settings",
    "edit_scene",
    "light_rig_names",
    "link_light",
    "make_shape",
    "open_scene",
    "place",
    "reference",
    "scene_stages",
    "world_box",
]
