# SPDX-License-Identifier: Apache-2.0
"""Objects, their properties and the connections between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.fbx.records import Reader, Record
from pipeline.importers.scene import Source


@dataclass(slots=True)
class Object:
    """One object: its kind is the record's name (Model, Geometry …), its class the third property."""

    id: int
    kind: str
    name: str
    subclass: str
    record: Record
    properties: dict[str, list[Any]] = field(default_factory=dict)

    def vector(self, name: str, default: tuple[float, ...]) -> NDArray[np.float64]:
        """A property of several numbers, float64."""
        got = self.properties.get(name, [])
        n = len(default)
        if len(got) < n or not all(isinstance(v, int | float) for v in got[:n]):
            return np.array(default)
        values = np.array(got[:n], dtype=np.float64)
        return values if np.isfinite(values).all() else np.array(default)

    def number(self, name: str, default: float) -> float:
        """A property of one number."""
        return float(self.vector(name, (default,))[0])


@dataclass(slots=True)
class Link:
    """One end of a connection: the other object, and the property it goes to."""

    object: Object
    property: str = ""


class Document:
    """A file's objects and what is connected to what."""

    def __init__(self, source: Source, root: Record, reader: Reader) -> None:
        self.source = source
        self.reader = reader
        self.settings = Object(0, "GlobalSettings", "", "", root)
        settings = root.child("GlobalSettings")
        if settings is not None:
            self.settings.properties = _properties(settings)
        header = root.child("FBXHeaderExtension")
        self.creator = str((header and header.value("Creator")) or root.value("Creator") or "")
        templates = _templates(root.child("Definitions"))
        self.objects: dict[int, Object] = {}
        objects = root.child("Objects")
        for record in objects.children if objects is not None else ():
            made = _object(record, templates)
            if made is not None:
                self.objects[made.id] = made
        self.into: dict[int, list[Link]] = defaultdict(list)  # what is connected to an object (its children)
        self.out: dict[int, list[Link]] = defaultdict(list)  # what an object is connected to (its parents)
        connections = root.child("Connections")
        for c in connections.children if connections is not None else ():
            if len(c.properties) < 3 or not all(isinstance(v, int) for v in c.properties[1:3]):
                continue
            child, parent = self.objects.get(c.properties[1]), self.objects.get(c.properties[2])
            prop = str(c.properties[3]) if len(c.properties) > 3 else ""
            if child is not None and parent is not None:
                self.into[parent.id].append(Link(child, prop))
                self.out[child.id].append(Link(parent, prop))

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind, in the file's order."""
        return [o for o in self.objects.values() if o.kind == kind]

    def children(self, parent: Object, kind: str, subclass: str | None = None) -> list[Object]:
        """The objects of a kind connected to another."""
        return [
            link.object
            for link in self.into[parent.id]
            if link.object.kind == kind and (subclass is None or link.object.subclass == subclass)
        ]

    def array(self, parent: Record, name: str, dtype: type) -> NDArray[Any] | None:
        """An array among the nested records, as a numpy array of that type."""
        values = self.reader.array(parent.child(name))
        return None if values is None else values.astype(dtype)

    def rows(self, parent: Record, name: str, width: int) -> NDArray[np.float64] | None:
        """An array of rows (n, width), float64; a length that does not divide refuses the file."""
        values = self.array(parent, name, np.float64)
        if values is None:
            return None
        if len(values) % width:
            raise self.source.refuse(f"FBX {name} holds {len(values)} numbers, not a multiple of {width}")
        return values.reshape(-1, width)


def _object(record: Record, templates: dict[str, dict[str, list[Any]]]) -> Object | None:
    p = record.properties
    if not p or not isinstance(p[0], int) or isinstance(p[0], bool):
        return None
    full = str(p[1]) if len(p) > 1 else ""
    name = full.split("\x00", 1)[0]
    if "\x00" not in full and "::" in full:  # ASCII writes class::name
        name = full.split("::", 1)[1]
    properties = dict(templates.get(record.name, {}))
    properties.update(_properties(record))
    return Object(p[0], record.name, name, str(p[2]) if len(p) > 2 else "", record, properties)


def _properties(record: Record) -> dict[str, list[Any]]:
    block = record.child("Properties70")
    if block is None:
        return {}
    return {str(p.properties[0]): p.properties[4:] for p in block.children if len(p.properties) >= 4}


def _templates(definitions: Record | None) -> dict[str, dict[str, list[Any]]]:
    found: dict[str, dict[str, list[Any]]] = {}
    for kind in definitions.all("ObjectType") if definitions is not None else ():
        template = kind.child("PropertyTemplate")
        if template is not None and kind.properties:
            found[str(kind.properties[0])] = _properties(template)
    return found
