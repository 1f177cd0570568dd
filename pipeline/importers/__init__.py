# SPDX-License-Identifier: Apache-2.0
"""Files from outside become packages: a USD layer with its textures in one folder, normalised and reported.

Each format is a module with `read(source) -> Scene`; see `scene.py`. All of it runs in the sandbox worker.
"""

from __future__ import annotations

from pipeline.importers.formats import extensions, is_importable
from pipeline.importers.ingest import import_cached, import_file, open_mesh
from pipeline.importers.report import ImportLoss, ImportReport
from pipeline.importers.vetting import vet_stage

__all__ = [
    "ImportLoss",
    "ImportReport",
    "extensions",
    "import_cached",
    "import_file",
    "is_importable",
    "open_mesh",
    "vet_stage",
]
