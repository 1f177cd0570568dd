# SPDX-License-Identifier: Apache-2.0
"""STL, binary and text: triangles without shared points, units or an axis. Facet normals are not kept.

Layout: 80 bytes of header, uint32 count, then 50 bytes a facet (normal, three corners as float32, uint16).
"""

from __future__ import annotations

import re

import numpy as np

from pipeline.importers.scene import Floats, Mesh, Node, Scene, Source
from pipeline.importers.text import floats

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_FACET_LINE = re.compile(rb"facet[ \t]+normal[^\r\n]*")
_SOLID = re.compile(rb"^[ \t]*solid[ \t]*([^\r\n]*)", re.MULTILINE)


def read(source: Source) -> Scene:
    """Every facet is three points of its own, in the file's order."""
    data = source.path.read_bytes()
    count = int.from_bytes(data[80:84], "little") if len(data) >= 84 else 0
    scene = Scene()
    if len(data) >= 84 and len(data) == 84 + 50 * count:
        parts = [("", np.frombuffer(data, _FACET, count, 84)["corners"])]
    elif data.lstrip()[:5].lower() == b"solid" and b"facet" in data[:4096]:
        parts = _text(data, source)
    elif len(data) >= 84 and data[:5].lower() != b"solid":
        if len(data) < 84 + 50 * count:
            raise source.refuse(
                f"is cut short: it announces {count} triangles, {max(0, len(data) - 84) // 50} are there",
                "export or download it again",
            )
        scene.notes.append(f"{len(data) - 84 - 50 * count} bytes after the last triangle were not read")
        parts = [("", np.frombuffer(data, _FACET, count, 84)["corners"])]
    else:
        raise source.refuse("is no STL: neither the text nor the binary form")
    for solid, corners in parts:
        name = solid or source.path.stem
        points = np.ascontiguousarray(corners, np.float32).reshape(-1, 3)
        n = len(corners)
        scene.meshes.append(Mesh(name, points, np.full(n, 3, np.int32), np.arange(3 * n, dtype=np.int32)))
        scene.nodes.append(Node(name, mesh=len(scene.meshes) - 1))
    scene.notes.append(
        "STL states neither unit nor up axis: read as metres and Y-up; say --units mm --up Z for print files"
    )
    scene.lose(source.path.name, "facet normals", "the winding of the triangles says the same")
    return scene


def _text(data: bytes, source: Source) -> list[tuple[str, Floats]]:
    """Each `solid` with its corners (n, 3, 3)."""
    starts = list(_SOLID.finditer(data))
    parts = []
    for here, following in zip(starts, [*starts[1:], None], strict=True):
        block = data[here.end() : following.start() if following else len(data)]
        if b"endsolid" not in block:
            raise source.refuse("is cut short: its last solid does not end", "export or download it again")
        words = _FACET_LINE.sub(b" ", block.lower().partition(b"endsolid")[0])
        for word in (b"outer", b"loop", b"end", b"facet", b"vertex"):
            words = words.replace(word, b" ")
        values = floats(words, "a vertex")
        if len(values) % 9:
            raise source.refuse(f"solid {here.group(1).decode(errors='replace')!r} has a facet without three corners")
        name = here.group(1).decode("utf-8", "replace").strip()[:200]
        if len(values):
            parts.append((name, values.reshape(-1, 3, 3)))
    if not parts:
        raise source.refuse("holds no triangles", "export the mesh itself")
    return parts
