# SPDX-License-Identifier: Apache-2.0
"""Cycles in a process of its own, for studios that have Blender; nothing of it is imported here.

`GATES_BLENDER_PYTHON` names a Python interpreter that can import `bpy`. The process gets arrays, not USD, because
Blender's own USD importer drops domes and changes lights.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import RenderError
from pipeline.render import picture
from pipeline.render.camera import Camera
from pipeline.render.draft.domes import Dome
from pipeline.render.drawing import Drawing
from pipeline.render.layers import traced_layers
from pipeline.render.setting import Frame, Setting

SAMPLES = {"draft": 4, "review": 16, "final": 96}
_SCRIPT = Path(__file__).with_name("blender_process.py")


def interpreter() -> str | None:
    """The Python with Blender, where one was named and is there."""
    found = os.environ.get("GATES_BLENDER_PYTHON")
    return found if found and Path(found).exists() else None


class BlenderSession:
    """A Blender process that holds one scene and draws it for each camera it is told."""

    def __init__(self, drawing: Drawing, setting: Setting, quality: str = "review", samples: int = 0) -> None:
        program = interpreter()
        if program is None:
            raise RenderError("no Python with Blender was named", remedy="set GATES_BLENDER_PYTHON")
        self.drawing, self.setting = drawing, setting
        self.notes: list[tuple[str, str, str]] = []
        self.folder = tempfile.TemporaryDirectory(prefix="gates-blender-")
        folder = Path(self.folder.name)
        scene = write_scene(drawing, setting, folder, samples or SAMPLES[quality])
        (folder / "scene.json").write_text(json.dumps(scene), encoding="utf-8")
        self.process = subprocess.Popen(
            [program, str(_SCRIPT), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.name = f"blender {self._answer()['version']} cycles"

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture; with `layers` depth, normals and ids as well."""
        camera = camera.for_aspect(width / height)
        out = Path(self.folder.name) / "frame.exr"
        told = {
            "matrix": camera.matrix.T.tolist(), "window": camera.window, "orthographic": camera.orthographic,
            "near": camera.near, "far": camera.far, "width": width, "height": height, "out": str(out),
            "focus": camera.focus, "lens_radius": camera.lens_radius,
        }  # fmt: skip
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(told) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        self._answer()
        pixels = picture.read(out)
        colour, alpha = pixels[..., :3], pixels[..., 3:4]
        if self.setting.backdrop is not None:
            from pipeline.render.mitsuba.backdrop import Backdrop

            colour = colour + (1 - alpha) * np.asarray(self.setting.backdrop, np.float32)
            if not hasattr(self, "_backdrop"):
                self._backdrop = Backdrop(self.drawing, self.setting)
            colour, alpha = self._backdrop.mended(colour, camera), np.ones_like(alpha)
        named: dict[str, Any] = {}
        if layers:
            from pipeline.render.draft.tracing import World

            named = traced_layers(World(self.drawing, self.setting.floor), self.drawing, camera, width, height)
        return Frame(np.concatenate([colour, alpha], axis=2), named)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("GATES "):
                answer: dict[str, Any] = json.loads(line[6:])
                return answer
        assert self.process.stderr is not None
        words = self.process.stderr.read().strip().splitlines()
        raise RenderError(
            f"Blender died: {words[-1][-300:] if words else self.process.wait()}", remedy="use --renderer draft"
        )

    def close(self) -> None:
        """End the process."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(30)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        self.folder.cleanup()

    def __del__(self) -> None:
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.terminate()


def write_scene(drawing: Drawing, setting: Setting, folder: Path, samples: int) -> dict[str, Any]:
    """Arrays and pictures into a folder, and what is to be made of them."""
    written: dict[int, str] = {}

    def image(pixels: Any) -> str:
        if id(pixels) not in written:
            name = f"picture{len(written)}.exr"
            picture.write(folder / name, pixels if pixels.shape[2] >= 3 else np.repeat(pixels, 3, axis=2))
            written[id(pixels)] = name
        return written[id(pixels)]

    arrays: dict[str, Any] = {}
    shapes = []
    for i, shape in enumerate(drawing.shapes):
        arrays |= {f"p{i}": shape.points, f"t{i}": shape.triangles, f"m{i}": shape.matrices.transpose(0, 2, 1)}
        if shape.normals is not None:
            arrays[f"n{i}"] = shape.normals
        for name, uv in shape.uvs.items():
            arrays[f"u{i}_{name}"] = uv
        if shape.colour is not None:
            arrays[f"c{i}"] = shape.colour
        shapes.append({"surface": shape.surface, "uvs": list(shape.uvs), "colour": shape.colour is not None})
    surfaces = []
    for surface in drawing.surfaces:
        maps = {
            n: {"file": image(m.pixels), "uv": m.uv_set, "affine": m.affine.tolist(), "wrap": m.wrap}
            for n, m in surface.maps.items()
        }
        surfaces.append({"values": surface.values, "maps": maps, "tinted": bool(surface.primvar)})
    lamps = [
        {
            "kind": lamp.kind, "axes": lamp.axes.T.tolist(), "position": lamp.position.tolist(), "size": lamp.size,
            "radiance": lamp.radiance.tolist(), "area": lamp.area,
            "picture": image(Dome(lamp).sharp) if lamp.kind == "dome" and lamp.picture is not None else None,
        }
        for lamp in setting.lamps
    ]  # fmt: skip
    floor = None
    if setting.floor is not None and setting.backdrop is not None:
        albedo = np.asarray(setting.floor.albedo.transpose(1, 0, 2), np.float32)
        floor = {
            "centre": setting.floor.centre.tolist(), "radius": setting.floor.outer, "albedo": image(albedo),
        }  # fmt: skip
    np.savez(folder / "arrays.npz", **arrays)
    film = not setting.show_dome
    return {"shapes": shapes, "surfaces": surfaces, "lamps": lamps, "floor": floor, "samples": samples, "film": film}
