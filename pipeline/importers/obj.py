# SPDX-License-Identifier: Apache-2.0
"""Wavefront OBJ: polygons by object and group, smoothing as written, materials from MTL.

The text is cut into lines by numpy and every kind of line is parsed as one block, so that a million faces
take about a second. Faces keep their order and their points; `v x y z r g b` gives vertex colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import ImportRefused
from pipeline.importers import mtl, text
from pipeline.importers.ply import srgb_to_linear
from pipeline.importers.scene import Array, Floats, Ints, Mesh, Node, Primvar, Scene, Source

_SPACE, _TAB, _NEWLINE, _RETURN, _SLASH = 32, 9, 10, 13, 47
_WHITE = np.isin(np.arange(256), (_SPACE, _TAB, _NEWLINE, _RETURN))


@dataclass(slots=True)
class _Lines:
    """The file cut into lines: where each starts and ends, and the number of its first word's kind."""

    data: Array
    start: Ints
    end: Ints

    def kind(self, word: bytes) -> Ints:
        """Numbers of the lines that begin with this word and white space."""
        n = len(word)
        fits = self.end - self.start > n
        where = np.flatnonzero(fits)
        for i, byte in enumerate(word):
            where = where[self.data[self.start[where] + i] == byte]
        after = self.data[self.start[where] + n]
        found: Ints = where[(after == _SPACE) | (after == _TAB)]
        return found

    def block(self, which: Ints, skip: int) -> bytes:
        """The text of these lines with their first `skip` bytes blank, each with its line end."""
        if not len(which):
            return b""
        breaks = np.flatnonzero(np.diff(which) != 1) + 1
        if len(breaks) < 1 + len(which) // 8:  # few runs of neighbours: slices
            first, last = which[np.r_[0, breaks]], which[np.r_[breaks - 1, len(which) - 1]]
            runs = zip(self.start[first].tolist(), self.end[last].tolist(), strict=True)
            text = np.concatenate([self.data[a : b + 1] for a, b in runs])
            offset = self.start[which] - _shift(self.start[first], self.end[last] + 1, breaks, len(which))
        else:
            length = self.end[which] - self.start[which] + 1
            offset = np.cumsum(length) - length
            text = self.data[np.repeat(self.start[which] - offset, length) + np.arange(int(length.sum()))]
        for i in range(skip):
            text[offset + i] = _SPACE
        return bytes(text.tobytes())

    def words(self, which: int) -> list[str]:
        """One line as text, cut at white space."""
        return self.data[self.start[which] : self.end[which]].tobytes().decode("utf-8", "replace").split()


def _shift(starts: Ints, ends: Ints, breaks: Ints, n: int) -> Ints:
    """How far each of n lines moves to the left when the runs that hold them are put together."""
    lengths = ends - starts
    gaps = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(gaps, np.diff(np.r_[0, breaks, n]))


def read(source: Source) -> Scene:
    """Objects and groups as parts; faces of one group with several materials become subsets."""
    data = source.path.read_bytes()
    if b"\0" in data[:4096]:
        raise source.refuse("is no text, so no OBJ")
    lines = _cut(data)
    scene = Scene()
    points, colors = _vertices(lines)
    uvs, normals = _rows(lines, b"vt", 2), _rows(lines, b"vn", 3)
    faces = lines.kind(b"f")
    counts, corners = _faces(lines, faces)
    statements = _statements(lines, scene)
    materials = _materials(source, scene, statements, faces)
    parts, names = _parts(statements, faces, source.path.stem)
    before = [np.searchsorted(lines.kind(word), faces) for word in (b"v", b"vt", b"vn")]
    sizes = [len(points), len(uvs), len(normals)]
    absolute = _absolute(source, corners, counts, before, sizes)
    for number, name in enumerate(names):
        chosen = parts == number
        mesh = _part(name, np.flatnonzero(chosen), counts, absolute, (points, colors, uvs, normals), materials)
        scene.meshes.append(mesh)
        scene.nodes.append(Node(name, mesh=number))
    for word in (b"l", b"p"):
        if n := len(lines.kind(word)):
            scene.lose(source.path.name, f"{n} {'lines' if word == b'l' else 'points'}", "only faces are kept")
    scene.notes.append("OBJ states neither unit nor up axis: read as metres and Y-up")
    return scene


def _cut(data: bytes) -> _Lines:
    if b"\\\n" in data or b"\\\r\n" in data:
        data = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    raw = np.frombuffer(data + b"\n", np.uint8)
    end = np.flatnonzero(raw == _NEWLINE)
    start = np.concatenate([[0], end[:-1] + 1]).astype(np.int64)
    for _ in range(64):  # indented lines
        indented = np.flatnonzero((start < end) & ((raw[start] == _SPACE) | (raw[start] == _TAB)))
        if not len(indented):
            break
        start[indented] += 1
    return _Lines(raw, start, end)


