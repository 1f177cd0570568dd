# SPDX-License-Identifier: Apache-2.0
"""Verify: every file against its name, every name against the files; and repair of what a crash left."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from pipeline import progress
from pipeline.errors import GatesError
from pipeline.usd.anchoring import asset_paths, is_local
from pipeline.usd.writing import TEMPORARY
from pipeline.versions.mending import mend_branch, mend_object, mend_stage
from pipeline.versions.objects import LAYERS, digest_of, open_copy
from pipeline.versions.packages import RECEIPT
from pipeline.versions.refs import named
from pipeline.versions.sequences import digest_of_sequence
from pipeline.versions.store import VersionStore
from pipeline.versions.version import ID_LENGTH, Version, read_version

__all__ = ["Problem", "VerifyResult", "verify"]

Kind = Literal["changed", "missing", "dangling", "partial", "unreadable", "pointer"]


class Problem(BaseModel):
    """One thing that is not as it was written.

    Attributes
    ----------
    path
        Relative to the project folder.
    kind
        `changed`: bytes do not have their name. `missing`: named by a version, not there. `dangling`: a layer
        names a file that is not there. `partial`: left by a crash. `unreadable`: no layer that USD can read.
        `pointer`: a branch or tag that names no version.
    versions
        The versions it belongs to.
    repaired
        Whether `--repair` put it right.
    """

    path: str
    kind: Kind
    message: str = ""
    versions: list[str] = []
    repaired: bool = False


class VerifyResult(BaseModel):
    """What was read and what was wrong."""

    files: int = 0
    bytes: int = 0
    problems: list[Problem] = []


def verify(store: VersionStore, repair: bool = False) -> VerifyResult:
    """Read everything; say what is wrong; with `repair`, remove what a crash left and mend pointers."""
    return _Verification(store, repair).run()


@dataclass
class _Verification:
    store: VersionStore
    repair: bool
    result: VerifyResult = field(default_factory=VerifyResult)

    def run(self) -> VerifyResult:
        layout = self.store.layout
        versions = self._versions()
        owners: dict[str, list[str]] = {}
        for version in versions:
            for name in version.stack:
                owners.setdefault(name, []).append(version.id)
        objects = [p for p in _files(layout.objects) if not p.name.startswith(TEMPORARY)]
        for path in progress.track(objects, "verify objects"):
            self._object(path, owners)
        there = {path.name for path in objects}
        for name, ids in owners.items():
            if name not in there:
                mended = self.repair and mend_object(self.store, name)
                self._add(self.store.object_path(name), "missing", "a version needs it", ids, repaired=mended)
        self._packages()
        self._pointers(versions)
        self._partial()
        if self.repair:
            self.store.index.add(versions)
        return self.result

    def _versions(self) -> list[Version]:
        found = []
        for path in progress.track(sorted(self.store.layout.versions.glob("[!.]*.usda")), "verify versions"):
            content = path.read_bytes()
            self._count(len(content))
            if hashlib.sha256(content).hexdigest()[:ID_LENGTH] != path.stem:
                self._add(path, "changed", "this version was changed on disk", [path.stem])
                continue
            found.append(read_version(self.store.layout, path.stem))
        return found

    def _object(self, path: Path, owners: dict[str, list[str]]) -> None:
        self._count(path.stat().st_size)
        ids = owners.get(path.name, [])
        name, *place = path.name.split(".")
        if len(place) > 1 and re.fullmatch(r"[0-9a-f]{64}", name):
            self._sequence(path, name, ids)
        elif digest_of(path) != name:
            mended = self.repair and mend_object(self.store, path.name)
            self._add(path, "changed", "its bytes are not those it was stored with", ids, repaired=mended)
            return
        if path.suffix in LAYERS:
            self._dependencies(path, ids)

    def _sequence(self, path: Path, name: str, ids: list[str]) -> None:
        files = tuple(
            sorted((p.name.split(".", 1)[1].rsplit(".", 1)[0], p) for p in path.parent.glob(f"{name}.*{path.suffix}"))
        )
        if files[0][1] == path and digest_of_sequence(files) != name:
            self._add(path, "changed", "one of these files is not as it was stored", ids)

    def _dependencies(self, path: Path, ids: list[str]) -> None:
        try:
            layer = open_copy(path)
        except GatesError as error:
            self._add(path, "unreadable", str(error), ids)
            return
        for asset in asset_paths(layer):
            target = path.parent / asset.partition("[")[0]
            inside = asset.startswith("../") and self.store.objects.holds(target.resolve())
            if is_local(asset) and inside and not _is_pattern(asset) and not target.exists():
                self._add(path, "dangling", f"it names {asset}, which is not there", ids)

    def _packages(self) -> None:
        """Published files against the digests in their receipts."""
        publish = self.store.layout.publish
        for receipt in sorted(publish.glob(f"*/v*/{RECEIPT}")):
            self._count(receipt.stat().st_size)
            try:
                body = json.loads(receipt.read_text(encoding="utf-8"))
                files, version = body["files"], str(body.get("version", ""))
            except (ValueError, KeyError, TypeError):
                self._add(receipt, "unreadable", "this receipt cannot be read", [])
                continue
            for name, facts in files.items():
                path = receipt.parent / name
                if not path.is_file():
                    self._add(path, "missing", "its package was published with it", [version])
                    continue
                self._count(path.stat().st_size)
                if digest_of(path) != facts.get("sha256"):
                    self._add(path, "changed", "it is not as it was published", [version])

    def _pointers(self, versions: list[Version]) -> None:
        store, known = self.store, {version.id for version in versions}
        for name in store.refs.branches():
            if not self._pointer(store.layout.branch(name), known):
                mended = self.repair and mend_branch(store, name, versions)
                self._add(
                    store.layout.branch(name), "pointer", "it names no version that is there", [], repaired=mended
                )
        for name in store.refs.tags():
            if not self._pointer(store.layout.tag(name), known):
                self._add(store.layout.tag(name), "pointer", "it names no version that is there", [])
        self._stage()

    def _pointer(self, path: Path, known: set[str]) -> bool:
        """Whether a branch or tag names a version that is there."""
        self._count(path.stat().st_size)
        try:
            return named(path) in known
        except GatesError:
            return False

    def _stage(self) -> None:
        """Whether `project.usda` is the layer it was made as, or at least shows a branch."""
        store = self.store
        text = store.layout.stage.read_text(encoding="utf-8", errors="replace")
        self._count(len(text))
        if "branches/${BRANCH}" in text and text.startswith("#usda"):
            return
        branches = store.refs.branches()
        first = "main" if "main" in branches else next(iter(branches), None)
        if self.repair and first:
            mend_stage(store, first)
        self._add(store.layout.stage, "pointer", "it shows no branch", [], repaired=bool(self.repair and first))

    def _partial(self) -> None:
        layout = self.store.layout
        folders = (layout.branches, layout.versions, layout.tags, layout.objects, layout.works, layout.publish)
        for folder in (*folders, layout.root / "scenes"):
            for path in _files(folder):
                if path.name.startswith(TEMPORARY):
                    self._left_over(path)
        for path in layout.root.glob(f"{TEMPORARY}*"):
            self._left_over(path)

    def _left_over(self, path: Path) -> None:
        if self.repair:
            path.unlink(missing_ok=True)
        self._add(path, "partial", "a write that was interrupted", [], repaired=self.repair)

    def _count(self, size: int) -> None:
        self.result.files += 1
        self.result.bytes += size

    def _add(self, path: Path, kind: Kind, message: str, ids: list[str], repaired: bool = False) -> None:
        where = path.relative_to(self.store.layout.root).as_posix()
        self.result.problems.append(Problem(path=where, kind=kind, message=message, versions=ids, repaired=repaired))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file()) if folder.is_dir() else iter(())


def _is_pattern(asset: str) -> bool:
    return "<UDIM>" in asset or "<UVTILE>" in asset or "#" in asset
