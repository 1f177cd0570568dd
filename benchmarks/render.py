# SPDX-License-Identifier: Apache-2.0
"""Turntables against Mitsuba alone and Blender Cycles, drafts, ten thousand instances.

    python benchmarks/render.py STAGE [--variant SET=NAME] [--frames 36] [--cycles-frames 6]

Prints CPU seconds a frame (of this process and its children, because a shared machine's clock lies), the error
against a converged picture of the same scene by the same renderer (RMSE of linear values clipped to 0..1), ratios,
and peak memory. Cycles is drawn with rising numbers of samples until its error is Mitsuba's; its seconds at that very
error are read off between the two nearest, both on logarithmic scales. Without a stage: one of textured balls.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.render import framing
from pipeline.render.backends import BACKENDS
from pipeline.render.picturing import Options, draw, opened, read
from pipeline.usd.scene import open_stage

SIZE = 512


def cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def process_cpu(pid: int) -> float:
    """CPU seconds of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.clip(a, 0, 1)[..., :3] - np.clip(b, 0, 1)[..., :3]) ** 2)))


def options(quality: str, variants: dict[str, str]) -> Options:
    return Options((SIZE, SIZE), quality, (), variants, ("default", "render"), None, "studio", 0, "srgb", 0.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", nargs="?")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--frames", type=int, default=36)
    parser.add_argument("--cycles-frames", type=int, default=6)
    parser.add_argument("--converged", type=int, default=256, help="samples of the reference picture")
    parser.add_argument("--skip", default="", help="whole,cycles,draft,instances")
    told = parser.parse_args()
    variants = dict(v.split("=", 1) for v in told.variant)
    folder = Path(tempfile.mkdtemp())
    stage = open_stage(told.stage) if told.stage else balls()
    found = None
    if "whole" not in told.skip and BACKENDS["mitsuba"].missing() is None:
        found = whole(stage, variants, told.frames, told.converged, folder)
    if "cycles" not in told.skip and BACKENDS["blender"].missing() is None:
        measured = cycles(stage, variants, told.cycles_frames, told.converged, folder, found)
        if found is not None:
            seconds = at_error(measured, found[1])
            print(
                f"Cycles at error {found[1]:.4f}: {seconds:.2f} CPU s a frame; "
                f"ratio {seconds / found[0]:.2f} (goal 1.9)"
            )
    if "draft" not in told.skip:
        drafts(stage, variants, folder)
    if "instances" not in told.skip:
        instances(folder)
    print(f"peak memory of this process: {peak():.0f} MB")


