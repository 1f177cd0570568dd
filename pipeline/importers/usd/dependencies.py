# SPDX-License-Identifier: Apache-2.0
"""Which files a USD file needs, found layer by layer before anything is composed.

Composition opens whatever a layer names: a FIFO hangs it, `@../../@` reads what the process can. So every
path in every layer is resolved here first; an arc that leads outside refuses the file, a picture is a loss.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pxr import Sdf, Tf, UsdUtils

from pipeline.errors import ImportRefused
from pipeline.importers.scene import Source
from pipeline.sandbox.paths import resolve_inside
from pipeline.usd.reasons import reason

LAYER_SUFFIXES = (".usd", ".usda", ".usdc")
#: layers of one file, however they hang together
MOST_LAYERS = 2000


@dataclass(slots=True)
class Dependencies:
    """What was found: the layers' real paths; arcs that name files which are not there."""

    layers: list[Path] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)


def gather(source: Source, root: Path, folder: Path) -> Dependencies:
    """Walk the layers from `root`; every arc must stay in `folder`.

    Raises
    ------
    ImportRefused
        A layer does not parse, or an arc leads outside, has a scheme, or names a pipe or device.
    """
    found = Dependencies()
    waiting, seen = [root], {root}
    while waiting:
        path = waiting.pop()
        layer = _open(source, path)
        found.layers.append(path)
        if len(found.layers) > MOST_LAYERS:
            raise source.refuse(f"is made of more than {MOST_LAYERS} layers")
        for arc in _arcs(layer):
            target = _target(source, arc, path, folder, found)
            if target is not None and target not in seen:
                seen.add(target)
                waiting.append(target)
    return found


def _open(source: Source, path: Path) -> Sdf.Layer:
    try:
        layer = Sdf.Layer.FindOrOpen(str(path))
    except Tf.ErrorException as e:
        said = reason(e)
        line = re.search(r":(\d+):\d+: ([^']{1,120})", said)  # the parser's place and wish
        where = f", line {line[1]}: {line[2].strip()}" if line else ""
        raise ImportRefused(f"is a broken USD layer{where}", path=path, remedy="export it again") from e
    if layer is None:
        raise ImportRefused("is a broken USD layer", path=path, remedy="export it again")
    return layer


def _arcs(layer: Sdf.Layer) -> list[str]:
    """Sublayers, references, payloads and value clips, in variants too."""
    arcs = [p for kind in UsdUtils.ExtractExternalReferences(layer.identifier) for p in kind if _is_layer(p)]
    arcs += list(layer.GetCompositionAssetDependencies())

    def clips(path: Sdf.Path) -> None:
        if not path.IsPrimPath() or (prim := layer.GetPrimAtPath(path)) is None or not prim.HasInfo("clips"):
            return
        for clip in prim.GetInfo("clips").values():
            if "templateAssetPath" in clip:
                raise ImportRefused(f"has value clips by template at {path}", remedy="flatten it before")
            paths = [*clip.get("assetPaths", []), clip.get("manifestAssetPath")]
            arcs.extend(p.path for p in paths if p is not None and p.path)

    layer.Traverse(Sdf.Path.absoluteRootPath, clips)
    return list(dict.fromkeys(a for a in arcs if a))


def _is_layer(path: str) -> bool:
    return path.lower().endswith((*LAYER_SUFFIXES, ".usdz")) or "[" in path


def _target(source: Source, arc: str, layer: Path, folder: Path, found: Dependencies) -> Path | None:
    if arc.startswith("`"):
        raise source.refuse(f"names a layer by the expression {arc[:80]}", "flatten it before")
    name = arc.partition(":SDF_FORMAT_ARGS:")[0]
    if "[" in name or name.lower().endswith(".usdz"):
        raise source.refuse(f"refers to the archive {name[:80]!r}", "unpack that archive and refer to what is inside")
    candidate = layer.parent / name
    if not name.startswith("/") and not candidate.exists():
        resolve_nothing(source, name, layer, folder)
        found.missing.append((layer.name, name))
        return None
    target = resolve_inside(name, layer.parent, [folder])
    if target.suffix.lower() not in LAYER_SUFFIXES:
        raise source.refuse(f"refers to {name[:80]!r}, which is no USD layer")
    return target


def resolve_nothing(source: Source, name: str, layer: Path, folder: Path) -> None:
    """A file that is not there must at least not be looked for outside."""
    if ":" in name or not (layer.parent / name).resolve().is_relative_to(folder.resolve()):
        raise source.refuse(
            f"names {name[:120]!r}, which lies outside its folder",
            "put every file it needs beside it, or name the folder that holds them all",
        )
