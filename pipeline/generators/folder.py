# SPDX-License-Identifier: Apache-2.0
"""Files that lie in a folder, as candidates: from a person, another tool, or an earlier download."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import GeneratorError
from pipeline.generators.base import Candidate, Capability, Request, provenance

FORMATS = ("glb", "gltf", "fbx", "obj", "stl", "ply", "usd", "usda", "usdc", "usdz", "zip")


class FolderGenerator:
    """Takes the files of `options["folder"]["path"]` in the order of their names, from number `seed` on.

    `<file>.json` beside a file may tell its provenance (`licence`, `digital_source_type`, `model`, `prompt`, …).
    """

    name = "folder"

    def capability(self) -> Capability:
        """Files are what they are: nothing of the request changes them."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview"}),
            honours=frozenset({"count", "seed"}),
            formats=FORMATS,
            offline=True,
            deterministic=True,
        )

    def generate(self, request: Request, out: Path) -> list[Candidate]:
        """Copy the chosen files below `out`, each in a folder of its own.

        Raises
        ------
        GeneratorError
            The folder is missing or holds no model.
        """
        given = request.options.get(self.name, {}).get("path")
        if not given:
            raise GeneratorError("the folder generator needs a folder", remedy="set the option folder.path")
        source = Path(str(given))
        if not source.is_dir():
            raise GeneratorError("there is no such folder", path=source, remedy="check the option folder.path")
        files = sorted(
            p
            for p in source.iterdir()
            if p.suffix.lower().lstrip(".") in FORMATS and p.is_file() and not p.is_symlink()
        )
        if not files:
            raise GeneratorError(
                "the folder holds no model", path=source, remedy=f"put files there: {', '.join(FORMATS)}"
            )
        result = []
        for i in range(min(request.count, len(files))):
            number = (request.seed + i) % len(files)
            file = files[number]
            told = _told(file)
            target = out / f"{request.asset}-folder-{number}"
            try:
                target.mkdir(parents=True, exist_ok=True)
                copied = Path(shutil.copyfile(file, target / file.name))
                # textures and buffers that an OBJ or glTF names beside itself
                if file.suffix.lower() in (".obj", ".gltf", ".usda", ".usd", ".usdc"):
                    _beside(source, files, target)
            except OSError as error:
                raise GeneratorError(f"cannot copy: {error.strerror}", path=file, remedy="check permissions") from error
            changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
            record = provenance(
                request,
                source_type=str(told.pop("digital_source_type", "")),
                licence=str(told.pop("licence", "not stated")),
                file=file.name,
                created=changed,
            )
            notes = ["taken as it is: nothing of the prompt, the size or the seed changes a file"]
            if record["licence"] == "not stated":
                notes.append(f"no licence is stated; tell it in {file.name}.json")
            result.append(
                Candidate(
                    file=copied,
                    generator=self.name,
                    model=str(told.pop("model", file.suffix.lstrip(".").lower())),
                    seed=number,
                    label=file.stem,
                    provenance=record | told,
                    notes=notes,
                )
            )
        return result


def _told(file: Path) -> dict[str, Any]:
    beside = file.with_name(f"{file.name}.json")
    if not beside.is_file():
        return {}
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GeneratorError(f"its description cannot be read: {error}", path=beside, remedy="mend the JSON") from error
    return told if isinstance(told, dict) else {}


def _beside(source: Path, models: list[Path], target: Path) -> None:
    known = {".png", ".jpg", ".jpeg", ".webp", ".exr", ".mtl", ".bin", ".ktx2"}
    for path in source.iterdir():
        if path.is_file() and not path.is_symlink() and path.suffix.lower() in known:
            shutil.copyfile(path, target / path.name)
        elif path.is_dir() and path.name.lower() in ("textures", "maps") and not path.is_symlink():
            shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