def balls() -> object:
    """Nine glossy and metal balls on a plinth, when no stage was named."""
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    UsdGeom.SetStageUpAxis(stage, "Y")
    for i in range(9):
        ball = UsdGeom.Sphere.Define(stage, f"/World/ball{i}")
        ball.CreateRadiusAttr(0.45)
        ball.AddTranslateOp().Set(Gf.Vec3d(i % 3 - 1, 0.45, i // 3 - 1))
        material = UsdShade.Material.Define(stage, f"/World/mtl/m{i}")
        shader = UsdShade.Shader.Define(stage, f"/World/mtl/m{i}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        tint = Gf.Vec3f(0.2 + 0.3 * (i % 3), 0.4, 0.8 - 0.3 * (i // 3))
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(tint)
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.1 + 0.1 * i)
        shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(float(i % 2))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        UsdShade.MaterialBindingAPI.Apply(ball.GetPrim()).Bind(material)
    return stage


def at_error(measured: list[tuple[float, float]], error: float) -> float:
    """Seconds at which an engine has this error, between the measured (seconds, error) on logarithmic scales."""
    rising = sorted(measured, key=lambda m: m[1])
    return float(np.exp(np.interp(np.log(error), [np.log(m[1]) for m in rising], [np.log(m[0]) for m in rising])))


def whole(
    stage: object, variants: dict[str, str], frames: int, converged_samples: int, folder: Path
) -> tuple[float, float]:
    """The whole path (read, translate, draw, denoise, develop, write) against Mitsuba's own part of it."""
    chosen = options("review", variants)
    begun = cpu()
    scene, drawing = read(stage, chosen, None)
    session, _, _ = opened(stage, scene, drawing, chosen, BACKENDS["mitsuba"], None)
    cameras = framing.orbit(drawing.bounds, frames)
    draw(session, cameras[0], folder / "warm.png", drawing, chosen)
    start = cpu() - begun
    begun = cpu()
    for i, camera in enumerate(cameras):
        draw(session, camera, folder / f"{i}.png", drawing, chosen)
    ours = (cpu() - begun) / frames
    import mitsuba as mi
    import mitsuba_oidn

    from pipeline.render.mitsuba.session import sensor_of

    begun = cpu()
    for i, camera in enumerate(cameras):
        sensor = mi.load_dict(sensor_of(mi, camera, SIZE, SIZE))
        pixels = np.array(
            mi.render(session.scene, sensor=sensor, integrator=session.integrator, spp=session.samples, seed=1)
        )
        guides = np.array(
            mi.render(session.scene, sensor=sensor, integrator=session.guides, spp=session.samples, seed=1)
        )
        parts = [np.ascontiguousarray(p, np.float32) for p in (pixels[..., :3], guides[..., -6:-3], guides[..., -3:])]
        clean = mitsuba_oidn.denoise(parts[0], np.clip(parts[1], 0, 1), parts[2], hdr=True)
        mi.util.write_bitmap(str(folder / f"m{i}.png"), np.asarray(clean), write_async=False)
    alone = (cpu() - begun) / frames
    camera = cameras[0]
    usual, session.samples = session.samples, converged_samples
    converged = session.draw(camera, SIZE, SIZE).colour
    session.samples = usual
    error = rmse(session.draw(camera, SIZE, SIZE).colour, converged)
    session.close()
    print(f"mitsuba, whole path: {ours:.2f} CPU s a frame, start {start:.1f} CPU s once, error {error:.4f}")
    print(f"mitsuba alone:       {alone:.2f} CPU s a frame; ratio {ours / alone:.2f} (goal 1.2)")
    print(f"{frames} frames with start: {start + ours * frames:.1f} CPU s")
    return ours, error


def cycles(
    stage: object, variants: dict[str, str], frames: int, converged_samples: int, folder: Path,
    found: tuple[float, float] | None,
) -> list[tuple[float, float]]:  # fmt: skip
    """Cycles with its denoiser on the same triangles, pictures and lamps."""
    from pipeline.render.blender import BlenderSession
    from pipeline.render.picturing import setting_for

    chosen = options("review", variants)
    _, drawing = read(stage, chosen, None)
    setting = setting_for(drawing, chosen, drawing.bounds)
    cameras = framing.orbit(drawing.bounds, 36)[:frames]
    session = BlenderSession(drawing, setting, samples=converged_samples)
    with closing(session):
        converged = session.draw(cameras[0], SIZE, SIZE).colour
    measured = []
    for samples in (1, 2, 4, 8, 16, 32, 64, 128):
        session = BlenderSession(drawing, setting, samples=samples)
        with closing(session):
            draw(session, cameras[0], folder / "warm.png", drawing, chosen)
            begun, child = cpu(), process_cpu(session.process.pid)
            for i, camera in enumerate(cameras):
                draw(session, camera, folder / f"c{i}.png", drawing, chosen)
            spent = (cpu() - begun + process_cpu(session.process.pid) - child) / frames
            picture = session.draw(cameras[0], SIZE, SIZE).colour
        error = rmse(picture, converged)
        measured.append((spent, error))
        print(f"cycles {samples} spp + OIDN: {spent:.2f} CPU s a frame, error {error:.4f}")
        if samples >= 16 or (samples > 1 and found is not None and error < found[1]):
            break
    return measured


def drafts(stage: object, variants: dict[str, str], folder: Path) -> None:
    """Draft pictures from a scene that is held open."""
    for name in ("draft", "pygfx"):
        if BACKENDS[name].missing() is not None:
            continue
        chosen = options("draft", variants)
        scene, drawing = read(stage, chosen, None)
        begun = cpu()
        session, lens, _ = opened(stage, scene, drawing, chosen, BACKENDS[name], None)
        draw(session, lens, folder / "warm.png", drawing, chosen)
        start = cpu() - begun
        cameras = framing.orbit(drawing.bounds, 12)
        begun = cpu()
        for i, camera in enumerate(cameras):
            draw(session, camera, folder / f"d{i}.png", drawing, chosen)
        spent = (cpu() - begun) / len(cameras)
        print(f"{name}: {spent:.2f} CPU s a frame ({1 / spent:.2f} frames per CPU second), start {start:.2f} s")


def instances(folder: Path) -> None:
    """A PointInstancer of ten thousand balls of 1,900 triangles each."""
    from pxr import Usd, UsdGeom, Vt

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    UsdGeom.SetStageUpAxis(stage, "Y")
    many = UsdGeom.PointInstancer.Define(stage, "/many")
    UsdGeom.Sphere.Define(stage, "/many/Prototypes/ball").CreateRadiusAttr(0.4)
    many.CreatePrototypesRel().SetTargets(["/many/Prototypes/ball"])
    x, z = np.meshgrid(np.arange(100.0), np.arange(100.0))
    places = np.stack([x.ravel(), 0.4 + np.zeros(10000), z.ravel()], axis=1).astype(np.float32)
    many.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(places))
    many.CreateProtoIndicesAttr([0] * 10000)
    for name, quality in (("draft", "draft"), ("pygfx", "draft"), ("mitsuba", "review"), ("blender", "draft")):
        if BACKENDS[name].missing() is not None:
            continue
        chosen = options(quality, {})
        begun, clock = cpu(), time.perf_counter()
        scene, drawing = read(stage, chosen, None)
        session, lens, _ = opened(stage, scene, drawing, chosen, BACKENDS[name], None)
        ready = cpu() - begun
        begun = cpu()
        draw(session, lens, folder / f"many_{name}.png", drawing, chosen)
        print(
            f"10,000 instances, {drawing.triangle_count:,} triangles, {name}: ready {ready:.1f} CPU s, "
            f"frame {cpu() - begun:.1f} CPU s, clock {time.perf_counter() - clock:.1f} s, memory {peak():.0f} MB"
        )
        print(f"  {folder / f'many_{name}.png'}")


if __name__ == "__main__":
    main()
