# SPDX-License-Identifier: Apache-2.0
"""The files that a MaterialX document names, and what becomes of them when the document moves.

A document names pictures by values of type `filename`, with every `fileprefix` above them put in front, and other
documents by `xi:include` (MaterialX Specification v1.38, "MaterialX Files" and "Filename Substitutions").
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from pipeline.errors import StageError

__all__ = ["is_materialx", "read_materialx", "rewrite_materialx"]

#: an `xml.etree.ElementTree.ElementTree`
Document = Any
_INCLUDE = "http://www.w3.org/2001/XInclude"


def is_materialx(path: Path) -> bool:
    """Whether a file is a MaterialX document by its name."""
    return path.suffix.lower() == ".mtlx"


def read_materialx(path: Path) -> Document:
    """A document.

    Raises
    ------
    StageError
        It is no XML.
    """
    try:
        text = path.read_bytes()
        for mark in (b"UDIM", b"UVTILE"):  # MaterialX's own parser takes them without escapes
            text = text.replace(b"<" + mark + b">", b"&lt;" + mark + b"&gt;")
        return Xml.parse(io.BytesIO(text))
    except (Xml.ParseError, OSError) as error:
        raise StageError(
            f"no MaterialX that can be read ({error})", path=path, remedy="check that it is whole"
        ) from error


def rewrite_materialx(document: Document, change: Callable[[str], str]) -> bytes | None:
    """The document with every file name replaced by what `change` returns; None where that changes nothing.

    Prefixes are folded into the names, so that a name stands alone.
    """
    if not _renamed(document.getroot(), "", change):
        return None
    Xml.register_namespace("xi", _INCLUDE)
    written = io.BytesIO()
    document.write(written, encoding="utf-8", xml_declaration=True)
    return written.getvalue()


def _renamed(element: Any, prefix: str, change: Callable[[str], str]) -> bool:
    own = element.attrib.pop("fileprefix", "")
    prefix, changed = prefix + own, bool(own)
    if element.get("type") == "filename":
        changed |= _set(element, "value", prefix, change)
    elif element.tag == f"{{{_INCLUDE}}}include":
        changed |= _set(element, "href", "", change)
    for child in element:
        changed |= _renamed(child, prefix, change)
    return changed


def _set(element: Any, key: str, prefix: str, change: Callable[[str], str]) -> bool:
    name = element.get(key, "")
    if not name:
        return False
    new = change(prefix + name)
    element.set(key, new)
    return bool(new != name)
