# SPDX-License-Identifier: Apache-2.0
"""Pictures measured and made small in a worker process with limits: decoders meet what anybody may have written.

One worker reads all pictures of an asset. Where it dies, each picture gets a worker of its own, so that only the one
that is at fault is lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import sandbox
from pipeline.errors import GatesError, SandboxLimit

sandbox.prepare("pipeline.checks.decoding", "OpenImageIO")

MB = 1 << 20
#: a picture with more decoded bytes than this is refused before anything is decoded
LARGEST = 1 << 30
#: longest side of the small copies, pixels
THUMBNAIL = 512


@dataclass(frozen=True)
class Decoded:
    """What a picture is.

    Attributes
    ----------
    width, height, channels, bits
        Pixels, channels, bits of a channel's number; zero where it cannot be read.
    thumbnail : (h, w, channels) float32, optional
        A small copy, values as stored, row 0 on top.
    fault
        Why it cannot be used; empty where it can.
    """

    width: int = 0
    height: int = 0
    channels: int = 0
    bits: int = 0
    thumbnail: NDArray[np.float32] | None = None
    fault: str = ""


def decode(paths: Sequence[str], wanted: Sequence[bool]) -> list[Decoded]:
    """Measure pictures, and make small copies of those that are wanted.

    Parameters
    ----------
    paths
        Files, or pictures inside packages as USD names them.
    wanted
        For each, whether a small copy is made.
    """
    with tempfile.TemporaryDirectory(prefix="gates-textures-") as name:
        folder = Path(name)
        result: list[Decoded | None] = [None] * len(paths)
        files: dict[int, Path] = {}
        for i, path in enumerate(paths):
            try:
                files[i] = _on_disk(path, folder / f"{i}")
            except (GatesError, OSError) as error:
                result[i] = Decoded(fault=_first_line(getattr(error, "message", "") or str(error)))
        try:
            told = _in_worker(files, wanted, folder)
        except SandboxLimit:
            told = {}
            for i, file in files.items():
                try:
                    told.update(_in_worker({i: file}, wanted, folder))
                except GatesError as error:
                    told[i] = {"fault": _first_line(getattr(error, "message", "") or str(error))}
        for i, facts in told.items():
            small = facts.pop("small", "")
            picture = np.load(folder / small, allow_pickle=False) if small else None
            result[i] = Decoded(**facts, thumbnail=picture)
        return [r or Decoded(fault="cannot be read") for r in result]


def _in_worker(files: dict[int, Path], wanted: Sequence[bool], folder: Path) -> dict[int, dict[str, Any]]:
    if not files:
        return {}
    jobs = [[i, str(file.resolve()), bool(wanted[i])] for i, file in files.items()]
    ran = sandbox.run(
        "pipeline.checks.decoding:small_copies", {"jobs": jobs, "folder": str(folder)},
        read=[file.resolve() for file in files.values()], write=[folder],
        limits=sandbox.Limits(memory=4096 * MB, cpu=60 + 2 * len(jobs), wall=120.0 + 4 * len(jobs)),
    )  # fmt: skip
    return {int(i): facts for i, facts in ran.result.items()}


def _on_disk(path: str, spare: Path) -> Path:
    """The picture as a file, also from inside a package."""
    if "[" not in path and Path(path).exists():
        sandbox.refuse_irregular(Path(path))
        return Path(path)
    from pipeline.usd.scene.textures import read_texture

    file = spare.with_suffix(Path(path.rstrip("]")).suffix)
    file.write_bytes(read_texture(path))
    return file


def small_copies(jobs: list[list[Any]], folder: str) -> dict[str, dict[str, Any]]:
    """The part of `decode` that runs in the worker."""
    result = {}
    for number, file, wanted in jobs:
        try:
            result[str(number)] = _read(file, wanted, Path(folder) / f"{number}.npy")
        except MemoryError:
            result[str(number)] = {"fault": "takes too much memory to decode"}
        except Exception as error:  # noqa: BLE001  whatever a decoder does to a broken file is that file's fault
            result[str(number)] = {"fault": _first_line(str(error)) or type(error).__name__}
    return result


def _read(file: str, wanted: bool, out: Path) -> dict[str, Any]:
    import OpenImageIO as oiio

    oiio.attribute("limits:imagesize_MB", LARGEST >> 20)
    oiio.attribute("threads", 1)
    source = oiio.ImageInput.open(file)
    if source is None:
        return {"fault": _first_line(oiio.geterror()) or "is no picture"}
    spec = source.spec()
    source.close()
    width, height, channels = int(spec.width), int(spec.height), int(spec.nchannels)
    size = {"width": width, "height": height, "channels": channels, "bits": 8 * int(spec.format.size())}
    if spec.image_bytes() > LARGEST:
        return {**size, "fault": f"would take {spec.image_bytes() >> 20:,} MB decoded"}
    if not wanted:
        return size
    picture = oiio.ImageBuf(file)
    if not picture.read(0, 0, True, oiio.UINT8 if spec.format == oiio.UINT8 else oiio.FLOAT):
        return {**size, "fault": _first_line(picture.geterror()) or "does not decode"}
    scale = min(1.0, THUMBNAIL / max(width, height))
    small = picture
    if scale < 1:
        roi = oiio.ROI(0, max(1, round(width * scale)), 0, max(1, round(height * scale)), 0, 1, 0, channels)
        small = oiio.ImageBufAlgo.resize(picture, filtername="box", roi=roi)
    pixels = small.get_pixels(oiio.FLOAT)
    if pixels is None:
        return {**size, "fault": _first_line(small.geterror()) or "does not decode"}
    np.save(out, np.nan_to_num(np.asarray(pixels, np.float32)), allow_pickle=False)
    return {**size, "small": out.name}


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]
