# SPDX-License-Identifier: Apache-2.0
"""The object store: immutable files named by the SHA-256 of their bytes.

`objects/<aa>/<sha256>.<ext>` keeps the extension, because USD knows a format by it. A layer is stored after
everything it names, with its asset paths rewritten to the stored files, so equal content has one name and a
stored layer opens wherever the project folder lies.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pxr import Sdf

from pipeline.errors import StageError
from pipeline.usd.anchoring import is_local, relative, rewrite_asset_paths
from pipeline.usd.materialx import is_materialx, read_materialx, rewrite_materialx
from pipeline.usd.reasons import reason
from pipeline.usd.writing import export, settle, temporary
from pipeline.versions.layout import Layout
from pipeline.versions.published import package_of_entry
from pipeline.versions.sequences import Sequence, find_sequence, store_sequence

__all__ = ["ObjectStore", "digest_of"]

LAYERS = {".usd", ".usda", ".usdc"}


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _there(target: Path) -> bool:
    """Whether an object is there; its time says that it was asked for again, so that no collector takes it now."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    except OSError:  # another user's file, or a read-only place
        return target.exists()
    return True


@dataclass(frozen=True)
class ObjectStore:
    """The objects of one project."""

    layout: Layout

    def path(self, digest: str, extension: str) -> Path:
        """Where the object with that digest lies; `extension` with its dot."""
        return self.layout.objects / digest[:2] / f"{digest}{extension}"

    def holds(self, path: Path) -> bool:
        """Whether a path lies inside the store."""
        return path.is_relative_to(self.layout.objects)

    def add_bytes(self, content: bytes, extension: str) -> Path:
        """Store bytes; returns the absolute path of the object."""
        target = self.path(hashlib.sha256(content).hexdigest(), extension)
        if not _there(target):
            with temporary(target) as partial:
                partial.write_bytes(content)
                settle(partial, target, 0o444)
        return target

    def add_file(self, path: str | os.PathLike[str]) -> Path:
        """Store a copy of a file as it is; returns the absolute path of the object.

        A path with `<UDIM>` in it stands for all its tiles, and so does what is returned.

        Raises
        ------
        StageError
            It is no regular file.
        """
        source = Path(path).absolute()
        if self.holds(source):
            return source
        if not source.is_file():
            tiles = find_sequence(source)
            if tiles is not None:
                return store_sequence(self.layout.objects, tiles)
            raise StageError("there is no such file", path=source, remedy="check the path")
        # hashed from our own copy: the source may change while it is read
        with temporary(self.layout.objects / f"incoming{source.suffix.lower()}") as partial:
            shutil.copyfile(source, partial)
            target = self.path(digest_of(partial), source.suffix.lower())
            if not _there(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                settle(partial, target, 0o444)
        return target

    def add_layer(self, path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> Path:
        """Store a layer with all local files it depends on; returns the absolute path of the object.

        Sublayers, references, payloads, clips and textures, inside variants too, are stored first and the
        paths rewritten. What is not there stays as it was written. Same input, same objects.

        Parameters
        ----------
        within
            The folder that files may be taken from; for layers from outside, whose paths may point anywhere.

        Raises
        ------
        StageError
            The layer cannot be read, layers name each other in a circle, or a file lies outside `within`.
        """
        folder = Path(within).resolve() if within is not None else None
        return _Intake(self, folder).layer(Path(path).absolute())

    def freeze(self, layer: Sdf.Layer, folder: Path) -> None:
        """Rewrite paths written for `folder` as those of a stored object, storing what they name."""
        _Intake(self).rewrite(layer, folder)

    def add_content(self, layer: Sdf.Layer, extension: str = ".usda") -> Path:
        """Store a layer in memory whose paths are those of a stored object already."""
        if extension == ".usda":
            return self.add_bytes(layer.ExportToString().encode(), extension)
        with temporary(self.layout.objects / f"incoming{extension}") as partial:
            export(layer, partial)
            target = self.path(digest_of(partial), extension)
            if not _there(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                settle(partial, target, 0o444)
        return target


@dataclass
class _Intake:
    """One call that stores a layer and its dependencies."""

    store: ObjectStore
    within: Path | None = None
    done: dict[Path, Path] = field(default_factory=dict)
    open: list[Path] = field(default_factory=list)

    def layer(self, source: Path) -> Path:
        source = Path(os.path.normpath(source))
        if source in self.done:
            return self.done[source]
        if self._immutable(source):
            return source
        if source.suffix.lower() not in LAYERS:  # a package, or another format: it holds all it needs
            return self.file(source)
        layer = open_copy(source)
        self.open.append(source)
        self.rewrite(layer, source.parent)
        self.open.pop()
        extension = ".usdc" if source.suffix.lower() != ".usda" else ".usda"
        self.done[source] = self.store.add_content(layer, extension)
        return self.done[source]

    def rewrite(self, layer: Sdf.Layer, folder: Path) -> None:
        """Point paths written for `folder` at stored files, as seen from any `objects/<aa>/`."""
        here = self.store.layout.objects / "__"  # no digest begins so: one in the same folder would lose its ../aa/
        arcs = set(layer.GetCompositionAssetDependencies())
        rewrite_asset_paths(layer, lambda asset: self._moved(asset, folder, here, asset in arcs))

    def _moved(self, asset: str, folder: Path, here: Path, arc: bool) -> str:
        """What a stored file calls what a file in `folder` calls `asset`; `arc` where that is brought in."""
        if not is_local(asset):
            return asset
        outer, bracket, inner = asset.partition("[")
        target = Path(os.path.normpath(folder / outer))
        if target in self.open:
            self._refuse_circle(target, arc)
            return asset
        sequence = find_sequence(target)
        if sequence:
            return relative(self._sequence(sequence), here) + bracket + inner
        if not target.is_file():
            anchored = asset.startswith(".")
            return relative(target, here) + bracket + inner if anchored else asset
        return relative(self.file(target), here) + bracket + inner

    def materialx(self, source: Path) -> Path:
        """Store a MaterialX document with the files that it names; one that is no XML as it is."""
        try:
            document = read_materialx(source)
        except StageError:
            return self.store.add_file(source)
        here = self.store.layout.objects / "__"
        self.open.append(source)
        text = rewrite_materialx(document, lambda name: self._moved(name, source.parent, here, arc=True))
        self.open.pop()
        return self.store.add_bytes(text, ".mtlx") if text else self.store.add_file(source)

    def file(self, target: Path) -> Path:
        if self._immutable(target):
            return target
        pinned = self._pinned(target)
        if pinned:
            return pinned
        self._refuse_outside(target)
        if target.suffix.lower() in LAYERS:
            return self.layer(target)
        if target not in self.done:
            self.done[target] = self.materialx(target) if is_materialx(target) else self.store.add_file(target)
        return self.done[target]

    def _refuse_outside(self, target: Path) -> None:
        if self.within and not target.resolve().is_relative_to(self.within):
            raise StageError(
                f"this layer names a file outside {self.within}",
                path=target,
                remedy="gather what it needs in one folder first",
            )

    def _refuse_circle(self, target: Path, arc: bool) -> None:
        """A layer that brings itself in cannot be named by its content; one that mentions itself can."""
        if arc:
            circle = " → ".join(p.name for p in [*self.open[self.open.index(target) :], target])
            raise StageError(
                f"layers name each other in a circle: {circle}", path=target, remedy="cut one of these arcs"
            )

    def _sequence(self, sequence: Sequence) -> Path:
        if self.store.holds(sequence.pattern):
            return sequence.pattern
        return store_sequence(self.store.layout.objects, sequence)

    def _immutable(self, target: Path) -> bool:
        """Whether a file never changes: an object, a version, a tag's version or a published package."""
        layout = self.store.layout
        if target.is_relative_to(layout.objects) or target.is_relative_to(layout.versions):
            return True
        if not target.is_relative_to(layout.publish):
            return False
        parts = target.relative_to(layout.publish).parts
        return len(parts) > 2 and parts[1][:1] == "v" and parts[1][1:].isdigit()

    def _pinned(self, target: Path) -> Path | None:
        """The published package that an entry layer stands for now."""
        publish = self.store.layout.publish
        if not target.is_relative_to(publish) or len(target.relative_to(publish).parts) != 2:
            return None
        return package_of_entry(target)


def open_copy(path: Path) -> Sdf.Layer:
    """A layer's content, read from the disk now and shared with nobody.

    Raises
    ------
    StageError
        It is no layer that USD can read.
    """
    from pxr import Tf

    try:
        layer = Sdf.Layer.OpenAsAnonymous(str(path))
    except Tf.ErrorException as error:
        raise StageError(f"this layer cannot be read: {reason(error)}", path=path, remedy="check the file") from error
    if not layer:
        raise StageError("there is no layer here", path=path, remedy="check the path")
    return layer
