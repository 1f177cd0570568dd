# SPDX-License-Identifier: Apache-2.0
"""The textures of an asset: where each is used, how large it is, and a small copy of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.decoding import Decoded, decode
from pipeline.checks.subject import Subject
from pipeline.mesh.once import once

if TYPE_CHECKING:
    from pipeline.usd.scene.model import Texture

#: small copies are made of this many pictures at most; the rest are only measured
MOST_DECODED = 64


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
        self.among = Pictures((self,))

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
            return Decoded(fault="does not resolve")
        return self.among.of(self)

    @property
    def width(self) -> int:
        """Pixels across; 0 where it cannot be read."""
        return self._read.width

    @property
    def height(self) -> int:
        """Pixels down; 0 where it cannot be read."""
        return self._read.height

    @property
    def channels(self) -> int:
        """How many channels it has."""
        return self._read.channels

    @property
    def bits(self) -> int:
        """Bits of a channel's number."""
        return self._read.bits

    @property
    def constant(self) -> bool:
        """Whether all pixels are alike: one would do."""
        picture = self.thumbnail
        return picture is not None and bool(np.ptp(picture, axis=(0, 1)).max(initial=0) < 2 / 255)

    @property
    def fault(self) -> str:
        """Why it cannot be used; empty where it can."""
        return self._read.fault

    @property
    def thumbnail(self) -> NDArray[np.float32] | None:
        """(h, w, channels) values as stored, 0-1, row 0 on top; None where it cannot be read."""
        return self._read.thumbnail


class Pictures:
    """Pictures that are read together, when one of them is first asked about.

    Parameters
    ----------
    files
        Those with a path are read.
    """

    def __init__(self, files: Sequence[TextureFile]) -> None:
        self.files = files

    @once
    def read(self) -> dict[int, Decoded]:
        """What each is, by the file's `id`."""
        known = [f for f in self.files if f.path]
        read = decode([f.path for f in known], [f.decoded for f in known])
        return {id(f): r for f, r in zip(known, read, strict=True)}

    def of(self, file: TextureFile) -> Decoded:
        """What one of them is."""
        return self.read[id(file)]


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
    files = (
        *(TextureFile(p, a, tuple(u), i < MOST_DECODED) for i, ((p, a), u) in enumerate(uses.items())),
        *missing,
    )
    together = Pictures(files)
    for file in files:
        file.among = together
    return files
