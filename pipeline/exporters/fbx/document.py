# SPDX-License-Identifier: Apache-2.0
"""The document around the objects: header, settings, definitions, connections, takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from . import templates
from .properties import color, enum, integer, ktime, number, properties, string
from .records import CREATION_TIME, FILE_ID, RecordWriter, blob, i32, i64, text

KTIME = 46_186_158_000  # ticks in a second, below version 8000
_TIME_MODES = {120.0: 1, 100.0: 2, 60.0: 3, 50.0: 4, 48.0: 5, 30.0: 6, 25.0: 10, 24.0: 11}
CUSTOM_RATE = 14
CREATOR = "Seven Gates FBX writer"

Emit = Callable[[RecordWriter], None]


def ticks(seconds: float) -> int:
    """A time in FBX's unit."""
    return round(seconds * KTIME)


@dataclass(slots=True)
class Take:
    """The name and range of an animation stack, in ticks."""

    name: str
    start: int
    stop: int


class Document:
    """Objects in the order they will stand in, and their connections.

    An object is a function that writes its records, called when everything that the file must state before
    its objects (how many of each kind there are) is known.
    """

    def __init__(self, unit_scale_factor: float, frames_per_second: float, up_axis: str = "Y") -> None:
        self.unit_scale_factor = unit_scale_factor
        self.up_axis = up_axis
        self.frames_per_second = frames_per_second
        self.counts: Counter[str] = Counter()
        self.takes: list[Take] = []
        self._emits: list[Emit] = []
        self._connections: list[tuple[bytes, bytes]] = []  # properties after the type, by type
        self._next = 1_000_000

    def id(self) -> int:
        """A new object id."""
        self._next += 1
        return self._next

    def add(self, kind: str, emit: Emit, count: int = 1) -> None:
        """Register an object (or `count` of them written by one function)."""
        self.counts[kind] += count
        self._emits.append(emit)

    def connect(self, child: int, parent: int, prop: str = "") -> None:
        """Connect object to object (OO), or object to property (OP)."""
        pair = i64(child) + i64(parent)
        self._connections.append((b"OP", pair + text(prop)) if prop else (b"OO", pair))

    def write(self, writer: RecordWriter) -> int:
        """Write the whole file; returns its size in bytes."""
        self._header(writer)
        self._settings(writer)
        self._documents(writer)
        templates.definitions(writer, self.counts)
        with writer.nest(b"Objects"):
            for emit in self._emits:
                emit(writer)
                writer.flush_if_large()
        self._emits.clear()
        with writer.nest(b"Connections"):
            oo, op = text("OO"), text("OP")
            for kind, payload in self._connections:
                if kind == b"OO":
                    writer.leaf_n(b"C", 3, oo + payload)
                else:
                    writer.leaf_n(b"C", 4, op + payload)
            writer.flush_if_large()
        self._takes(writer)
        return writer.finish()

    def _header(self, w: RecordWriter) -> None:
        with w.nest(b"FBXHeaderExtension"):
            w.leaf(b"FBXHeaderVersion", i32(1003))
            w.leaf(b"FBXVersion", i32(w.version))
            w.leaf(b"EncryptionType", i32(0))
            with w.nest(b"CreationTimeStamp"):
                w.leaf(b"Version", i32(1000))
                for part, value in zip(
                    (b"Year", b"Month", b"Day", b"Hour", b"Minute", b"Second", b"Millisecond"),
                    (1970, 1, 1, 10, 0, 0, 0),
                    strict=True,
                ):
                    w.leaf(part, i32(value))
            w.leaf(b"Creator", text(CREATOR))
            with w.nest(b"SceneInfo", text("GlobalInfo\x00\x01SceneInfo"), text("UserData")):
                w.leaf(b"Type", text("UserData"))
                w.leaf(b"Version", i32(100))
                properties(
                    w,
                    [
                        string("Original|ApplicationVendor", "Seven Gates"),
                        string("Original|ApplicationName", "gates"),
                        string("LastSaved|ApplicationVendor", "Seven Gates"),
                        string("LastSaved|ApplicationName", "gates"),
                    ],
                )
        w.leaf(b"FileId", blob(FILE_ID))
        w.leaf(b"CreationTime", text(CREATION_TIME))
        w.leaf(b"Creator", text(CREATOR))

    def _settings(self, w: RecordWriter) -> None:
        mode = _TIME_MODES.get(self.frames_per_second, CUSTOM_RATE)
        start = min((t.start for t in self.takes), default=0)
        stop = max((t.stop for t in self.takes), default=KTIME)
        up, front, front_sign = (1, 2, 1) if self.up_axis == "Y" else (2, 1, -1)
        with w.nest(b"GlobalSettings"):
            w.leaf(b"Version", i32(1000))
            properties(
                w,
                [
                    integer("UpAxis", up),
                    integer("UpAxisSign", 1),
                    integer("FrontAxis", front),
                    integer("FrontAxisSign", front_sign),
                    integer("CoordAxis", 0),
                    integer("CoordAxisSign", 1),
                    integer("OriginalUpAxis", up),
                    integer("OriginalUpAxisSign", 1),
                    number("UnitScaleFactor", self.unit_scale_factor, animatable=False, kind="double"),
                    number("OriginalUnitScaleFactor", self.unit_scale_factor, animatable=False, kind="double"),
                    color("AmbientColor", (0, 0, 0), animatable=False),
                    string("DefaultCamera", "Producer Perspective"),
                    enum("TimeMode", mode),
                    ktime("TimeSpanStart", i64(start)),
                    ktime("TimeSpanStop", i64(stop)),
                    number("CustomFrameRate", self.frames_per_second, animatable=False, kind="double"),
                ],
            )

    def _documents(self, w: RecordWriter) -> None:
        with w.nest(b"Documents"):
            w.leaf(b"Count", i32(1))
            with w.nest(b"Document", i64(self.id()), text("Scene"), text("Scene")):
                properties(w, [string("ActiveAnimStackName", self.takes[0].name if self.takes else "")])
                w.leaf(b"RootNode", i64(0))
        with w.nest(b"References"):
            pass

    def _takes(self, w: RecordWriter) -> None:
        with w.nest(b"Takes"):
            w.leaf(b"Current", text(self.takes[0].name if self.takes else ""))
            for take in self.takes:
                with w.nest(b"Take", text(take.name)):
                    w.leaf(b"FileName", text(f"{take.name}.tak"))
                    w.leaf(b"LocalTime", i64(take.start), i64(take.stop))
                    w.leaf(b"ReferenceTime", i64(take.start), i64(take.stop))


__all__ = ["KTIME", "Document", "Emit", "Take", "ticks"]
