# SPDX-License-Identifier: Apache-2.0
"""Turntables against Mitsuba alone and Blender Cycles, drafts, ten thousand instances.

    python benchmarks/render.py STAGE [--variant SET=NAME] [--frames 36] [--cycles-frames 6]

Prints CPU seconds a frame (of this process and its children, because a shared machine's clock lies), the error
against a converged picture of the same scene by the same renderer, ratios, and peak memory.
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
from pipeline.render.making import Options, draw, opened, read
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
    parser.add_argument("stage")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--frames", type=int, default=36)
    parser.add_argument("--cycles-frames", type=int, default=6)
    parser.add_argument("--converged", type=int, default=256, help="samples of the reference picture")
    parser.add_argument("--skip", default="", help="whole,cycles,draft,instances")
    told = parser.parse_args()
    variants = dict(v.split("=", 1) for v in told.variant)
    folder = Path(tempfile.mkdtemp())
    stage = open_stage(told.stage)
    if "whole" not in told.skip:
        whole(stage, variants, told.frames, told.converged, folder)
    if "cycles" not in told.skip and BACKENDS["blender"].missing() is None:
        cycles(stage, variants, told.cycles_frames, told.converged, folder)
    if "draft" not in told.skip:
        drafts(stage, variants, folder)
    if "instances" not in told.skip:
        instances(folder)
    print(f"peak memory of this process: {peak():.0f} MB")


def whole(stage: object, variants: dict[str, str], frames: int, converged_samples: int, folder: Path) -> None:
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
        parts = [np.ascontiguousarray(pixels[..., a:b], np.float32) for a, b in ((0, 3), (4, 7), (7, 10))]
        clean = mitsuba_oidn.denoise(parts[0], np.clip(parts[1], 0, 1), parts[2], hdr=True)
        mi.util.write_bitmap(str(folder / f"m{i}.png"), np.asarray(clean), write_async=False)
    alone = (cpu() - begun) / frames
    camera = cameras[0]
    session.samples = converged_samples
    converged = session.draw(camera, SIZE, SIZE).colour
    session.samples = 8
    error = rmse(session.draw(camera, SIZE, SIZE).colour, converged)
    session.close()
    print(f"mitsuba, whole path: {ours:.2f} CPU s a frame, start {start:.1f} CPU s once, error {error:.4f}")
    print(f"mitsuba alone:       {alone:.2f} CPU s a frame; ratio {ours / alone:.2f}")
    print(f"{frames} frames with start: {start + ours * frames:.1f} CPU s")


def cycles(stage: object, variants: dict[str, str], frames: int, converged_samples: int, folder: Path) -> None:
    """Cycles with its denoiser on the same triangles, pictures and lamps."""
    from pipeline.render.blender import BlenderSession
    from pipeline.render.making import setting_for

    chosen = options("review", variants)
    _, drawing = read(stage, chosen, None)
    setting = setting_for(drawing, chosen, drawing.bounds)
    cameras = framing.orbit(drawing.bounds, 36)[:frames]
    session = BlenderSession(drawing, setting, samples=converged_samples)
    with closing(session):
        converged = session.draw(cameras[0], SIZE, SIZE).colour
    for samples in (4, 16):
        session = BlenderSession(drawing, setting, samples=samples)
        with closing(session):
            draw(session, cameras[0], folder / "warm.png", drawing, chosen)
            begun, child = cpu(), process_cpu(session.process.pid)
            for i, camera in enumerate(cameras):
                draw(session, camera, folder / f"c{i}.png", drawing, chosen)
            spent = (cpu() - begun + process_cpu(session.process.pid) - child) / frames
            picture = session.draw(cameras[0], SIZE, SIZE).colour
        print(f"cycles {samples} spp + OIDN: {spent:.2f} CPU s a frame, error {rmse(picture, converged):.4f}")


def drafts(stage: object, variants: dict[str, str], folder: Path) -> None:
    """Draft pictures from a scene that is held open."""
    chosen = options("draft", variants)
    scene, drawing = read(stage, chosen, None)
    begun = cpu()
    session, _, _ = opened(stage, scene, drawing, chosen, BACKENDS["draft"], None)
    start = cpu() - begun
    cameras = framing.orbit(drawing.bounds, 12)
    begun = cpu()
    for i, camera in enumerate(cameras):
        draw(session, camera, folder / f"d{i}.png", drawing, chosen)
    spent = (cpu() - begun) / len(cameras)
    print(f"draft: {spent:.2f} CPU s a frame ({1 / spent:.2f} frames per CPU second), start {start:.2f} s")


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
    for name, quality in (("draft", "draft"), ("mitsuba", "review")):
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
