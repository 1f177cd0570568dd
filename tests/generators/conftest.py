# SPDX-License-Identifier: Apache-2.0
"""A picture, a small model, a clock on which waiting takes no time, and every service before its stand-in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.generators import Picture, Request
from pipeline.generators.embedded.gltf import glb_bytes
from pipeline.generators.embedded.kit import kit_model
from pipeline.generators.jobs import Ledger
from pipeline.generators.pace import Backoff
from pipeline.generators.provider import Provider
from pipeline.generators.registry import load_generator
from pipeline.generators.running import Outcome, collect
from pipeline.references.png import write_png

from .standins import comfyui, fal, hunyuan, meshy, rodin, selfhosted, stability, tencent, tripo
from .standins.server import FastClock, StandIn

CONTRACTS: dict[str, tuple[type[StandIn], str]] = {
    "meshy": (meshy.MeshyStandIn, meshy.KEY),
    "tripo": (tripo.TripoStandIn, tripo.KEY),
    "hunyuan": (hunyuan.HunyuanStandIn, ""),
    "tencent": (tencent.TencentStandIn, tencent.KEY),
    "rodin": (rodin.RodinStandIn, rodin.KEY),
    "stability": (stability.StabilityStandIn, stability.KEY),
    "fal": (fal.FalStandIn, fal.KEY),
    "selfhosted": (selfhosted.SelfHostedStandIn, ""),
    "comfyui": (comfyui.ComfyStandIn, ""),
}


@pytest.fixture(scope="session")
def model_bytes() -> bytes:
    return glb_bytes(kit_model(Request(asset="crate", prompt="a crate"), 1), textures=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = np.full((64, 48, 3), 250, np.uint8)
    image[10:54, 8:40] = (180, 60, 40)
    write_png(tmp_path / "shape.png", image)
    return tmp_path / "shape.png"


@pytest.fixture
def request_image(picture: Path) -> Request:
    return Request(asset="thing", prompt="a red thing", images=[Picture(path=picture, view="front")])


@dataclass
class Bench:
    """One service before its stand-in."""

    standin: StandIn
    provider: Provider
    folder: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "jobs")

    def ask(self, request: Request, tries: int = 4) -> Outcome:
        backoff = Backoff(tries=tries, chance=random.Random(1))
        jobs = self.folder / "jobs"
        return collect(
            request, self.folder / "out", [self.provider], jobs=jobs, clock=self.standin.clock, backoff=backoff
        )


@pytest.fixture
def bench(tmp_path: Path, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Start the stand-in of a service and make the service's generator."""
    with ExitStack() as stack:

        def start(name: str, project: Path | None = None) -> Bench:
            kind, key = CONTRACTS[name]
            standin = stack.enter_context(kind(model_bytes, FastClock()))
            monkeypatch.setenv(f"GATES_{name.upper()}_URL", standin.url)
            if key:
                monkeypatch.setenv(f"GATES_{name.upper()}_KEY", key)
            if name == "tencent":
                monkeypatch.setenv("GATES_TENCENT_ID", tencent.ID)
            provider = load_generator(name, project=project, jobs=tmp_path / "jobs")
            assert isinstance(provider, Provider)
            return Bench(standin, provider, tmp_path)

        yield start
