# SPDX-License-Identifier: Apache-2.0
"""Readers of FBX that are not ours, each in a process of its own.

Blender's native importer (ufbx inside) gives the facts; it is GPL and a program beside ours: an interpreter with
`bpy` named by `GATES_BLENDER_PYTHON`, or `blender` on the path. Assimp's command line is a second opinion on
whether the file can be opened at all. Neither is needed to export.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pipeline.exporters.seam import Reading

__all__ = ["blender_command", "read_fbx"]

_MARK = "FBX-FACTS "
_SECONDS = 900
_FACTS = (
    "version", "triangles", "materials", "textures", "drawn_uv_sets", "drawn_blend_shapes", "joints", "clips",
    "cameras", "lights",
)  # fmt: skip
#: what assimp's summary calls the same things
_ASSIMP = {"Animations": "clips", "Cameras": "cameras", "Lights": "lights"}


def blender_command() -> list[str] | None:
    """The command that runs a Python script with Blender, or None."""
    named = os.environ.get("GATES_BLENDER_PYTHON")
    if named:
        return [named] if Path(named).exists() else None
    found = os.environ.get("GATES_BLENDER") or shutil.which("blender")
    return [found, "--background", "--factory-startup", "--python"] if found else None


def read_fbx(path: Path) -> Reading:
    """What foreign readers find in a file."""
    readers: list[str] = []
    unavailable: list[str] = []
    problems: list[str] = []
    facts: dict[str, Any] = {}
    command = blender_command()
    if command is None:
        unavailable.append("Blender (set GATES_BLENDER_PYTHON to a Python that has bpy)")
    else:
        facts, problem = _blender(command, path)
        readers.append(f"Blender {facts.pop('version', '')}".strip())
        if problem:
            problems.append(problem)
    assimp = shutil.which("assimp")
    if assimp is None:
        unavailable.append("assimp (Debian: assimp-utils)")
    else:
        readers.append("assimp")
        problem = _assimp(assimp, path, facts)
        if problem:
            problems.append(problem)
    return Reading(" + ".join(readers), facts, problems, unavailable)


def _blender(command: list[str], path: Path) -> tuple[dict[str, Any], str]:
    script = Path(__file__).with_name("blender_facts.py")
    words = [*command, str(script), *(["--"] if len(command) > 1 else []), str(path.resolve())]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return {}, f"Blender did not finish reading it in {_SECONDS} seconds"
    except OSError as e:
        return {}, f"Blender does not start: {e.strerror}"
    line = next((s for s in reversed(done.stdout.splitlines()) if s.startswith(_MARK)), None)
    if line is None:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        return {}, f"Blender cannot read it: {' '.join(last)[:300] or f'exit {done.returncode}'}"
    found = json.loads(line[len(_MARK) :])
    problem = ""
    if found["textures_loaded"] < found["textures"]:
        problem = f"Blender finds {found['textures']} textures and can load {found['textures_loaded']}"
    facts = {k: found[k] for k in _FACTS}
    facts["bounds_m"] = found["bounds_posed_m"]
    facts["polygons_only"] = facts["mends"] = True
    facts["has_textures"] = found["textures"] > 0
    facts["has_skins"] = found["skins"] > 0
    return facts, problem


def _assimp(assimp: str, path: Path, facts: dict[str, Any]) -> str:
    try:
        done = subprocess.run(
            [assimp, "info", str(path), "-s"],
            capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"assimp did not finish reading it in {_SECONDS} seconds"
    except OSError as e:
        return f"assimp does not start: {e.strerror}"
    counts = {
        key.strip(): value.split()[0]
        for key, _, value in (line.partition(":") for line in done.stdout.splitlines())
        if value.strip() and value.split()[0].isdigit()
    }
    if "Nodes" not in counts:
        if not facts.get("triangles", 1):  # a file without meshes is incomplete to assimp, which then says nothing
            return ""
        lines = (done.stdout + done.stderr).strip().splitlines()
        if any("No meshes remaining" in line for line in lines):
            return ""  # it read the file, and left out faces without area
        last = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        return f"assimp cannot read it: {' '.join(last)[:300] or f'exit {done.returncode}'}"
    for theirs, ours in _ASSIMP.items():
        count = int(counts.get(theirs, 0))
        if facts.setdefault(ours, count) != count:
            return f"assimp finds {count} {ours}, Blender {facts[ours]}"
    return ""
