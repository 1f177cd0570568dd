# SPDX-License-Identifier: Apache-2.0
"""glTF skins and animations: keys as they are; cubic splines become straight pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.importers.gltf import accessors
from pipeline.importers.gltf.container import Container
from pipeline.importers.scene import Channel, Clip, Floats, Skin

_PATHS = {"translation": 3, "rotation": 4, "scale": 3, "weights": 0}
#: pieces that one second of a cubic spline becomes
_PIECES_PER_SECOND = 60


def skin(file: Container, index: int) -> Skin:
    """Joints and inverse binds; matrices of glTF are column vectors stored by column, so they lie as rows."""
    told = file.item("skins", index)
    joints = told.get("joints", [])
    count = len(file.items("nodes"))
    if not isinstance(joints, list) or any(not isinstance(j, int) or not 0 <= j < count for j in joints):
        raise file.source.refuse(f"skin {index} names joints that are not there")
    if "inverseBindMatrices" in told:
        inverse = accessors.floats(file, told["inverseBindMatrices"], 16).reshape(-1, 4, 4)
        if len(inverse) < len(joints) or not np.isfinite(inverse).all():
            raise file.source.refuse(f"skin {index} has {len(inverse)} bind matrices for {len(joints)} joints")
    else:
        inverse = np.repeat(np.eye(4)[None], len(joints), axis=0)
    return Skin(str(told.get("name") or f"skin_{index}"), joints, inverse[: len(joints)])


def clip(file: Container, index: int) -> Clip:
    """One animation; channels that cannot be used are reported."""
    told = file.item("animations", index)
    name = str(told.get("name") or f"clip_{index}")
    channels = []
    for channel in told.get("channels", []):
        target = channel.get("target", {})
        path, node = target.get("path"), target.get("node")
        if path not in _PATHS or node is None:
            file.scene.lose(name, f"channel of {path}", "moves nothing that USD holds")
            continue
        file.item("nodes", node)
        channels.append(_channel(file, told, channel, node, path, name))
    return Clip(name, [c for c in channels if len(c.times)])


def _channel(
    file: Container, told: dict[str, Any], channel: dict[str, Any], node: int, path: Any, name: str
) -> Channel:
    samplers = told.get("samplers", [])
    sampler = samplers[channel["sampler"]]
    times = accessors.floats(file, sampler["input"])[:, 0]
    values = accessors.floats(file, sampler["output"])
    kind = sampler.get("interpolation", "LINEAR")
    keys = len(times) * (3 if kind == "CUBICSPLINE" else 1)
    wide = _PATHS[path] or (values.size // keys if keys else 1)
    if values.size != keys * wide or not wide:
        raise file.source.refuse(f"clip {name!r} has {values.size} values for {len(times)} keys of {path}")
    if not (np.isfinite(times).all() and np.isfinite(values).all()) or (np.diff(times) < 0).any():
        raise file.source.refuse(f"clip {name!r} has keys whose times run backwards or are no numbers")
    if kind == "CUBICSPLINE":
        times, values = _spline(times, values.reshape(len(times), 3, wide))
    else:
        values = values.reshape(len(times), wide)
    return Channel(node, path, times, values, step=kind == "STEP")


def _spline(times: Floats, keys: Floats) -> tuple[Floats, Floats]:
    """Hermite splines (glTF 2.0, C.5) at enough times in between; `keys` (t, in-tangent value out-tangent, c)."""
    if len(times) < 2:
        return times, keys[:, 1]
    span = np.diff(times)
    pieces = np.clip(np.ceil(span * _PIECES_PER_SECOND), 1, 256).astype(np.int64)
    segment = np.repeat(np.arange(len(span)), pieces)
    inside = np.arange(len(segment)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    u = (inside / pieces[segment])[:, None]
    d = span[segment][:, None]
    p0, m0 = keys[segment, 1], keys[segment, 2] * d
    p1, m1 = keys[segment + 1, 1], keys[segment + 1, 0] * d
    values = (
        (2 * u**3 - 3 * u**2 + 1) * p0 + (u**3 - 2 * u**2 + u) * m0 + (3 * u**2 - 2 * u**3) * p1 + (u**3 - u**2) * m1
    )
    at = times[segment] + u[:, 0] * span[segment]
    return np.append(at, times[-1]), np.vstack([values, keys[-1:, 1]])
