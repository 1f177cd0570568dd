# SPDX-License-Identifier: Apache-2.0
"""The textures of an asset: where each is used, how large it is, and a small copy of its pixels."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.subject import Subject
from pipeline.mesh.once import once

if TYPE_CHECKING:
    from pipeline.usd.scene.model import Texture

#: a picture with more decoded bytes than this is refused before anything is decoded
LARGEST = 1 << 30
#: longest side of the small copies, pixels
THUMBNAIL = 512
#: small copies are made of this many pictures at most; the rest are only measured
MOST_DECODED = 64


#: (width, height, channels, bits of a channel), small copy, fault
Decoded = tuple[tuple[int, int, int, int], "NDArray[np.float32] | None", str]


@dataclass(frozen=True)
class Use:
    """A texture on one input of one material."""

    material: str
    input: str
    texture: Texture


class TextureFile:
    """One picture and what it is used for.

    Parameters
    ----------
    path
        The file, or `archive.usdz[inner/path]`; empty where it does not resolve.
    asset
        The path as authored.
    uses
        The inputs that read it.
    decoded
        Whether small copies may be made of it.
    """

    def __init__(self, path: str, asset: str, uses: tuple[Use, ...], decoded: bool = True) -> None:
        self.path = path
        self.asset = asset
        self.uses = uses
        self.decoded = decoded

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return (self.asset or self.path).rstrip("]").replace("\\", "/").rsplit("/", 1)[-1]

    @property
    def prim(self) -> str:
        """The first material that uses it."""
        return self.uses[0].material if self.uses else ""

    @once
    def _read(self) -> Decoded:
        if not self.path:
            return (0, 0, 0, 0), None, "does not resolve"
        try:
            with _on_disk(self.path) as file:
                return _decode(file, self.decoded)
        except Exception as error:  # noqa: BLE001  whatever a decoder does to a broken file is that file's fault
            return (0, 0, 0, 0), None, str(error).strip().split("\n")[0] or type(error).__name__

    @property
    def width(self) -> int:
        """Pixels across; 0 where it cannot be read."""
        return self._read[0][0]

    @property
    def height(self) -> int:
        """Pixels down; 0 where it cannot be read."""
        return self._read[0][1]

    @property
    def channels(self) -> int:
        """How many channels it has."""
        return self._read[0][2]

    @property
    def bits(self) -> int:
        """Bits of a channel's number."""
        return self._read[0][3]

    @property
    def constant(self) -> bool:
        """Whether all pixels are alike: one would do."""
        picture = self.thumbnail
        return picture is not None and bool(np.ptp(picture, axis=(0, 1)).max(initial=0) < 2 / 255)

    @property
    def fault(self) -> str:
        """Why it cannot be used; empty where it can."""
        return self._read[2]

    @property
    def thumbnail(self) -> NDArray[np.float32] | None:
        """(h, w, channels) values as stored, 0-1, row 0 on top; None where it cannot be read."""
        return self._read[1]


def texture_files(subject: Subject) -> tuple[TextureFile, ...]:
    """Every picture of the materials, with all uses of it; UDIM tiles are one each."""
    uses: dict[tuple[str, str], list[Use]] = {}
    for material in subject.materials:
        for name, value in material.inputs.items():
            texture = value.texture
            if texture is None:
                continue
            places = [(p, f"{texture.asset} {tile}") for tile, p in texture.tiles] or [(texture.path, texture.asset)]
            for place in places:
                uses.setdefault(place, []).append(Use(material.path, name, texture))
    missing = [
        TextureFile("", loss.why.removesuffix(" does not resolve"), (), decoded=False)
        for loss in subject.scene.losses
        if loss.what.startswith("texture of ") and "does not resolve" in loss.why
    ]
    return (
        *(TextureFile(p, a, tuple(u), i < MOST_DECODED) for i, ((p, a), u) in enumerate(uses.items())),
        *missing,
    )


@contextlib.contextmanager
def _on_disk(path: str) -> Any:
    """The picture as a file, also from inside a package."""
    if "[" not in path and Path(path).is_file():
        yield path
        return
    from pipeline.usd.scene.textures import read_texture

    with tempfile.TemporaryDirectory(prefix="gates-texture-") as folder:
        file = Path(folder) / ("picture" + Path(path.rstrip("]")).suffix)
        file.write_bytes(read_texture(path))
        yield str(file)


def _decode(file: str, wanted: bool) -> Decoded:
    import OpenImageIO as oiio

    oiio.attribute("limits:imagesize_MB", LARGEST >> 20)
    source = oiio.ImageInput.open(file)
    if source is None:
        return (0, 0, 0, 0), None, _first_line(oiio.geterror()) or "is no picture"
    spec = source.spec()
    source.close()
    size = (int(spec.width), int(spec.height), int(spec.nchannels), 8 * int(spec.format.size()))
    if spec.image_bytes() > LARGEST:
        return size, None, f"would take {spec.image_bytes() >> 20:,} MB decoded"
    if not wanted:
        return size, None, ""
    picture = oiio.ImageBuf(file)
    if not picture.read(0, 0, True, oiio.UINT8 if spec.format == oiio.UINT8 else oiio.FLOAT):
        return size, None, _first_line(picture.geterror()) or "does not decode"
    scale = min(1.0, THUMBNAIL / max(size[:2]))
    small = picture
    if scale < 1:
        roi = oiio.ROI(0, max(1, round(size[0] * scale)), 0, max(1, round(size[1] * scale)), 0, 1, 0, size[2])
        small = oiio.ImageBufAlgo.resize(picture, filtername="box", roi=roi)
    pixels = small.get_pixels(oiio.FLOAT)
    if pixels is None:
        return size, None, _first_line(small.geterror()) or "does not decode"
    return size, np.nan_to_num(np.asarray(pixels, np.float32)), ""


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]
