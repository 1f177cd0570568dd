# SPDX-License-Identifier: Apache-2.0
"""Frames joined to a GIF (OpenImageIO) or an MP4 (imageio-ffmpeg, where installed)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from pipeline.errors import MissingDependency, RenderError
from pipeline.render import picture

_PAPER = np.full(3, 0.16, np.float32)


def join(frames: Sequence[Path], out: Path, fps: float = 24.0) -> Path:
    """One movie of all frames, by suffix `.gif` or `.mp4`.

    Raises
    ------
    pipeline.errors.MissingDependency
        MP4 without imageio-ffmpeg.
    pipeline.errors.RenderError
        It could not be written.
    """
    return _mp4(frames, out, fps) if out.suffix.lower() == ".mp4" else _gif(frames, out, fps)


def _gif(frames: Sequence[Path], out: Path, fps: float) -> Path:
    with picture.whole_file(out) as temporary:
        file: Any = oiio.ImageOutput.create(str(temporary))
        specs = []
        for path in frames:
            height, width = picture.read(path).shape[:2]
            spec = oiio.ImageSpec(width, height, 3, "uint8")
            # players refuse more than fifty
            spec.attribute("FramesPerSecond", "rational2i", (round(min(fps, 50.0) * 100), 100))
            specs.append(spec)
        good = file is not None and file.open(str(temporary), specs)
        for i, path in enumerate(frames):
            if i and good:
                good = file.open(str(temporary), specs[i], "AppendSubimage")
            pixels = picture.over(picture.rgb_or_rgba(picture.read(path)), _PAPER)
            good = good and file.write_image(np.ascontiguousarray(pixels))
        if not (good and file.close()):
            raise RenderError(f"the GIF could not be written: {file.geterror() if file else ''}", path=out)
    return out


def _mp4(frames: Sequence[Path], out: Path, fps: float) -> Path:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise MissingDependency(
            "an MP4 needs ffmpeg", path=out, remedy="pip install imageio-ffmpeg, or write a .gif"
        ) from error
    first = picture.over(picture.rgb_or_rgba(picture.read(frames[0])), _PAPER)
    height, width = (side // 2 * 2 for side in first.shape[:2])
    with picture.whole_file(out) as temporary:
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{width}x{height}", "-r", str(fps), "-i", "-", "-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p",
            "-crf", "18", str(temporary),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            try:
                for path in frames:
                    pixels = picture.over(picture.rgb_or_rgba(picture.read(path)), _PAPER)[:height, :width]
                    process.stdin.write((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8).tobytes())
            except BrokenPipeError:
                pass  # what ffmpeg says is reported below
            process.stdin.close()
            message = process.stderr.read().decode(errors="replace")
        if process.returncode:
            raise RenderError(f"ffmpeg failed: {message.strip()[-300:]}", path=out)
    return out
