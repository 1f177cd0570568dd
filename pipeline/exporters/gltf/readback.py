# SPDX-License-Identifier: Apache-2.0
"""Read a written glTF with readers that are not ours: the Khronos validator (through node) and trimesh.

Both run at the same time. Neither looks inside EXT_mesh_gpu_instancing or meshopt data: `unpacked` decodes what
is compressed with meshoptimizer's own decoder and checks it against the document.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.exporters.seam import Reading

__all__ = ["node_tools", "read_back"]

_SCRIPT = Path(__file__).with_name("validate.js")
#: what the validator may say of a sound file: tangents are left to the client
_ALLOWED = {"MESH_PRIMITIVE_GENERATED_TANGENT_SPACE"}
_SECONDS = 300


def node_tools() -> Path | None:
    """The folder whose `node_modules` has gltf-validator: GATES_NODE_TOOLS, or what NODE_PATH names."""
    named = os.environ.get("GATES_NODE_TOOLS")
    candidates = [Path(named) / "node_modules"] if named else []
    candidates += [Path(p) for p in os.environ.get("NODE_PATH", "").split(os.pathsep) if p]
    for folder in candidates:
        if (folder / "gltf-validator").is_dir() and shutil.which("node"):
            return folder
    return None


def read_back(path: Path) -> Reading:
    """What foreign readers find in a `.glb` or `.gltf`."""
    reading = Reading("")
    validator = _start_validator(path)
    if validator is None:
        reading.unavailable.append("gltf-validator (npm): set GATES_NODE_TOOLS to the folder of its node_modules")
    document = _document(path)
    readers = []
    required = set(document.get("extensionsRequired", ()))
    if "EXT_meshopt_compression" in required:
        readers.append(_unpacked(path, document, reading))
    elif not any(n.get("extensions", {}).get("EXT_mesh_gpu_instancing") for n in document.get("nodes", ())):
        readers.append(_trimesh(path, document, reading))
    if validator is not None:
        readers.append(_finish_validator(validator, reading))
    elif not readers:
        readers.append(_trimesh(path, document, reading, whole=False))
    reading.reader = " + ".join(r for r in readers if r)
    return reading


def _start_validator(path: Path) -> subprocess.Popen[str] | None:
    folder = node_tools()
    if folder is None:
        return None
    return subprocess.Popen(
        [str(shutil.which("node")), str(_SCRIPT), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "NODE_PATH": str(folder)},
    )


def _finish_validator(process: subprocess.Popen[str], reading: Reading) -> str:
    try:
        out, err = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        reading.problems.append(f"the Khronos validator did not answer within {_SECONDS} s")
        return "gltf-validator"
    try:
        report = json.loads(out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        reading.problems.append(f"the Khronos validator failed: {err.strip()[-200:]}")
        return "gltf-validator"
    if "failure" in report:
        reading.problems.append(f"the Khronos validator refuses the file: {report['failure']}")
        return "gltf-validator"
    for issue in report["issues"]:
        if issue["code"] not in _ALLOWED:
            reading.problems.append(f"{issue['code']}: {issue['message']} ({issue.get('pointer', '')})")
    info = report["info"]
    reading.facts.setdefault("materials", info["materialCount"])
    reading.facts.setdefault("clips", info["animationCount"])
    reading.facts.setdefault("has_textures", info["hasTextures"])
    reading.facts.setdefault("has_skins", info["hasSkins"])
    return f"gltf-validator {report['version']}"


def _document(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        head = file.read(20)
        if head[:4] != b"glTF":
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        (length,) = struct.unpack_from("<I", head, 12)
        found = json.loads(file.read(length))
        return found


def _trimesh(path: Path, document: dict[str, Any], reading: Reading, *, whole: bool = True) -> str:
    """Triangles and bounds as trimesh draws them."""
    import trimesh

    name = f"trimesh {trimesh.__version__}"
    if not document.get("meshes"):
        return name
    try:
        scene: Any = trimesh.load(path, force="scene", process=False, skip_materials=True)
        triangles = 0
        # collision hulls are no part of what the stage draws
        scene.delete_geometry(
            {
                edge["geometry"]
                for edge in scene.graph.transforms.edge_data.values()
                if "collision" in (edge.get("metadata") or {})
            }
        )
        for node in scene.graph.nodes_geometry:
            shape = scene.geometry[scene.graph[node][1]]
            triangles += len(shape.faces) if hasattr(shape, "faces") else 0
        box = scene.bounds
    except Exception as error:  # noqa: BLE001  whatever the foreign reader raises is its verdict
        reading.problems.append(f"trimesh refuses the file: {type(error).__name__}: {error}")
        return name
    if whole:
        reading.facts["triangles"] = triangles
        if box is not None and "KHR_mesh_quantization" not in document.get("extensionsRequired", ()):
            reading.facts["unposed_bounds_m"] = np.asarray(box).tolist()
    return name


def _unpacked(path: Path, document: dict[str, Any], reading: Reading) -> str:
    """Decode every compressed bufferView and hold it against its accessors."""
    from pipeline.exporters.gltf.quantize import decoded_views

    name = "meshoptimizer's decoder"
    triangles = 0
    try:
        views = decoded_views(path, document)
    except (ValueError, RuntimeError) as error:
        reading.problems.append(f"compressed data does not unpack: {error}")
        return name
    for number, accessor in enumerate(document.get("accessors", ())):
        view = views.get(accessor.get("bufferView", -1))
        if view is None:
            continue
        if len(view) < accessor["count"]:
            reading.problems.append(f"accessor {number} counts {accessor['count']}, its data {len(view)}")
    uses: dict[int, int] = {}
    for node in _shown(document):
        if "mesh" in node and "collision" not in node.get("extras", {}):
            instanced = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
            count = 1
            if instanced:
                count = document["accessors"][next(iter(instanced["attributes"].values()))]["count"]
            uses[node["mesh"]] = uses.get(node["mesh"], 0) + count
    for mesh, count in uses.items():
        for primitive in document["meshes"][mesh]["primitives"]:
            if primitive.get("mode", 4) != 4:
                continue
            indices = primitive["indices"]
            accessor = document["accessors"][indices]
            triangles += count * accessor["count"] // 3
            view = views.get(accessor["bufferView"])
            vertices = document["accessors"][primitive["attributes"]["POSITION"]]["count"]
            if view is not None and len(view) and int(view.max()) >= vertices:
                reading.problems.append(f"mesh {mesh} names vertex {int(view.max())} of {vertices}")
    reading.facts["triangles"] = triangles
    return name


def _shown(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of the scene; coarser levels of detail hang on nothing."""
    nodes = document.get("nodes", [])
    left = [k for scene in document.get("scenes", ()) for k in scene.get("nodes", ())]
    found = []
    while left:
        node = nodes[left.pop()]
        found.append(node)
        left += node.get("children", ())
    return found
