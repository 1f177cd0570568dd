# SPDX-License-Identifier: Apache-2.0
"""Pictures as Video objects and their uses as Texture objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.errors import GatesError
from pipeline.exporters.baking import Picture, as_it_is, baked, delivered, picture_of
from pipeline.usd.scene import Texture
from pipeline.usd.scene.report import Report

from .document import Document
from .options import FbxOptions
from .properties import enum, properties, string, switch, vector
from .records import RecordWriter, f64, i32, i64, named, text

__all__ = ["TextureLibrary"]


@dataclass(frozen=True, slots=True)
class _Video:
    id: int
    file: str


class TextureLibrary:
    """Each picture once, each use of it once."""

    def __init__(self, document: Document, options: FbxOptions, folder: str, report: Report) -> None:
        self.document = document
        self.options = options
        self.folder = folder  # relative, where pictures are said to lie: `<stem>.fbm`
        self.report = report
        self.copies: dict[str, bytes] = {}  # relative path to bytes, for textures="copy"
        self._videos: dict[str, _Video] = {}  # by digest
        self._pictures: dict[tuple[object, ...], _Video | None] = {}
        self._textures: dict[tuple[object, ...], int] = {}
        self._names: set[str] = set()
        self.bytes = 0

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self._videos)

    def use(self, texture: Texture, slot: str, material: str) -> int | None:
        """The id of the Texture object for one input of one material; None where the picture cannot be had."""
        path = texture.path
        if not path:
            self.report.lose(material, f"texture of {slot}", f"{texture.asset!r} does not resolve")
            return None
        video = self._picture(texture, path, slot, material)
        if video is None:
            return None
        key = (video.id, texture.uv_set, texture.wrap_s, texture.wrap_t, texture.transform)
        if key not in self._textures:
            self._textures[key] = self._texture(texture, video, material, slot)
        return self._textures[key]

    # ------------------------------------------------------------------ pictures

    def _picture(self, texture: Texture, path: str, slot: str, material: str) -> _Video | None:
        as_is = as_it_is(texture, slot)
        key: tuple[object, ...] = (path,) if as_is else (path, slot, texture.channel, texture.scale, texture.bias)
        if key in self._pictures:
            return self._pictures[key]
        made: _Video | None = None
        try:
            picture = picture_of(path) if as_is else self._prepared(path, texture, slot, material)
            made = self._video(delivered(picture, self.options.max_texture, self.options.texture_format))
        except GatesError as e:
            self.report.lose(material, f"texture of {slot}", e.message)
        self._pictures[key] = made
        return made

    def _prepared(self, path: str, texture: Texture, slot: str, material: str) -> Picture:
        if self.options.packed == "keep" and texture.scale == (1.0, 1.0, 1.0, 1.0) and not any(texture.bias):
            self.report.lose(
                material,
                f"channel {texture.channel} of {slot}",
                "FBX cannot name a channel; the packed picture is connected as it is",
            )
            return picture_of(path)
        return baked(path, texture, slot)

    def _video(self, picture: Picture) -> _Video:
        digest = hashlib.blake2b(picture.data, digest_size=16).hexdigest()
        if digest in self._videos:
            return self._videos[digest]
        prefix = self.options.texture_prefix
        name = self._unique(picture.name if picture.name.startswith(prefix) else prefix + picture.name)
        file = f"{self.folder}/{name}"
        video = _Video(self.document.id(), file)
        embed = self.options.textures == "embed"
        self.bytes += len(picture.data)
        if not embed:
            self.copies[file] = picture.data

        def emit(w: RecordWriter) -> None:
            with w.nest(b"Video", i64(video.id), named(PurePosixPath(name).stem, "Video"), text("Clip")):
                w.leaf(b"Type", text("Clip"))
                properties(w, [string("Path", file), string("RelPath", file)])
                w.leaf(b"UseMipMap", i32(0))
                w.leaf(b"Filename", text(file))
                w.leaf(b"RelativeFilename", text(file))
                if embed:
                    w.binary(b"Content", picture.data)

        self.document.add("Video", emit)
        self._videos[digest] = video
        return video

    def _unique(self, name: str) -> str:
        name = name.replace("/", "_").replace("\\", "_") or "texture.png"
        path = PurePosixPath(name)
        n = 1
        while name.lower() in self._names:
            n += 1
            name = f"{path.stem}_{n}{path.suffix}"
        self._names.add(name.lower())
        return name

    # ------------------------------------------------------------------ uses

    def _texture(self, texture: Texture, video: _Video, material: str, slot: str) -> int:
        texture_id = self.document.id()
        clamp = {"clamp": 1, "black": 1}
        if "mirror" in (texture.wrap_s, texture.wrap_t):
            self.report.lose(material, f"mirrored repetition of {slot}", "FBX repeats or clamps; it repeats")
        if "black" in (texture.wrap_s, texture.wrap_t):
            self.report.lose(material, f"black border of {slot}", "FBX repeats or clamps; it clamps")
        name = PurePosixPath(video.file).stem
        records = [
            enum("CurrentTextureBlendMode", 0),
            string("UVSet", texture.uv_set),
            switch("UseMaterial", True),
            enum("WrapModeU", clamp.get(texture.wrap_s, 0)),
            enum("WrapModeV", clamp.get(texture.wrap_t, 0)),
        ]
        if texture.transform is not None:
            t = texture.transform
            records += [
                vector("Translation", (*t.translation, 0.0), animatable=True),
                vector("Rotation", (0.0, 0.0, t.rotation), animatable=True),
                vector("Scaling", (*t.scale, 1.0), animatable=True),
            ]

        def emit(w: RecordWriter) -> None:
            with w.nest(b"Texture", i64(texture_id), named(name, "Texture"), text("")):
                w.leaf(b"Type", text("TextureVideoClip"))
                w.leaf(b"Version", i32(202))
                w.leaf(b"TextureName", named(name, "Texture"))
                properties(w, records)
                w.leaf(b"Media", named(name, "Video"))
                w.leaf(b"FileName", text(video.file))
                w.leaf(b"RelativeFilename", text(video.file))
                w.leaf(b"ModelUVTranslation", *_two(0.0))
                w.leaf(b"ModelUVScaling", *_two(1.0))
                w.leaf(b"Texture_Alpha_Source", text("None"))
                w.leaf(b"Cropping", i32(0), i32(0), i32(0), i32(0))

        self.document.add("Texture", emit)
        self.document.connect(video.id, texture_id)
        return texture_id


def _two(value: float) -> tuple[bytes, bytes]:
    return f64(value), f64(value)
