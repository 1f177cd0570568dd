# SPDX-License-Identifier: Apache-2.0
"""Frame ranges, killed and resumed, and their movies, opened by other readers."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import render_beds as stages
from PIL import Image
from pxr import Gf

from pipeline.errors import MissingDependency
from pipeline.render import movie, picture, render


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """A ball that travels one metre in 24 frames, at 12 time codes a second."""
    stage = stages.new(tmp_path / "moving.usda")
    stage.SetTimeCodesPerSecond(12)
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(24)
    move = stages.sphere(stage, "/World/ball", 0.1).AddTranslateOp()
    move.Set(Gf.Vec3d(-0.5, 0, 0), 1)
    move.Set(Gf.Vec3d(0.5, 0, 0), 24)
    stage.GetRootLayer().Save()
    return tmp_path / "moving.usda"


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Ten pictures of 65 x 48, each of one grey."""
    return [picture.write(tmp_path / f"{i:02d}.png", np.full((48, 65, 3), i / 10)) for i in range(10)]


def test_mp4(frames: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    out = movie.join(frames, tmp_path / "m.mp4", 25)
    with av.open(str(out)) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == 25
        decoded = [f.to_ndarray(format="gray") for f in file.decode(stream)]
    assert len(decoded) == 10
    # video needs even sides
    assert decoded[0].shape == (48, 64)
    means = [float(d.mean()) / 255 for d in decoded]
    np.testing.assert_allclose(means, np.arange(10) / 10, atol=0.03)


def test_gif(frames: list[Path], tmp_path: Path) -> None:
    out = movie.join(frames, tmp_path / "m.gif", 20)
    with Image.open(out) as file:
        assert file.size == (65, 48)
        assert getattr(file, "n_frames", 1) == 10
        seen, lasts = [], []
        for i in range(10):
            file.seek(i)
            lasts.append(file.info["duration"])
            seen.append(np.asarray(file.convert("L")).mean() / 255)
    assert lasts == [50] * 10
    np.testing.assert_allclose(seen, np.arange(10) / 10, atol=0.03)


def test_mp4_without_ffmpeg_names_what_is_missing(
    frames: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingDependency, match="ffmpeg") as caught:
        movie.join(frames, tmp_path / "m.mp4")
    assert "pip install" in str(caught.value.remedy)
    assert not (tmp_path / "m.mp4").exists()


def test_a_range_becomes_a_movie_at_the_speed_of_the_stage(moving: Path, tmp_path: Path) -> None:
    result = render(moving, tmp_path / "f.gif", "front", (64, 32), frames=(1, 4), quality="draft", workers=1)
    with Image.open(result.movie or "") as file:
        # hundredths of a second: 12 pictures a second
        assert file.info["duration"] in {80, 83, 84, 90}
        assert getattr(file, "n_frames", 1) == 4


@pytest.mark.long
def test_killed_in_the_middle_and_resumed(moving: Path, tmp_path: Path) -> None:
    """No half-written frame is ever under its name; the rest is drawn by the second run, the first ones stay."""
    out = tmp_path / "frames" / "f.####.png"
    command = [sys.executable, "-m", "pipeline", "render", str(moving), str(out), "--frames", "1:24"]
    command += ["--camera", "front", "--quality", "draft", "--size", "96x64", "--resume", "--workers", "2", "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )  # fmt: skip
    end = time.monotonic() + 120
    while time.monotonic() < end and len(list(out.parent.glob("f.*.png"))) < 5 and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = sorted(out.parent.glob("f.*.png"))
    assert 1 <= len(there) < 24
    before = {p: (p.stat().st_mtime_ns, picture.read(p).shape) for p in there}
    assert {shape for _, shape in before.values()} == {(64, 96, 3)}
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    named = sorted(p.name for p in out.parent.glob("f.*.png"))
    assert named == [f"f.{i:04d}.png" for i in range(1, 25)]
    assert all(p.stat().st_mtime_ns == told[0] for p, told in before.items())
    pictures = [picture.read(out.parent / n) for n in named]
    # the ball goes on from frame to frame, whoever drew it
    assert all((a != b).any() for a, b in itertools.pairwise(pictures))