def _vertices(lines: _Lines) -> tuple[Floats, Floats | None]:
    """Points (n, 3) and colours (n, 3) or None; a fourth number is a weight and is left out."""
    which = lines.kind(b"v")
    block = lines.block(which, 2)
    values = text.floats(block, "a v line")
    if len(values) == 3 * len(which):
        return values.reshape(-1, 3), None
    if len(which) and len(values) == 6 * len(which):
        table = values.reshape(-1, 6)
        return np.ascontiguousarray(table[:, :3]), srgb_to_linear(table[:, 3:])
    wide = _per_line(block)
    if (wide < 3).any():
        raise ImportRefused(f"v line {int(np.flatnonzero(wide < 3)[0]) + 1} has fewer than three numbers")
    first = np.cumsum(wide) - wide
    points = values[first[:, None] + np.arange(3)]
    colored = wide >= 6
    if not colored.any():
        return points, None
    colors = np.ones((len(which), 3))
    colors[colored] = values[first[colored][:, None] + wide[colored][:, None] - 3 + np.arange(3)]
    return points, srgb_to_linear(colors)


def _rows(lines: _Lines, word: bytes, take: int) -> Floats:
    which = lines.kind(word)
    block = lines.block(which, len(word) + 1)
    values = text.floats(block, f"a {word.decode()} line")
    for wide in (take, 3, 2):
        if len(values) == wide * len(which) and wide >= take and len(which):
            table = values.reshape(-1, wide)
            if wide == take or (_per_line(block) == wide).all():
                return np.ascontiguousarray(table[:, :take])
    wide_lines = _per_line(block)
    first = np.cumsum(wide_lines) - wide_lines
    out = np.zeros((len(which), take))
    for k in range(take):
        has = wide_lines > k
        out[has, k] = values[first[has] + k]
    return out


def _word_starts(block: bytes) -> tuple[Array, Array]:
    """The bytes, and which of them begin a word."""
    raw = np.frombuffer(block, np.uint8)
    white = _WHITE[raw]
    starts = ~white
    starts[1:] &= white[:-1]
    return raw, starts


def _per_line(block: bytes) -> Ints:
    """Words on each line."""
    raw, starts = _word_starts(block)
    upto = np.cumsum(starts, dtype=np.int32)[np.flatnonzero(raw == _NEWLINE)]
    return np.diff(upto, prepend=0).astype(np.int64)


def _faces(lines: _Lines, which: Ints) -> tuple[Ints, Ints]:
    """Corners of each face (f,), and their numbers (corners, 3): point, texture, normal; 0 is none."""
    block = lines.block(which, 2)
    counts = _per_line(block)
    total = int(counts.sum())
    if b"/" not in block:
        out = np.zeros((total, 3), np.int64)
        out[:, 0] = text.ints(block, "an f line")
        return counts, out
    raw, starts = _word_starts(block)
    slash = np.flatnonzero(raw == _SLASH)
    owner = np.cumsum(starts, dtype=np.int32)[slash] - 1
    if len(owner) > 2 and (owner[2:] == owner[:-2]).any():
        raise ImportRefused("an f line has a corner with more than two slashes")
    spaced = block.replace(b"//", b"/0/") if b"//" in block else block
    spaced = spaced.replace(b"/", b" ")
    trailing = _WHITE[raw[slash + 1]]  # `7/` and `7/1/` name nothing after the slash
    fields = 1 + np.bincount(owner, minlength=total) - np.bincount(owner[trailing], minlength=total)
    values = text.ints(spaced, "an f line")
    if len(values) != int(fields.sum()):
        raise ImportRefused("an f line has a corner that cannot be read")
    if (fields == fields[0]).all():
        out = np.zeros((total, 3), np.int64)
        out[:, : fields[0]] = values.reshape(total, -1)
        return counts, out
    first = np.cumsum(fields) - fields
    out = np.zeros((total, 3), np.int64)
    for k in range(3):
        has = fields > k
        out[has, k] = values[first[has] + k]
    return counts, out


def _statements(lines: _Lines, scene: Scene) -> list[tuple[int, str, str]]:
    """(line, word, rest) of o, g, usemtl and mtllib, in order; others are reported once each."""
    found = []
    for word in ("o", "g", "usemtl", "mtllib"):
        found += [(int(n), word, " ".join(lines.words(int(n))[1:])) for n in lines.kind(word.encode())]
    for word in ("curv", "curv2", "surf", "cstype", "call"):
        if n := len(lines.kind(word.encode())):
            scene.lose("file", f"{n} {word} statements", "free-form curves, surfaces and calls are not meshes")
    return sorted(found)


