# SPDX-License-Identifier: Apache-2.0
"""Light linking: which geometry a light reaches, and which throws its shadow (UsdLux, CollectionAPI)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pxr import Sdf, Usd, UsdLux

from pipeline.errors import UsageError

__all__ = ["Linked", "lights_below", "link_light", "linked_prims"]

Linked = Literal["light", "shadow"]


def lights_below(prim: Usd.Prim) -> list[Usd.Prim]:
    """The lights at and below a prim, those in instances left out: nothing can be said about them."""
    return [p for p in Usd.PrimRange(prim) if p.HasAPI(UsdLux.LightAPI) and not p.IsInstanceProxy()]


def link_light(
    light: Usd.Prim, what: Linked, include: Sequence[Sdf.Path] = (), exclude: Sequence[Sdf.Path] = ()
) -> None:
    """Say what a light reaches, or what throws its shadow, at the stage's edit target; exactly this.

    Parameters
    ----------
    include
        Only these and what lies beneath them; none: everything.
    exclude
        But not these.

    Raises
    ------
    UsageError
        The prim is no light.
    """
    if not light.HasAPI(UsdLux.LightAPI):
        raise UsageError("this is no light", prim=str(light.GetPath()), remedy="name a light, or a rig with lights")
    api = UsdLux.LightAPI(light)
    collection = api.GetLightLinkCollectionAPI() if what == "light" else api.GetShadowLinkCollectionAPI()
    collection.CreateIncludeRootAttr(not include)
    collection.CreateExpansionRuleAttr(Usd.Tokens.expandPrims)
    collection.CreateIncludesRel().SetTargets(list(include))
    collection.CreateExcludesRel().SetTargets(list(exclude))


def linked_prims(light: Usd.Prim, what: Linked = "light") -> dict[str, list[str] | bool]:
    """What a light says about its links: `all` unless prims are named, `include` and `exclude` as paths."""
    api = UsdLux.LightAPI(light)
    collection = api.GetLightLinkCollectionAPI() if what == "light" else api.GetShadowLinkCollectionAPI()
    return {
        "all": bool(collection.GetIncludeRootAttr().Get()),
        "include": [str(p) for p in collection.GetIncludesRel().GetTargets()],
        "exclude": [str(p) for p in collection.GetExcludesRel().GetTargets()],
    }
