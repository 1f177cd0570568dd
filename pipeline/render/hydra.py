# SPDX-License-Identifier: Apache-2.0
"""The studio's own Hydra renderer through `usdrecord`, with our camera and light rig laid on top of the stage.

The delegate is chosen by `GATES_HYDRA_RENDERER` (for instance `Arnold`, `RenderMan`, `Storm`).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdLux

from pipeline.errors import RenderError
from pipeline.render import colour, picture
from pipeline.render.backend import Job
from pipeline.render.camera import Camera
from pipeline.render.draft.tracing import World
from pipeline.render.lamps import Array, Lamp
from pipeline.render.layers import traced_layers
from pipeline.render.setting import Frame

_RIG = "/GatesRender"


class HydraSession:
    """Calls usdrecord once for each picture."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.delegate = os.environ.get("GATES_HYDRA_RENDERER", "")
        self.name = f"hydra {self.delegate}".strip()
        self.notes: list[tuple[str, str, str]] = [
            ("", "seamless floor", "usdrecord draws the stage and the lights, without our floor and backdrop")
        ]
        self.folder = tempfile.TemporaryDirectory(prefix="gates-hydra-")

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture; `layers` are traced here, because every delegate names its own."""
        folder = Path(self.folder.name)
        source, out = folder / "shot.usda", folder / "shot.png"
        author(self.job, camera.for_aspect(width / height), source)
        command = ["usdrecord", "--camera", f"{_RIG}/Camera", "--imageWidth", str(width)]
        command += ["--renderer", self.delegate] if self.delegate else []
        if self.job.time is not None:
            command += ["--frames", f"{self.job.time:g}"]
        try:
            done = subprocess.run([*command, str(source), str(out)], capture_output=True, text=True, check=False)
        except OSError as error:
            raise RenderError(
                f"usdrecord does not start: {error}", remedy="check PATH, or use --renderer draft"
            ) from error
        if done.returncode or not out.exists():
            raise RenderError(
                f"usdrecord failed: {done.stderr.strip()[-300:] or done.returncode}", remedy="use --renderer draft"
            )
        pixels = picture.rgb_or_rgba(picture.read(out))
        if pixels.shape[:2] != (height, width):
            pixels = picture.resize(pixels, width, height)
        alpha = pixels[..., 3:4] if pixels.shape[2] == 4 else np.ones((height, width, 1), np.float32)
        linear = colour.to_linear(pixels[..., :3]) * alpha
        if self.job.setting.backdrop is not None:
            linear = linear + (1 - alpha) * np.asarray(self.job.setting.backdrop)
            alpha = np.ones_like(alpha)
        named: dict[str, Array] = {}
        if layers:
            drawing = self.job.drawing
            named = traced_layers(World(drawing, None), drawing, camera, width, height)
        return Frame(np.concatenate([linear, alpha], axis=2).astype(np.float32), named)

    def close(self) -> None:
        """Remove the stages that were handed over."""
        self.folder.cleanup()


def author(job: Job, camera: Camera, path: Path) -> None:
    """A stage that holds the stage, the camera and, where a rig lights the picture, its lamps.

    The camera is in the stage's own units and axes.
    """
    flat = path.with_suffix(".usdc")
    stage = job.stage
    if not flat.exists():
        stage.Export(str(flat))
    shot = Usd.Stage.CreateNew(str(path))
    shot.GetRootLayer().subLayerPaths = [f"./{flat.name}"]
    scale = UsdGeom.GetStageMetersPerUnit(stage)
    UsdGeom.SetStageMetersPerUnit(shot, scale)
    UsdGeom.SetStageUpAxis(shot, UsdGeom.GetStageUpAxis(stage))
    upright = UsdGeom.GetStageUpAxis(stage) != UsdGeom.Tokens.z
    root = UsdGeom.Xform.Define(shot, _RIG)
    if not upright:
        root.AddRotateXOp().Set(90.0)
    root.AddScaleOp().Set(Gf.Vec3f(1 / scale))
    prim = UsdGeom.Camera.Define(shot, f"{_RIG}/Camera")
    prim.AddTransformOp().Set(Gf.Matrix4d(camera.matrix.tolist()))
    left, right, bottom, top = camera.window
    lens = 50.0
    unit = lens if not camera.orthographic else 10.0 / scale
    prim.CreateFocalLengthAttr(lens)
    prim.CreateHorizontalApertureAttr((right - left) * unit)
    prim.CreateVerticalApertureAttr((top - bottom) * unit)
    prim.CreateClippingRangeAttr(Gf.Vec2f(camera.near / scale, camera.far / scale))
    prim.CreateProjectionAttr("orthographic" if camera.orthographic else "perspective")
    if job.setting.lamps is not job.drawing.lamps:
        for lamp in job.drawing.lamps:
            authored = shot.OverridePrim(lamp.path)
            UsdGeom.Imageable(authored).CreateVisibilityAttr("invisible")
        for i, lamp in enumerate(job.setting.lamps):
            _lamp(shot, f"{_RIG}/Lamp{i}", lamp, path.parent, scale)
    if job.prims:
        shot.SetEditTarget(shot.GetRootLayer())
        _only(shot, job.prims)
    shot.GetRootLayer().Save()


def _lamp(shot: Usd.Stage, path: str, lamp: Lamp, folder: Path, scale: float) -> None:
    kinds = {
        "distant": UsdLux.DistantLight, "sphere": UsdLux.SphereLight, "rect": UsdLux.RectLight,
        "disk": UsdLux.DiskLight, "cylinder": UsdLux.CylinderLight, "dome": UsdLux.DomeLight,
    }  # fmt: skip
    light = kinds[lamp.kind].Define(shot, path)
    matrix: Array = np.eye(4)
    matrix[:3, :3], matrix[3, :3] = lamp.axes, lamp.position
    light.AddTransformOp().Set(Gf.Matrix4d(matrix.tolist()))
    strength = float(max(lamp.radiance.max(), 1e-9))
    light.CreateColorAttr(Gf.Vec3f(*(float(v) for v in lamp.radiance / strength)))
    light.CreateIntensityAttr(strength)
    if lamp.kind == "rect":
        light.CreateWidthAttr(lamp.size[0])
        light.CreateHeightAttr(lamp.size[1])
    elif lamp.kind in {"sphere", "disk"}:
        light.CreateRadiusAttr(lamp.size[0])
    elif lamp.kind == "cylinder":
        light.CreateRadiusAttr(lamp.size[0])
        light.CreateLengthAttr(lamp.size[1])
    elif lamp.kind == "distant":
        light.CreateAngleAttr(float(np.degrees(lamp.size[0])))
        light.CreateNormalizeAttr(True)
    elif lamp.picture is not None:
        file = picture.write(folder / f"{path.rsplit('/', 1)[-1]}.exr", lamp.picture)
        light.CreateTextureFileAttr(f"./{file.name}")


def _only(shot: Usd.Stage, prims: tuple[str, ...]) -> None:
    """Hide what was not asked for."""
    for prim in shot.Traverse():
        path = str(prim.GetPath())
        inside = any(path == p or path.startswith(f"{p}/") or p.startswith(f"{path}/") for p in prims)
        if not inside and not path.startswith(_RIG) and UsdGeom.Imageable(prim):
            UsdGeom.Imageable(prim).CreateVisibilityAttr("invisible")
