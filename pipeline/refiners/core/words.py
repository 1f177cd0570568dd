# SPDX-License-Identifier: Apache-2.0
"""Names that say something: a word for a colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.colour import linear_of_hex, to_oklab

__all__ = ["colour_word"]

#: everyday words and a colour that most people would call so
_WORDS = {
    "black": "#141414", "dark_grey": "#484848", "grey": "#808080", "light_grey": "#b8b8b8", "white": "#f4f4f4",
    "red": "#c8281e", "dark_red": "#701410", "pink": "#e89aa8", "orange": "#e07a1e", "brown": "#7a5030",
    "dark_brown": "#42291a", "tan": "#c0a070", "cream": "#f0e6c8", "yellow": "#e8cc28", "olive": "#7a7a32",
    "green": "#3a9a3c", "dark_green": "#1c4a20", "light_green": "#9ad08a", "teal": "#2a8484", "cyan": "#40c8d8",
    "light_blue": "#90b8e0", "blue": "#2850c0", "dark_blue": "#162860", "purple": "#7034a0", "violet": "#b088d8",
    "magenta": "#c83098",
}  # fmt: skip


def colour_word(lab: NDArray) -> str:
    """The everyday word nearest to an OKLab colour (3,)."""
    names = list(_WORDS)
    known = to_oklab(np.array([linear_of_hex(_WORDS[n]) for n in names]))
    return names[int(np.linalg.norm(known - lab, axis=1).argmin())]
