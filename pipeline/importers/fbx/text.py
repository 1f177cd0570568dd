# SPDX-License-Identifier: Apache-2.0
"""The records of an ASCII FBX file (7.x)."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np

from pipeline.importers.fbx.records import MAX_DEPTH, Record
from pipeline.importers.scene import Source

_TOKEN = re.compile(
    r"""\s*(?:;[^\n]*\n\s*)*(?:
        (?P<key>[A-Za-z_][\w|]*):      |
        (?P<array>\*\d+)\s*\{\s*a:(?P<values>[^}]*)\}  |
        "(?P<text>[^"]*)"              |
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)  |
        (?P<word>[A-Za-z_]\w*)         |
        (?P<mark>[{},])
    )""",
    re.VERBOSE,
)
_VERSION = re.compile(r"FBXVersion:\s*(\d+)")


def version(head: str) -> int:
    """The version that an ASCII file states, 0 where it is no FBX file."""
    found = _VERSION.search(head)
    return int(found[1]) if found else 0


def read_text(source: Source, data: bytes) -> Record:
    """The whole file as one record without a name.

    Raises
    ------
    ImportRefused
        A token that FBX does not know, braces that do not match, nesting deeper than real files nest.
    """
    body = data.decode("utf-8", "replace")
    root = Record("")
    stack = [root]
    current: Record | None = None
    at = 0
    while at < len(body):
        m = _TOKEN.match(body, at)
        if m is None:
            if not body[at:].strip() or re.fullmatch(r"\s*(;[^\n]*\n?\s*)*", body[at:]):
                break
            line = body.count("\n", 0, at) + 1
            raise source.refuse(f"ASCII FBX: line {line} cannot be understood")
        at = m.end()
        if m["key"] is not None:
            current = Record(m["key"])
            stack[-1].children.append(current)
        elif m["mark"] == "{":
            if current is None or len(stack) > MAX_DEPTH:
                raise source.refuse("ASCII FBX: a brace where none can be")
            stack.append(current)
            current = None
        elif m["mark"] == "}":
            if len(stack) < 2:
                raise source.refuse("ASCII FBX: more closing braces than opening ones")
            stack.pop()
            current = None
        elif m["mark"] is None and current is not None:
            current.properties.append(_value(source, m))
    if len(stack) != 1:
        raise source.refuse("ASCII FBX file is cut off: a brace is still open")
    return root


def _value(source: Source, m: re.Match[str]) -> Any:
    if m["array"] is not None:
        words = m["values"].replace("\n", "").replace("\r", "").replace("\t", "").replace(" ", "")
        try:
            numbers = np.array(words.rstrip(",").split(","), dtype=np.float64) if words else np.zeros(0)
        except ValueError:
            raise source.refuse("ASCII FBX: an array holds something that is no number") from None
        if len(numbers) != int(m["array"][1:]):
            raise source.refuse("ASCII FBX: an array is not as long as it says")
        whole = not any(c in words for c in ".eEnN") and bool((np.abs(numbers) < 2**53).all())
        return numbers.astype(np.int64) if whole else numbers
    if m["text"] is not None:
        return m["text"].replace("&quot;", '"')
    if m["number"] is not None:
        word = m["number"]
        return int(word) if re.fullmatch(r"[-+]?\d+", word) else float(word)
    return m["word"] in ("T", "Y", "W") if len(m["word"]) == 1 else m["word"]


def content(value: Any) -> bytes | None:
    """The bytes of an embedded file: raw in a binary file, base64 text in an ASCII one."""
    if isinstance(value, memoryview):
        return bytes(value) or None
    if isinstance(value, str) and value:
        try:
            return base64.b64decode(value, validate=True) or None
        except ValueError:
            return None
    return None
