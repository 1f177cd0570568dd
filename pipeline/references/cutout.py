# SPDX-License-Identifier: Apache-2.0
"""A picture without its background: the same pixels with an alpha channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import GeneratorError
from pipeline.references.foreground import Foreground, find_foreground
from pipeline.references.pictures import read_picture
from pipeline.references.png import write_png

#: pixels of a cut-out's longer side at most; services take no more than 4096
LARGEST = 2048


@dataclass(frozen=True)
class CutOut:
    """A picture that was written.

    Attributes
    ----------
    found
        What was taken for the object, with the engine and the doubts.
    """

    file: Path
    found: Foreground


def cut_out(picture: Path, out: Path, engine: str = "auto") -> CutOut:
    """Write a picture with its background transparent; same picture, same bytes.

    The outline is found on a reduced picture and brought to full size with a soft edge.

    Raises
    ------
    GeneratorError
        Nothing stands out from the background.
    UsageError, MissingDependency
        See `find_foreground`.
    """
    found = find_foreground(picture, engine, side=320)
    if not found.mask.any():
        raise GeneratorError(
            "the background cannot be removed: nothing stands out from it",
            path=picture,
            remedy="give the picture on an even background or with an alpha channel"
            + (", or install OpenCV: pip install 'sevengates[cutout]'" if found.engine == "" else ""),
        )
    colour, alpha = read_picture(picture, LARGEST)
    soft = alpha if found.engine == "alpha" else np.minimum(alpha, _enlarged(found.mask, alpha.shape))
    pixels = np.concatenate([colour, soft[..., None]], axis=2)
    pixels[soft == 0, :3] = 0
    write_png(out, np.round(pixels * 255).astype(np.uint8))
    return CutOut(out, found)


def _enlarged(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The mask at another size, its edge a pixel or two wide instead of in steps."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    height, width = shape[:2]
    y = (np.arange(height) + 0.5) * mask.shape[0] / height - 0.5
    x = (np.arange(width) + 0.5) * mask.shape[1] / width - 0.5
    smooth = gaussian_filter(mask.astype(float), 0.7)
    values = map_coordinates(smooth, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
    # a step of one reduced pixel becomes an edge of about two pixels of the picture
    steep = max(height / mask.shape[0], 1.0) / 2 + 0.5
    result: np.ndarray = np.clip((values - 0.5) * steep + 0.5, 0, 1)
    return result
