# SPDX-License-Identifier: Apache-2.0
"""What a gate saw, as a digest: a gate that passed counts only while that is still what there is.

| gate | saw |
|---|---|
| intent, inputs | themselves |
| generation | the input set, and what the intent says of size, parts and materials |
| inspection, refinement | the composed asset, the job and its budgets |
| context | the composed asset, its placement, the scene around it, remembered palettes and scales |
| delivery | the composed asset |

So one changed word of the prompt makes the candidates stale, a changed budget only the verdict on them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pxr import Usd

__all__ = ["ASSETS", "RECORDS", "evidence"]

ASSETS = "/World/Assets"
RECORDS = "/Project/Assets"


def evidence(stage: Usd.Stage, asset: str, gate: str) -> str:
    """The digest of what `gate` of `asset` looks at in this stage; empty where it cannot grow stale."""
    if gate == "generation":
        return _digest(_inputs(stage, asset), _intent(stage, asset, ("size", "parts", "materials", "statement")))
    if gate in ("inspection", "refinement"):
        return _digest(
            _content(stage, asset),
            _intent(stage, asset, ("job", "maxTriangles", "size", "parts", "materials")),
        )
    if gate == "context":
        return _digest(_content(stage, asset), _placement(stage, asset), _scene(stage, asset), _memory(stage))
    if gate == "delivery":
        return _digest(_content(stage, asset))
    return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _inputs(stage: Usd.Stage, asset: str) -> str:
    prim = stage.GetPrimAtPath(f"{RECORDS}/{asset}/Inputs")
    if not prim:
        return ""
    rows = [(c.GetAttribute("gates:role").Get(), c.GetAttribute("gates:digest").Get()) for c in prim.GetChildren()]
    return str(sorted((str(a), str(b)) for a, b in rows))


def _intent(stage: Usd.Stage, asset: str, fields: tuple[str, ...]) -> str:
    prim = stage.GetPrimAtPath(f"{RECORDS}/{asset}/Intent")
    return str([str(prim.GetAttribute(f"gates:{f}").Get()) for f in fields]) if prim else ""


def _content(stage: Usd.Stage, asset: str) -> str:
    from pipeline.usd.digest import subtree_digest

    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    return subtree_digest(prim) if prim else ""


def _placement(stage: Usd.Stage, asset: str) -> str:
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim:
        return ""
    names = [n for n in prim.GetPropertyNames() if n.startswith("xformOp:") and n.endswith(":placement")]
    return str([(n, str(prim.GetAttribute(n).Get())) for n in names])


def _scene(stage: Usd.Stage, asset: str) -> str:
    """The world around the asset.

    What this project's own layers say is hashed as it composes; what is referenced is named by where it comes from,
    because referenced layers are stored by their content.
    """
    from pipeline.usd.digest import arcs_digest

    world = stage.GetPrimAtPath("/World")
    return arcs_digest(world, without=f"{ASSETS}/{asset}") if world else ""


def _memory(stage: Usd.Stage) -> str:
    from pipeline.project.memory import recall

    rules = {**recall(stage, "palette"), **recall(stage, "scale")}
    return str([(n, m.kind, m.text, m.palette, m.max_saturation, m.height) for n, m in sorted(rules.items())])
