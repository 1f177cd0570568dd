# SPDX-License-Identifier: Apache-2.0
"""PLY, text and both binary orders: points, polygons, normals, colours, texture coordinates.

The header names its own layout (Turk, "The PLY Polygon File Format", 1994). Faces of one size are read as
one block; mixed sizes take one pass over the counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.importers.scene import Array, Floats, Ints, Mesh, Node, Primvar, Scene, Source
from pipeline.importers.text import floats
from pipeline.usd.colour import to_linear

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8", "int64": "i8", "uint64": "u8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_FACE_LISTS = ("vertex_indices", "vertex_index")


@dataclass(slots=True)
class _Property:
    name: str
    kind: str
    count_kind: str = ""  # of a list's length


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """Scalars by name; lists as (counts, values)."""

    scalars: dict[str, Array]
    lists: dict[str, tuple[Ints, Array]]


def read(source: Source) -> Scene:
    """One mesh with everything that has a place in USD."""
    data = source.path.read_bytes()
    order, elements, start, comments = _header(data, source)
    tables = (_text if order == "" else _binary)(data, start, elements, order, source)
    scene = Scene()
    vertices = tables.get("vertex")
    if vertices is None or not {"x", "y", "z"} <= vertices.scalars.keys():
        raise source.refuse("has no vertex element with x, y and z")
    mesh = _mesh(source, vertices, tables.get("face"), tables.get("tristrips"))
    scene.meshes.append(mesh)
    scene.nodes.append(Node(mesh.name, mesh=0))
    _losses(scene, tables, comments)
    scene.notes.append("PLY states neither unit nor up axis: read as metres and Y-up")
    return scene


def _header(data: bytes, source: Source) -> tuple[str, list[_Element], int, list[str]]:
    end = data.find(b"end_header", 0, 1 << 20)
    if not data.startswith(b"ply") or end < 0:
        raise source.refuse("has no complete PLY header", "export or download it again")
    newline = data.find(b"\n", end)
    start = newline + 1 if newline >= 0 and newline - end < 13 else end + 11
    order, elements, comments = None, [], []
    for line in data[:end].decode("latin-1").splitlines()[1:]:
        words = line.split()
        try:
            match words:
                case ["format", name, *_]:
                    order = _ORDERS[name]
                case ["comment" | "obj_info", *rest]:
                    comments.append(" ".join(rest))
                case ["element", name, count]:
                    elements.append(_Element(name, int(count)))
                case ["property", "list", count_kind, kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind], _TYPES[count_kind]))
                case ["property", kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind]))
                case []:
                    pass
                case _:
                    raise ValueError
        except (KeyError, ValueError, IndexError):
            raise source.refuse(f"has a header line that means nothing: {line[:80]!r}") from None
    if order is None or any(e.count < 0 for e in elements):
        raise source.refuse("has a header without a format, or a negative count")
    return order, elements, start, comments


def _cut_short(source: Source, element: _Element) -> Exception:
    return source.refuse(
        f"is cut short: it announces {element.count} of {element.name!r}, fewer are there",
        "export or download it again",
    )


def _binary(data: bytes, at: int, elements: list[_Element], order: str, source: Source) -> dict[str, _Table]:
    tables = {}
    for element in elements:
        lists = [p for p in element.properties if p.count_kind]
        if not lists:
            kind = np.dtype([(f"{i}", order + p.kind) for i, p in enumerate(element.properties)])
            if at + kind.itemsize * element.count > len(data):
                raise _cut_short(source, element)
            rows = np.frombuffer(data, kind, element.count, at)
            at += kind.itemsize * element.count
            tables[element.name] = _Table({p.name: rows[f"{i}"] for i, p in enumerate(element.properties)}, {})
        else:
            tables[element.name], at = _rows_with_lists(data, at, element, order, source)
    return tables


def _rows_with_lists(data: bytes, at: int, element: _Element, order: str, source: Source) -> tuple[_Table, int]:
    """Rows whose lists all have the lengths of the first row are one block; otherwise row by row offsets."""
    lengths = _first_lengths(data, at, element, order, source)
    kind = _row_kind(element, order, lengths)
    size = kind.itemsize * element.count
    if element.count and at + size <= len(data):
        rows = np.frombuffer(data, kind, element.count, at)
        if all((rows[f"n{i}"] == n).all() for i, n in lengths.items()):
            return _table_of_block(element, rows, lengths), at + size
    return _ragged(data, at, element, order, source)


def _first_lengths(data: bytes, at: int, element: _Element, order: str, source: Source) -> dict[int, int]:
    lengths: dict[int, int] = {}
    for i, p in enumerate(element.properties):
        if p.count_kind and element.count:
            kind = np.dtype(order + p.count_kind)
            if at + kind.itemsize > len(data):
                raise _cut_short(source, element)
            lengths[i] = int(np.frombuffer(data, kind, 1, at)[0])
            if lengths[i] < 0 or lengths[i] > len(data):
                raise source.refuse(f"has a list of {lengths[i]} values in {element.name!r}")
            at += kind.itemsize + lengths[i] * np.dtype(p.kind).itemsize
        else:
            at += np.dtype(p.kind).itemsize
    return lengths


def _row_kind(element: _Element, order: str, lengths: dict[int, int]) -> np.dtype:
    fields: list[tuple[str, str] | tuple[str, str, int]] = []
    for i, p in enumerate(element.properties):
        if i in lengths:
            fields += [(f"n{i}", order + p.count_kind), (f"v{i}", order + p.kind, (lengths[i],))]  # type: ignore[list-item]
        else:
            fields.append((f"{i}", order + p.kind))
    return np.dtype(fields)


def _table_of_block(element: _Element, rows: Array, lengths: dict[int, int]) -> _Table:
    table = _Table({}, {})
    for i, p in enumerate(element.properties):
        if i in lengths:
            counts = np.full(element.count, lengths[i], np.int64)
            table.lists[p.name] = (counts, rows[f"v{i}"].reshape(-1))  # type: ignore[call-overload]
        else:
            table.scalars[p.name] = rows[f"{i}"]  # type: ignore[call-overload]
    return table


def _ragged(data: bytes, at: int, element: _Element, order: str, source: Source) -> tuple[_Table, int]:
    """Mixed list lengths: one pass finds where each list starts, numpy gathers the bytes of all."""
    fixed_before = {}
    lists = [(i, p) for i, p in enumerate(element.properties) if p.count_kind]
    starts = {i: np.empty(element.count, np.int64) for i, _ in lists}
    counts = {i: np.empty(element.count, np.int64) for i, _ in lists}
    rows = np.empty(element.count, np.int64)
    sizes = [np.dtype(p.kind).itemsize for p in element.properties]
    little = "little" if order == "<" else "big"
    total = len(data)
    for r in range(element.count):
        rows[r] = at
        for i, p in enumerate(element.properties):
            if p.count_kind:
                head = int(p.count_kind[1])
                n = int.from_bytes(data[at : at + head], little, signed=p.count_kind[0] == "i")  # type: ignore[arg-type]
                counts[i][r], starts[i][r] = n, at + head
                at += head + max(n, 0) * sizes[i]
                if n < 0:
                    raise source.refuse(f"has a list of {n} values in {element.name!r}")
            else:
                at += sizes[i]
        if at > total:
            raise _cut_short(source, element)
    raw = np.frombuffer(data, np.uint8)
    table = _Table({}, {})
    for i, p in lists:
        table.lists[p.name] = (counts[i], _gather(raw, starts[i], counts[i] * sizes[i]).view(order + p.kind))
        fixed_before[i] = p
    if len(lists) < len(element.properties):
        _scalars_beside_lists(table, element, raw, rows, counts, order)
    return table, at


def _gather(raw: Array, starts: Ints, lengths: Ints) -> Array:
    """The bytes of many pieces, one after the other."""
    ends = np.cumsum(lengths)
    inside = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    picked: Array = raw[np.repeat(starts, lengths) + inside]
    return picked


def _scalars_beside_lists(
    table: _Table, element: _Element, raw: Array, rows: Ints, counts: Mapping[int, Ints], order: str
) -> None:
    at = rows.copy()
    for i, p in enumerate(element.properties):
        size = np.dtype(p.kind).itemsize
        if p.count_kind:
            at = at + int(p.count_kind[1]) + counts[i] * size
        else:
            table.scalars[p.name] = _gather(raw, at, np.full(len(at), size)).view(order + p.kind)
            at = at + size


def _text(data: bytes, at: int, elements: list[_Element], order: str, source: Source) -> dict[str, _Table]:
    values = floats(data[at:], "the body")
    tables: dict[str, _Table] = {}
    place = 0
    for element in elements:
        wide = len(element.properties)
        if not any(p.count_kind for p in element.properties):
            if place + wide * element.count > len(values):
                raise _cut_short(source, element)
            block = values[place : place + wide * element.count].reshape(element.count, wide)
            place += wide * element.count
            tables[element.name] = _Table({p.name: block[:, i] for i, p in enumerate(element.properties)}, {})
        else:
            tables[element.name], place = _text_lists(values, place, element, source)
    return tables


def _text_lists(values: Floats, at: int, element: _Element, source: Source) -> tuple[_Table, int]:
    columns: dict[str, tuple[list[int], list[int]]] = {p.name: ([], []) for p in element.properties}
    total = len(values)
    only = element.properties[0] if len(element.properties) == 1 else None
    if only is not None and element.count and at < total:
        n = int(values[at]) if np.isfinite(values[at]) else -1
        block = values[at : at + (n + 1) * element.count]
        if n >= 0 and len(block) == (n + 1) * element.count and (block[:: n + 1] == n).all():
            counts = np.full(element.count, n, np.int64)
            rows = block.reshape(-1, n + 1)[:, 1:].reshape(-1)
            return _Table({}, {only.name: (counts, rows)}), at + (n + 1) * element.count
    for _ in range(element.count):
        for p in element.properties:
            if at >= total:
                raise _cut_short(source, element)
            n = int(values[at]) if p.count_kind and np.isfinite(values[at]) else 1
            if n < 0:
                raise source.refuse(f"has a list of {n} values in {element.name!r}")
            columns[p.name][0].append(at + (1 if p.count_kind else 0))
            columns[p.name][1].append(n)
            at += n + (1 if p.count_kind else 0)
    if at > total:
        raise _cut_short(source, element)
    table = _Table({}, {})
    for p in element.properties:
        starts, counts = (np.array(c, np.int64) for c in columns[p.name])
        gathered = _gather(values, starts, counts)
        if p.count_kind:
            table.lists[p.name] = (counts, gathered)
        else:
            table.scalars[p.name] = gathered
    return table, at


def _stack(table: _Table, *names: str) -> Floats | None:
    if not set(names) <= table.scalars.keys():
        return None
    return np.stack([table.scalars[n] for n in names], axis=1)


def _mesh(source: Source, vertices: _Table, faces: _Table | None, strips: _Table | None) -> Mesh:
    points = _stack(vertices, "x", "y", "z")
    assert points is not None
    if strips is not None and strips.lists:
        raise source.refuse("holds triangle strips", "export it as faces")
    named = next((n for n in _FACE_LISTS if faces and n in faces.lists), None)
    if faces is None or named is None or not len(faces.lists[named][0]):
        raise source.refuse("holds points but no faces", "mesh the point cloud first")
    counts, raw = faces.lists[named]
    if raw.dtype.kind == "f" and not np.isfinite(raw).all():
        raise source.refuse("holds face indices that are no numbers")
    mesh = Mesh(source.path.stem, points, counts.astype(np.int32), raw.astype(np.int64))
    normals = _stack(vertices, "nx", "ny", "nz")
    if normals is not None:
        mesh.normals = Primvar(normals, "vertex", name="normals")
    for pair in (("s", "t"), ("u", "v"), ("texture_u", "texture_v")):
        uv = _stack(vertices, *pair)
        if uv is not None:
            mesh.uvs.append(Primvar(uv, "vertex", name="st"))
            break
    if "texcoord" in faces.lists:
        mesh.uvs += _wedges(counts, *faces.lists["texcoord"])
    _colors(mesh, vertices, faces)
    return mesh


def _wedges(counts: Ints, lengths: Ints, values: Array) -> list[Primvar]:
    """Texture coordinates a corner, as MeshLab writes them."""
    if np.array_equal(lengths, 2 * counts):
        return [Primvar(values.reshape(-1, 2).astype(np.float64), "faceVarying", name="texcoord")]
    return []


def _colors(mesh: Mesh, vertices: _Table, faces: _Table) -> None:
    """Vertex colours, else face colours; stored as sRGB by every common writer, so made linear here."""
    for table, where in ((vertices, "vertex"), (faces, "uniform")):
        names = next((n for n in (("red", "green", "blue"), ("r", "g", "b")) if set(n) <= table.scalars.keys()), None)
        if names is None:
            continue
        rgb = np.stack([_unit(table.scalars[n]) for n in names], axis=1)
        mesh.color = Primvar(srgb_to_linear(rgb), where, name="colours")  # type: ignore[arg-type]
        if "alpha" in table.scalars:
            mesh.opacity = Primvar(_unit(table.scalars["alpha"])[:, None], where, name="alpha")  # type: ignore[arg-type]
        return


def _unit(values: Array) -> Floats:
    number: Floats = values.astype(np.float64)
    kind = values.dtype
    if kind.kind in "ui":
        return np.asarray(number / float(np.iinfo(kind.str).max))
    return number / 255 if len(number) and np.nanmax(number) > 1.5 else number


def srgb_to_linear(c: Floats) -> Floats:
    """IEC 61966-2-1, for values in 0 to 1."""
    return to_linear(np.clip(c, 0, 1))


_USED = {"x", "y", "z", "nx", "ny", "nz", "s", "t", "u", "v", "texture_u", "texture_v", "red", "green", "blue", "r",
         "g", "b", "alpha", "vertex_indices", "vertex_index", "texcoord"}  # fmt: skip


def _losses(scene: Scene, tables: dict[str, _Table], comments: list[str]) -> None:
    for name, table in tables.items():
        if name not in ("vertex", "face"):
            scene.lose(name, "element", "has no place in a mesh")
            continue
        for extra in sorted((table.scalars.keys() | table.lists.keys()) - _USED):
            scene.lose(f"{name}.{extra}", "property", "has no place in a mesh")
    for comment in comments:
        if comment.lower().startswith("texturefile"):
            scene.lose(comment[:200], "texture", "PLY names a picture but no material")
