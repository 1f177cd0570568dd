# SPDX-License-Identifier: Apache-2.0
"""The pictures of a glTF document: each once, as it is where that may be, else decoded and written again."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from pipeline.errors import GatesError
from pipeline.exporters.gltf.container import Document
from pipeline.exporters.pictures import (
    MIME,
    Pixels,
    decode,
    encode,
    kind_of,
    plain_png,
    resized,
    sound_png,
)
from pipeline.exporters.targets import Textures
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.textures import inner_name, read_texture

__all__ = ["Images"]

_WRAPS = {"repeat": 10497, "mirror": 33648, "clamp": 33071, "black": 33071}
_SUFFIX = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class Images:
    """Adds pictures, samplers and textures to a document.

    Attributes
    ----------
    files
        With `embed` off: `(image number, file name, bytes)` of what is written beside the document.
    """

    def __init__(self, document: Document, settings: Textures, report: Report, *, embed: bool) -> None:
        self.document, self.settings, self.report, self.embed = document, settings, report, embed
        self.files: list[tuple[int, str, bytes]] = []
        self._images: dict[Hashable, int | None] = {}
        self._textures: dict[tuple[int, str, str], int] = {}
        self._samplers: dict[tuple[str, str], int] = {}
        self._names: set[str] = set()
        self._webp: set[int] = set()

    def plain(self, path: str, prim: str, *, color: bool) -> int | None:
        """A picture as it is; decoded only where the format, its size or its metadata demand it."""
        key = ("plain", path, color and not path.lower().endswith((".png", ".jpg", ".jpeg")))
        if key not in self._images:
            self._images[key] = self._guarded(path, prim, lambda: self._plain(path, color))
        return self._images[key]

    def made(self, key: Hashable, name: str, prim: str, make: Callable[[], Pixels]) -> int | None:
        """A picture that `make` puts together, once for each key."""
        if key not in self._images:
            self._images[key] = self._guarded(name, prim, lambda: self._add_pixels(make(), name))
        return self._images[key]

    def texture(self, image: int, wrap_s: str, wrap_t: str) -> int:
        """A texture of a picture with its wrapping."""
        wraps = (wrap_s if wrap_s in _WRAPS else "repeat", wrap_t if wrap_t in _WRAPS else "repeat")
        key = (image, *wraps)
        if key not in self._textures:
            sampler = self._sampler(*wraps)
            item: dict[str, object] = {"sampler": sampler}
            if image in self._webp:
                item["extensions"] = {"EXT_texture_webp": {"source": image}}
            else:
                item["source"] = image
            self._textures[key] = self.document.add("textures", item)
        return self._textures[key]

    def _sampler(self, wrap_s: str, wrap_t: str) -> int:
        if (wrap_s, wrap_t) not in self._samplers:
            item = {"magFilter": 9729, "minFilter": 9987, "wrapS": _WRAPS[wrap_s], "wrapT": _WRAPS[wrap_t]}
            self._samplers[wrap_s, wrap_t] = self.document.add("samplers", item)
        return self._samplers[wrap_s, wrap_t]

    def _guarded(self, path: str, prim: str, make: Callable[[], int]) -> int | None:
        try:
            return make()
        except GatesError as error:
            self.report.lose(prim, f"texture {inner_name(path)}", error.message)
        except (OSError, ValueError, MemoryError) as error:
            self.report.lose(prim, f"texture {inner_name(path)}", str(error))
        return None

    def _plain(self, path: str, color: bool) -> int:
        data = read_texture(path)
        kind = kind_of(data)
        wanted = self.settings.format
        keep = kind in {"png", "jpeg"} and (wanted in {"keep", kind})
        if keep and (kind != "png" or sound_png(data)) and self._fits(data, kind):
            return self._add_bytes(plain_png(data) if kind == "png" else data, kind, inner_name(path))
        return self._add_pixels(decode(path, color=color), inner_name(path))

    def _fits(self, data: bytes, kind: str) -> bool:
        """Whether the size is within the budget and the pixels are of a kind that every viewer opens."""
        if kind == "png":
            size = max(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        else:
            found = _jpeg_frame(data)
            if found is None or found[2] not in (1, 3):
                return False
            size = max(found[:2])
        return not self.settings.max_size or size <= self.settings.max_size

    def _add_pixels(self, pixels: Pixels, name: str) -> int:
        most = self.settings.max_size
        height, width = pixels.shape[:2]
        if most and max(height, width) > most:
            share = most / max(height, width)
            pixels = resized(pixels, max(1, round(width * share)), max(1, round(height * share)))
        wanted = self.settings.format
        alpha = pixels.shape[2] in (2, 4)
        if alpha and bool((pixels[..., -1] == 255).all()):
            pixels, alpha = pixels[..., :-1], False
        if wanted == "webp" and pixels.shape[2] in (3, 4):
            return self._add_bytes(encode(pixels, "webp"), "webp", name)
        if wanted == "jpeg" and not alpha:
            return self._add_bytes(encode(pixels, "jpeg", 92), "jpeg", name)
        return self._add_bytes(encode(pixels, "png"), "png", name)

    def _add_bytes(self, data: bytes, kind: str, name: str) -> int:
        stem = name.rsplit(".", 1)[0] or "texture"
        item: dict[str, object] = {"name": stem, "mimeType": MIME[kind]}
        if self.embed:
            view = self.document.view(data)
            for number, image in enumerate(self.document.json.get("images", ())):
                if image.get("bufferView") == view:
                    return number
            item["bufferView"] = view
        else:
            for number, _, other in self.files:
                if other == data:
                    return number
        number = self.document.add("images", item)
        if not self.embed:
            del item["mimeType"]
            file = f"{stem}.{_SUFFIX[kind]}"
            for again in range(2, 10_000):
                if file.lower() not in self._names:
                    break
                file = f"{stem}_{again}.{_SUFFIX[kind]}"
            self._names.add(file.lower())
            self.files.append((number, file, data))
        if kind == "webp":
            self._webp.add(number)
            self.document.use("EXT_texture_webp", required=True)
        return number


def _jpeg_frame(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG."""
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (
                int.from_bytes(data[at + 7 : at + 9], "big"),
                int.from_bytes(data[at + 5 : at + 7], "big"),
                data[at + 9],
            )
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
