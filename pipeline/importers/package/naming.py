# SPDX-License-Identifier: Apache-2.0
"""Names from a file as USD identifiers; the name as it was stays as the prim's displayName."""

from __future__ import annotations

import re
import unicodedata

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_]+")
_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "œ": "oe"})


def identifier(name: str, fallback: str) -> str:
    """An ASCII identifier that reads like the name: accents go, every other run becomes one underscore.

    >>> identifier("Stände-Dach (1)", "mesh")
    'Stande_Dach_1'
    """
    text = unicodedata.normalize("NFKD", name.translate(_PLAIN)).encode("ascii", "ignore").decode()
    text = _NOT_ALLOWED.sub("_", text[:200]).strip("_") if not _is_identifier(name) else name
    if not text:
        return fallback
    return f"_{text}" if text[0].isdigit() else text


def _is_identifier(name: str) -> bool:
    return len(name) <= 200 and name.isascii() and name.isidentifier()


class Names:
    """Hands out names that are unique among siblings."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def take(self, name: str, fallback: str) -> str:
        """The identifier of a name, numbered `_1`, `_2` … where it is taken."""
        base = unique = identifier(name, fallback)
        while unique in self._taken:
            number = self._next.get(base, 1)
            self._next[base] = number + 1
            unique = f"{base}_{number}"
        self._taken.add(unique)
        return unique
