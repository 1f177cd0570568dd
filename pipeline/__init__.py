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

#: public name -> module that defines it
_PUBLIC = {
    "GatesError": "pipeline.errors",
    "Project": "pipeline.project",
    "export": "pipeline.exporters",
    "ingest": "pipeline.gates.generation",
    "inspect": "pipeline.checks",
    "render": "pipeline.render",
}

__all__ = ["GatesError", "Project", "__version__", "export", "ingest", "inspect", "render"]


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
