# SPDX-License-Identifier: Apache-2.0
"""Files from outside become packages: a USD layer with its textures in one folder, normalised and reported.

Each format is a module with `read(source) -> Scene`; see `scene.py`. All of it runs in the sandbox worker.
"""

from __future__ import annotations

from pipeline.importers.report import ImportLoss, ImportReport
from pipeline.importers.scene import Loss, Scene, Source

__all__ = ["ImportLoss", "ImportReport", "Loss", "Scene", "Source"]
