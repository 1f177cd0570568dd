# SPDX-License-Identifier: Apache-2.0
"""Banned words and phrases: found in a text, and taken out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["phrases", "says", "without"]


def says(text: str, phrase: str) -> bool:
    """Whether a text says a phrase, as whole words in any case, in the singular or the plural."""
    return _pattern(phrase).search(text) is not None


def without(text: str, banned: Iterable[str]) -> str:
    """A text with banned words taken out, with the `with a` before them, and the gaps closed."""
    for phrase in banned:
        before = r"(?:\b(?:with|and|or|of|holding|like)\s+)?(?:\b(?:a|an|the|some|its|his|her)\s+)?"
        text = re.sub(before + _pattern(phrase).pattern, "", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+([,.;:])", r"\1", re.sub(r"\s{2,}", " ", text))
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text).strip(" ,;:")
    return re.sub(r"^(?:and|or|with)\s+", "", text)


def phrases(text: str) -> list[str]:
    """The words of a ban: with commas between they may be phrases, without they are single words."""
    parts = text.split(",") if "," in text else text.split()
    return [p.strip().lower() for p in parts if p.strip()]


def _pattern(phrase: str) -> re.Pattern[str]:
    inner = r"\s+".join(re.escape(w) for w in phrase.split())
    return re.compile(rf"(?<!\w){inner}(?:e?s)?(?!\w)", re.IGNORECASE)
