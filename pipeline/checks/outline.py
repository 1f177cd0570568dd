# SPDX-License-Identifier: Apache-2.0
"""Outlines of pictures and of views, brought to one frame so that they can be laid over each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: pixels of the frame's side
SIDE = 96


def fitted(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(SIDE, SIDE) the filled pixels scaled to fill the frame, proportions kept, centred."""
    result = np.zeros((SIDE, SIDE), bool)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return result
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = max(cut.shape) / SIDE
    height, width = (max(1, round(s / scale)) for s in cut.shape)
    y = ((np.arange(height) + 0.5) * cut.shape[0] / height).astype(int).clip(0, cut.shape[0] - 1)
    x = ((np.arange(width) + 0.5) * cut.shape[1] / width).astype(int).clip(0, cut.shape[1] - 1)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    result[top : top + height, left : left + width] = cut[np.ix_(y, x)]
    return result


def outline_of(picture: Path) -> NDArray[np.bool_] | None:
    """The object in a picture: by its alpha, else by a border of one colour; None where neither is there."""
    pixels = _pixels(picture)
    if pixels is None:
        return None
    if pixels.shape[2] in (2, 4) and pixels[:, :, -1].min() < 0.5 < pixels[:, :, -1].max():
        return fitted(pixels[:, :, -1] > 0.5)
    colour = pixels[:, :, :3] if pixels.shape[2] >= 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    border = np.concatenate([colour[0], colour[-1], colour[:, 0], colour[:, -1]])
    ground = np.median(border, axis=0)
    away = np.linalg.norm(border - ground, axis=1)
    if np.percentile(away, 90) > 0.1:
        return None  # no plain background: an outline would be guessed
    differs = np.linalg.norm(colour - ground, axis=2) > max(0.1, 3 * float(np.percentile(away, 90)))
    return fitted(_without_holes(_largest(differs)))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected region, and all that is at least a tenth of it."""
    from scipy.ndimage import label

    region, count = label(mask)
    if count == 0:
        return mask
    size = np.bincount(region.reshape(-1))
    size[0] = 0
    kept = size >= 0.1 * size.max()
    result: NDArray[np.bool_] = kept[region] & mask
    return result


def _without_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Small specks of the background's colour inside the object belong to it; real holes stay."""
    from scipy.ndimage import label

    region, _ = label(~mask)
    size = np.bincount(region.reshape(-1))
    small = size < 0.002 * mask.size
    result: NDArray[np.bool_] = mask | small[region]
    return result


def _pixels(picture: Path) -> NDArray[np.float32] | None:
    from pipeline.checks.textures import TextureFile

    return TextureFile(str(picture), picture.name, ()).thumbnail
