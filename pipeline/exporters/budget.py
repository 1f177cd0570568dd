# SPDX-License-Identifier: Apache-2.0
"""The size that a target allows a file: textures shrink until it is kept, or the result says that it is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline import progress
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Loss, Scene

__all__ = ["written_within"]

#: pictures of fewer pixels than this on their longer side are worth less than the bytes they save
_SMALLEST = 256
#: what the longer side is taken for where the target does not limit it
_LARGEST = 4096


def written_within(
    target: Target, scene: Scene, draft: Path, write: Callable[[Target], list[Loss]]
) -> tuple[list[Loss], int]:
    """Write a file; again with smaller textures where it is larger than the target's `budget_kb`.

    The largest size of pictures that fits is kept. Where even the smallest does not fit, the file stays as it was
    written first, and a loss says by how much it is too large.

    Parameters
    ----------
    draft
        The file, alone in a staging folder with what belongs to it.
    write
        Writes it for a target and returns the losses.

    Returns
    -------
    losses, bytes
        Of the file that stays.
    """
    losses = write(target)
    size = draft.stat().st_size
    limit = target.budget_kb * 1024
    if not limit or size <= limit:
        return losses, size
    whole = size
    if any(m.textures for m in scene.materials):
        side = target.textures.max_size or _LARGEST
        steps = [side >> k for k in range(1, 8) if side >> k >= _SMALLEST]
        if steps and _again(target, steps[-1], draft, write)[1] <= limit:
            for step in steps:
                progress.step(f"pictures of {step} pixels")
                losses, size = _again(target, step, draft, write)
                if size <= limit:
                    why = f"pictures have at most {step} pixels a side: {_kb(size)} of {target.budget_kb} KB"
                    return [*losses, Loss(f"/{scene.name}", "size of textures", why)], size
        losses, size = _again(target, target.textures.max_size, draft, write)
    why = f"{_kb(whole)}, {target.name or 'the target'} wants at most {target.budget_kb} KB"
    return [*losses, Loss(f"/{scene.name}", "budget", why)], size


def _again(target: Target, side: int, draft: Path, write: Callable[[Target], list[Loss]]) -> tuple[list[Loss], int]:
    for beside in draft.parent.iterdir():
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink()
    textures = target.textures.model_copy(update={"max_size": side})
    return write(target.model_copy(update={"textures": textures})), draft.stat().st_size


def _kb(size: int) -> str:
    return f"{size / 1024:.0f} KB"
