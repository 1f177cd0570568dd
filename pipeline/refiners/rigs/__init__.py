# SPDX-License-Identifier: Apache-2.0
"""What rig preparation stands on: skeletons and who follows them, human bones, names, poses, skins."""

from __future__ import annotations

from pipeline.refiners.rigs.humanoid import bones, mirrored
from pipeline.refiners.rigs.rig import Rig
from pipeline.refiners.rigs.templates import rig_names, template

__all__ = ["Rig", "bones", "mirrored", "rig_names", "template"]