def _materials(source: Source, scene: Scene, statements: list[tuple[int, str, str]], faces: Ints) -> Ints:
    """The material of each face, -1 for none; fills `scene.materials`."""
    for _, word, rest in statements:
        if word == "mtllib":
            mtl.read_into(scene, source, rest)
    numbers = {m.name: i for i, m in enumerate(scene.materials)}
    uses = [(line, rest) for line, word, rest in statements if word == "usemtl"]
    for _, name in uses:
        if name and name not in numbers:
            scene.notes.append(f"material {name!r} is in no MTL that came with it: it got a plain one")
            numbers[name] = len(scene.materials)
            scene.materials.append(mtl.plain(name))
    before = np.searchsorted(np.array([line for line, _ in uses], np.int64), faces)
    table = np.array([-1, *(numbers.get(name, -1) for _, name in uses)], np.int64)
    return np.asarray(table[before])


def _parts(statements: list[tuple[int, str, str]], faces: Ints, stem: str) -> tuple[Ints, list[str]]:
    """The part of each face and the parts' names: an object, or a group within it; same name, same part."""
    starts, labels = [-1], [stem]
    obj = group = ""
    for line, word, rest in statements:
        if word == "o":
            obj, group = rest, ""
        elif word == "g":
            group = rest
        else:
            continue
        label = "/".join(x for x in (obj, group) if x) if obj != group else obj
        starts.append(line)
        labels.append(label or stem)
    which = np.searchsorted(np.array(starts), faces) - 1
    order = list(dict.fromkeys(labels[i] for i in np.unique(which)))
    number = {name: i for i, name in enumerate(order)}
    table = np.array([number.get(name, 0) for name in labels], np.int64)
    first = np.unique(table[which], return_index=True)[1] if len(faces) else np.zeros(0, int)
    names = [order[i] for i in table[which][np.sort(first)]] if len(faces) else []
    rank = {order.index(n): i for i, n in enumerate(names)}
    remap = np.array([rank.get(i, 0) for i in range(max(len(order), 1))], np.int64)
    return remap[table[which]], names


def _absolute(source: Source, corners: Ints, counts: Ints, before: Sequence[Ints], sizes: list[int]) -> Ints:
    """Numbers from zero, -1 for none; negative ones count back from what stood above their face."""
    out = np.empty_like(corners)
    for k, what in enumerate(("v", "vt", "vn")):
        column = corners[:, k]
        back = np.repeat(before[k], counts) + column
        out[:, k] = np.where(column > 0, column - 1, np.where(column < 0, back, -1))
        wrong = (out[:, k] >= sizes[k]) | ((column < 0) & (back < 0))
        if k == 0:
            wrong |= column == 0
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            face = int(np.searchsorted(np.cumsum(counts), first, side="right")) + 1
            raise source.refuse(
                f"has a bad index: face {face} names {what} {int(column[first])}, there are {sizes[k]} "
                f"({int(wrong.sum())} bad indices in all)",
                "export it again",
            )
    return out


def _part(
    name: str,
    chosen: Ints,
    counts: Ints,
    corners: Ints,
    arrays: tuple[Floats, Floats | None, Floats, Floats],
    materials: Ints,
) -> Mesh:
    points, colors, uvs, normals = arrays
    own = counts[chosen]
    mine: Ints
    local: Ints
    kept: Ints
    if len(chosen) == len(counts):  # one part holds everything, points that no face uses too
        mine, local, kept = corners, corners[:, 0], np.arange(len(points))
    else:
        ends, own_ends = np.cumsum(counts), np.cumsum(own)
        starts = (ends - counts)[chosen]
        mine = corners[np.repeat(starts - (own_ends - own), own) + np.arange(int(own.sum()))]
        kept, local = _used(mine[:, 0], len(points))
    faces = materials[chosen]
    mesh = Mesh(
        name, points[kept], own.astype(np.int32), local.astype(np.int32),
        face_material=int(faces[0]) if len(faces) and (faces == faces[0]).all() else faces,
    )  # fmt: skip
    if colors is not None:
        mesh.color = Primvar(colors[kept], "vertex", name="colours")
    if len(uvs) and (mine[:, 1] >= 0).all():
        mesh.uvs.append(_indexed(uvs, mine[:, 1], "st"))
    elif len(uvs) and (mine[:, 1] >= 0).any():
        padded = np.vstack([uvs, [[0.0, 0.0]]])
        mesh.uvs.append(_indexed(padded, np.where(mine[:, 1] < 0, len(uvs), mine[:, 1]), "st"))
    if len(normals) and (mine[:, 2] >= 0).all():
        mesh.normals = _indexed(normals, mine[:, 2], "normals")
    return mesh


def _indexed(values: Floats, indices: Ints, name: str) -> Primvar:
    used, local = _used(indices, len(values))
    return Primvar(values[used], "faceVarying", local.astype(np.int32), name)


def _used(indices: Ints, n: int) -> tuple[Ints, Ints]:
    """Which of n rows are used, ascending, and the indices counted among those."""
    used = np.zeros(n, bool)
    used[indices] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[indices]
