# SPDX-License-Identifier: Apache-2.0
"""Registration of the codeless schemas in `schemas/`.

`register()` must run before anything creates USD's schema registry (opening a stage does), so every entry
point that opens one calls it first. A type that was registered too late is silently untyped; this raises.
"""

from __future__ import annotations

from functools import cache

from pipeline.errors import StageError
from pipeline.resources import folder

#: the typed records, as in schemas/gates/schema.usda
RECORDS = (
    "GatesDecision",
    "GatesGate",
    "GatesInput",
    "GatesIntent",
    "GatesMemory",
    "GatesNote",
    "GatesScene",
    "GatesSceneLayer",
    "GatesVerdict",
)


@cache
def register() -> None:
    """Make USD know our types; costs nothing the second time.

    Raises
    ------
    StageError
        The schema registry existed before this call, so that our types stayed unknown.
    """
    from pxr import Plug, Usd

    path = str(folder("schemas") / "gates")
    Plug.Registry().RegisterPlugins(path)
    registry = Usd.SchemaRegistry()
    missing = [name for name in RECORDS if not registry.FindConcretePrimDefinition(name)]
    if missing:
        raise StageError(
            f"USD does not know {', '.join(missing)}: a stage was opened before the schemas were registered",
            path=path,
            remedy="call pipeline.usd.schemas.register() first, or add that folder to PXR_PLUGINPATH_NAME",
        )
