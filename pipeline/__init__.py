# SPDX-License-Identifier: Apache-2.0
"""Seven Gates: a USD-centric studio pipeline.

The names below are the public interface; each loads its module when first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.errors import GatesError

__version__ = "0.1.0"

#: public name -> module and the name there; a name without a dot is a package that can be called
_PUBLIC = {
    "GatesError": ("pipeline.errors", "GatesError"),
    "Project": ("pipeline.project", "Project"),
    "blockout": ("pipeline.gates.dressing", "add_blockout"),
    "camera": ("pipeline.gates.filming", "add_camera"),
    "candidates": ("pipeline.gates.generation", "candidates"),
    "context": ("pipeline.gates.context", "measure_context"),
    "continuity": ("pipeline.gates.scene_versions", "check_continuity"),
    "doctor": ("pipeline.plugins.machine", "examine"),
    "export": ("pipeline.exporters", "export"),
    "generate": ("pipeline.gates.generation", "generate"),
    "ingest": ("pipeline.gates.generation", "ingest"),
    "input": ("pipeline.gates.inputs", "add_inputs"),
    "inspect": ("pipeline.checks", "inspect"),
    "intent": ("pipeline.gates.intent", "set_intent"),
    "light": ("pipeline.gates.filming", "add_lights"),
    "place": ("pipeline.gates.dressing", "place_asset"),
    "plugins": ("pipeline.plugins", ""),
    "publish": ("pipeline.gates.delivery", "publish"),
    "refine": ("pipeline.gates.refinement", "refine_asset"),
    "render": ("pipeline.render", ""),
    "review": ("pipeline.review", ""),
    "run": ("pipeline.workflow", "run_workflow"),
    "scatter": ("pipeline.gates.scattering", "add_scatter"),
    "scene": ("pipeline.gates.scenes", "new_scene"),
    "select": ("pipeline.gates.generation", "select"),
    "status": ("pipeline.gates.overview", "board"),
}

__all__ = [
    "GatesError",
    "Project",
    "__version__",
    "blockout",
    "camera",
    "candidates",
    "context",
    "continuity",
    "doctor",
    "export",
    "generate",
    "ingest",
    "input",
    "inspect",
    "intent",
    "light",
    "place",
    "plugins",
    "publish",
    "refine",
    "render",
    "review",
    "run",
    "scatter",
    "scene",
    "select",
    "status",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    value = import_module(module)
    if attribute:
        value = getattr(value, attribute)
        globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
