# SPDX-License-Identifier: Apache-2.0
"""Pictures copied into the package's `textures/`: checked, named for what they are, each kept once."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from pipeline.errors import ImportRefused
from pipeline.importers.package.naming import Names
from pipeline.importers.scene import Image, Scene
from pipeline.sandbox.image import USD_FORMATS, decode, sniff_image

FOLDER = "textures"
#: formats that OpenImageIO reads and USD does not: rewritten as PNG, or as EXR where they hold more than 16 bits
_REWRITTEN = frozenset({"webp", "hdr", "tif", "bmp", "gif", "tga"})
#: bytes of all the pictures of one file
TOTAL_LIMIT = 4 << 30


class Textures:
    """Writes pictures into a package; `files` maps an image's index to its path relative to the layer."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.folder, self.scene = folder, scene
        self.files: dict[int, str] = {}
        self.converted: list[str] = []
        self._by_digest: dict[str, str] = {}
        self._names = Names()
        self._bytes = 0

    def add(self, index: int) -> None:
        """Copy one image in; one that is broken is reported as a loss, not raised."""
        image = self.scene.images[index]
        try:
            content = image.data if image.data is not None else _read(image)
            self._bytes += len(content)
            if self._bytes > TOTAL_LIMIT:
                raise ImportRefused("the pictures of this file together are too big")
            digest = hashlib.sha256(content).hexdigest()
            if digest not in self._by_digest:
                self._by_digest[digest] = self._write(image, content)
            self.files[index] = self._by_digest[digest]
        except ImportRefused as e:
            self.scene.lose(f"image {image.name!r}", "texture", e.message)

    def _write(self, image: Image, content: bytes) -> str:
        kind = sniff_image(content[:16], image.name)
        if kind not in USD_FORMATS | _REWRITTEN:
            raise ImportRefused(f"is {kind or 'no picture that is known'}")
        target = self.folder / FOLDER
        target.mkdir(exist_ok=True)
        name = self._names.take(Path(image.name).stem, "texture")
        original = target / f"{name}.{kind}"
        if kind in USD_FORMATS:
            original.write_bytes(content)
            try:
                decode(original, USD_FORMATS)
            except ImportRefused:
                original.unlink()
                raise
            return f"{FOLDER}/{original.name}"
        return f"{FOLDER}/{self._rewrite(target, name, kind, content)}"

    def _rewrite(self, target: Path, name: str, kind: str, content: bytes) -> str:
        import OpenImageIO

        with tempfile.NamedTemporaryFile(dir=target, suffix=f".{kind}") as scratch:
            scratch.write(content)
            scratch.flush()
            found, pixels = decode(Path(scratch.name), _REWRITTEN)
        extension = "exr" if found["pixel_type"] in ("float", "half") else "png"
        spec = OpenImageIO.ImageSpec(found["width"], found["height"], found["channels"], found["pixel_type"])
        path = target / f"{name}.{extension}"
        out = OpenImageIO.ImageOutput.create(str(path))
        if out is None or not out.open(str(path), spec) or not out.write_image(pixels) or not out.close():
            raise ImportRefused(f"cannot be rewritten as {extension}: {OpenImageIO.geterror()}")
        self.converted.append(f"picture {name}: {kind} to {extension}")
        return path.name


def _read(image: Image) -> bytes:
    if image.path is None:
        raise ImportRefused("has no content")
    return image.path.read_bytes()
