# SPDX-License-Identifier: Apache-2.0
"""A version: an immutable layer that lists a stack, and says who made it when, why and from what.

`versions/<id>.usda` is itself a stage. Its name is a hash over its own text: stack, parents, author, time and
message.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pxr import Sdf, Vt
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import UnknownRef, VersionError
from pipeline.usd.anchoring import relative
from pipeline.usd.clock import now
from pipeline.usd.writing import replace_text
from pipeline.versions.layout import Layout

__all__ = ["ROOT_FIELDS", "Version", "compose_version", "read_version", "root_metadata", "write_version"]

#: metadata that counts on a root layer only, and is therefore repeated on every layer that may be one
ROOT_FIELDS = (
    "defaultPrim",
    "upAxis",
    "metersPerUnit",
    "kilogramsPerUnit",
    "timeCodesPerSecond",
    "framesPerSecond",
    "startTimeCode",
    "endTimeCode",
    "colorConfiguration",
    "colorManagementSystem",
    "renderSettingsPrimPath",
)
ID_LENGTH = 40


class Version(BaseModel):
    """One commit.

    Attributes
    ----------
    id
        First 40 hex digits of the SHA-256 of the version layer.
    stack
        File names in `objects/`, strongest first.
    source
        SHA-256 of the work layer that became this version; empty for merges and the first version.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    parents: tuple[str, ...] = ()
    branch: str = "main"
    author: str = ""
    time: str = ""
    message: str = ""
    stack: tuple[str, ...] = ()
    source: str = Field(default="", repr=False)
    bytes: int = Field(default=0, repr=False)


def root_metadata(layer: Sdf.Layer) -> dict[str, Any]:
    """The root metadata a layer authors."""
    root = layer.pseudoRoot
    return {name: root.GetInfo(name) for name in ROOT_FIELDS if root.HasInfo(name)}


def set_root_metadata(layer: Sdf.Layer, values: dict[str, Any]) -> None:
    """Author root metadata on a layer."""
    for name, value in values.items():
        layer.pseudoRoot.SetInfo(name, value)


def compose_version(
    stack: list[str],
    metadata: dict[str, Any],
    *,
    parents: list[str],
    branch: str,
    author: str,
    message: str,
    time: str | None = None,
    source: str = "",
    size: int = 0,
    renames: tuple[str, ...] = (),
) -> tuple[Version, str]:
    """A version and the text of its layer."""
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, metadata)
    when = time or now("microseconds")
    layer.customLayerData = {
        "author": author,
        "branch": branch,
        "bytes": str(size),
        "message": message,
        "parents": Vt.StringArray(parents),
        "source": source,
        "time": when,
    }
    if renames:
        layer.customLayerData = {**layer.customLayerData, "renames": Vt.StringArray(renames)}
    layer.subLayerPaths = [f"../objects/{name[:2]}/{name}" for name in stack]
    text = layer.ExportToString()
    identifier = hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
    version = Version(
        id=identifier,
        parents=tuple(parents),
        branch=branch,
        author=author,
        time=when,
        message=message,
        stack=tuple(stack),
        source=source,
        bytes=size,
    )
    return version, text


def write_version(layout: Layout, version: Version, text: str) -> None:
    """Put a version's layer on the disk; its objects must be there already."""
    target = layout.version(version.id)
    if not target.exists():
        replace_text(target, text, 0o444)


def read_version(layout: Layout, identifier: str) -> Version:
    """A version from its layer.

    Raises
    ------
    UnknownRef
        There is none.
    VersionError
        The file is not a version layer.
    """
    layer = open_version(layout, identifier)
    facts = layer.customLayerData
    return Version(
        id=identifier,
        parents=tuple(facts.get("parents", ())),
        branch=facts.get("branch", ""),
        author=facts.get("author", ""),
        time=facts.get("time", ""),
        message=facts.get("message", ""),
        stack=tuple(Path(p).name for p in layer.subLayerPaths),
        source=facts.get("source", ""),
        bytes=int(facts.get("bytes", "0")),
    )


def open_version(layout: Layout, identifier: str) -> Sdf.Layer:
    """The layer of a version, shared with nobody and without its stack."""
    from pxr import Tf

    path = layout.version(identifier)
    if not path.exists():
        raise UnknownRef(f"there is no version {identifier}", path=path, remedy="see `gates log` for those there are")
    try:
        return Sdf.Layer.OpenAsAnonymous(str(path))
    except Tf.ErrorException as error:
        raise VersionError(
            "this version's layer cannot be read", path=path, remedy="run `gates verify` and restore the file"
        ) from error


def pointer_text(layout: Layout, folder: Path, identifier: str, facts: dict[str, Any] | None = None) -> str:
    """The text of a layer in `folder` that shows one version: a branch or a tag."""
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, root_metadata(open_version(layout, identifier)))
    if facts:
        layer.customLayerData = facts
    layer.subLayerPaths = [relative(layout.version(identifier), folder)]
    text: str = layer.ExportToString()
    return text
