# SPDX-License-Identifier: Apache-2.0
"""What the sandbox worker does with a file: read it with its format's module and write the package."""

from __future__ import annotations

import base64
import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.importers.package import write_package
from pipeline.importers.scene import Image, Material, Mesh, Node, Primvar, Scene, Source, Texture, basis_of

#: a PNG
_ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#: metres of one unit, by the names that `--units` takes
UNITS = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "km": 1000.0, "in": 0.0254, "ft": 0.3048, "yd": 0.9144}


def convert(
    path: str, module: str, folder: str | None, out: str, units: str | None, up: str | None, name: str
) -> dict[str, Any]:
    """Read and write; returns the fields of `ImportReport` that only the worker knows."""
    source = Source(Path(path), Path(folder) if folder else None)
    reader = importlib.import_module(module)
    if hasattr(reader, "repackage"):  # USD becomes a package without the detour through arrays
        told: dict[str, Any] = reader.repackage(source, Path(out), units=units, up=up, name=name)
        return told
    scene: Scene = reader.read(source)
    units_from = "file" if scene.units_stated else "guess"
    up_from = "file" if scene.up_stated else "guess"
    if units is not None:
        scene.metres_per_unit, units_from = UNITS[units], "option"
    if up is not None:
        scene.basis, up_from = basis_of(up), "option"  # type: ignore[arg-type]
    report = write_package(scene, Path(out), path, name=name)
    return {
        **report,
        "meters_per_unit": scene.metres_per_unit,
        "units_from": units_from,
        "up_axis": up_of(scene),
        "up_from": up_from,
    }


def warm_up() -> None:
    """Write a package of one triangle with a picture, so that tables built at first use are built before forks."""
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    mesh = Mesh("warm", points, np.array([3]), np.arange(3), uvs=[Primvar(points[:, :2], "vertex")], face_material=0)
    material = Material("warm", textures={"diffuseColor": Texture(0)})
    picture = Image("warm", data=base64.b64decode(_ONE_PIXEL))
    scene = Scene([Node("warm", mesh=0)], [mesh], [material], [picture])
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        write_package(scene, Path(folder), "warm")


def up_of(scene: Scene) -> str:
    """The letter of the file's axis that becomes Y."""
    return "XYZ"[int(abs(scene.basis[:, 1]).argmax())]
