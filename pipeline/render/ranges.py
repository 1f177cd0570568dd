# SPDX-License-Identifier: Apache-2.0
"""Frame ranges: one picture each time code, in parallel processes, resumable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import RenderError, UsageError
from pipeline.progress import step
from pipeline.render import naming
from pipeline.render.backend import Backend
from pipeline.render.backends import BACKENDS
from pipeline.render.camera import Camera
from pipeline.render.picturing import Options, draw, noted, opened, read
from pipeline.render.result import RenderNote, RenderResult


def render_range(
    stage: Any,
    out: Path,
    camera: str | Camera | None,
    frames: tuple[float, float],
    options: Options,
    backend: Backend,
    resume: bool,
    workers: int | None,
) -> RenderResult:
    """Draw every time code from the first to the last.

    A camera that is fitted is fitted once, to all that the range shows, so that it does not follow the motion.
    """
    times = [float(t) for t in np.arange(np.floor(frames[0]), frames[1] + 1e-6)]
    if len(times) > 100_000:
        raise UsageError(f"{len(times)} frames", remedy="draw a shorter range")
    paths = [naming.frame_path(out, round(t)) for t in times]
    wanted = [(t, p) for t, p in zip(times, paths, strict=True) if not (resume and p.exists())]
    result = RenderResult(
        images=paths, renderer=backend.name, seconds=0, size=options.size, quality=options.quality,
        skipped=len(paths) - len(wanted),
    )  # fmt: skip
    if not wanted:
        return result
    around = _extent(stage, options, [times[0], times[len(times) // 2], times[-1]])
    count = workers or (1 if backend.name == "mitsuba" else os.cpu_count() or 1)
    count = max(1, min(count, len(wanted)))
    if count == 1 or isinstance(camera, Camera):
        name, notes = draw_frames(stage, camera, wanted, options, backend.name, around)
    else:
        name, notes = _spread(stage, camera, wanted, options, backend.name, around, count)
    result.renderer = name
    result.notes = list(dict.fromkeys(notes))
    return result


def _extent(stage: Any, options: Options, times: list[float]) -> Any:
    ends = [read(stage, options, t)[1].bounds for t in sorted(set(times))]
    return np.stack([np.min([e[0] for e in ends], axis=0), np.max([e[1] for e in ends], axis=0)])


def draw_frames(
    stage: Any,
    camera: str | Camera | None,
    wanted: list[tuple[float, Path]],
    options: Options,
    backend: str,
    around: Any,
    done: Callable[[], None] | None = None,
) -> tuple[str, list[RenderNote]]:
    """Draw frames in this process; the renderer's name and notes."""
    notes: list[RenderNote] = []
    name = backend
    for i, (time, path) in enumerate(wanted):
        step("renders", i, len(wanted))
        scene, drawing = read(stage, options, time)
        session, lens, found = opened(stage, scene, drawing, options, BACKENDS[backend], camera, time, around)
        with closing(session):
            notes += found + draw(session, lens, path, drawing, options) + noted(session.notes)
        name = session.name
        if done:
            done()
    return name, notes


def _spread(
    stage: Any, camera: str | None, wanted: list[tuple[float, Path]], options: Options, backend: str, around: Any,
    count: int,
) -> tuple[str, list[RenderNote]]:  # fmt: skip
    """The frames dealt to processes; the first that fails stops the rest."""
    with tempfile.TemporaryDirectory(prefix="gates-render-") as folder:
        source = _on_disk(stage, Path(folder))
        plain = {**asdict(options), "variants": dict(options.variants)}
        job = {"stage": source, "camera": camera, "options": plain, "backend": backend, "around": around.tolist()}
        finished = 0
        lock = threading.Lock()

        def work(number: int) -> dict[str, Any]:
            nonlocal finished
            own = [[t, str(p)] for t, p in wanted[number::count]]
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.render.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            running.append(process)
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(json.dumps({**job, "frames": own}))
            process.stdin.close()
            answer: dict[str, Any] = {}
            for line in process.stdout:
                told = json.loads(line)
                if told.get("frame"):
                    with lock:
                        finished += 1
                else:
                    answer = told
            complaint = process.stderr.read().strip()
            process.stdout.close()
            process.stderr.close()
            if process.wait() or not answer or "error" in answer:
                raise RenderError(
                    answer.get("error") or f"a render process died: {complaint[-300:] or process.returncode}",
                    remedy="run again with --resume: the frames that are done stay",
                )
            return answer

        running: list[subprocess.Popen[str]] = []
        with ThreadPoolExecutor(count) as pool:
            tasks = [pool.submit(work, i) for i in range(count)]
            try:
                while not all(t.done() for t in tasks):
                    step("renders", finished, len(wanted))
                    if any(t.done() and t.exception() for t in tasks):
                        break
                    threading.Event().wait(0.1)
                answers = [t.result() for t in tasks]
            except BaseException:
                for process in running:
                    if process.poll() is None:
                        process.terminate()
                raise
    return answers[0]["renderer"], [RenderNote(**n) for a in answers for n in a["notes"]]


def _on_disk(stage: Any, folder: Path) -> str:
    """A file that shows what the stage shows: its own where nothing was changed, else a flattened copy."""
    layer = stage.GetRootLayer()
    session = stage.GetSessionLayer()
    clean = not layer.anonymous and (session is None or session.empty) and not stage.GetMutedLayers()
    if clean and not any(used.dirty for used in stage.GetUsedLayers()):
        return str(layer.realPath)
    path = folder / "stage.usdc"
    stage.Export(str(path))
    return str(path)
