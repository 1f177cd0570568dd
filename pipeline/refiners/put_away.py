# SPDX-License-Identifier: Apache-2.0
"""Take parts out of a style, as when a shop closes: they are deactivated there and stay everywhere else."""

from __future__ import annotations

from pxr import UsdGeom
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.refiners.core import Operation, Settings, Subject


class PutAwaySettings(Settings):
    """Which parts go."""

    parts: str = Field(default="", description="Names of prims beneath the asset, with commas between.")


def run(subject: Subject, settings: PutAwaySettings) -> None:
    """Deactivate each named part."""
    wanted = [name.strip() for name in settings.parts.split(",") if name.strip()]
    if not wanted:
        raise RefineError(
            "no part is named", prim=str(subject.prim.GetPath()), remedy="--set parts=NAME,NAME says which"
        )
    found = {name: [p for p in subject.prims() if p.GetName() == name and p.IsA(UsdGeom.Xformable)] for name in wanted}
    asleep = {p.GetName() for p in subject.prim.GetAllChildren() for p in p.GetAllChildren() if not p.IsActive()}
    missing = [name for name, prims in found.items() if not prims and name not in asleep]
    if missing:
        known = sorted({c.GetName() for p in subject.prim.GetChildren() for c in p.GetChildren()})
        raise RefineError(
            f"no part is called {', '.join(missing)}",
            prim=str(subject.prim.GetPath()),
            remedy=f"the asset has: {', '.join(known)}",
        )
    for prims in found.values():
        for prim in prims:
            prim.SetActive(False)
            subject.count("parts", 1)
            subject.changed = True


operation = Operation(name="put-away", summary="Take parts out of a style", settings=PutAwaySettings, run=run)
