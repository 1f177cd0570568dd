# SPDX-License-Identifier: Apache-2.0
"""What our machinery costs per provider job, and how quick the embedded generator is.

usage: python benchmarks/providers.py [--jobs 40] [--seeds 3] [--json OUT]

Jobs run against the stand-in of Meshy's contract on the loopback, on a clock on which waiting takes no
time. The floor is the same calls made with bare httpx in a loop. Processor seconds include the stand-in,
which runs in this process, on both sides; the ratio is of whole runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx

from pipeline.generators import Request, collect, load_generator
from pipeline.generators.embedded.gltf import glb_bytes
from pipeline.generators.embedded.kit import build, kit_model
from pipeline.generators.provider import Provider
from tests.generators.standins.meshy import KEY, MeshyStandIn
from tests.generators.standins.server import FastClock

TEXT = Request(asset="stall", prompt="a market stall", options={"meshy": {"texture": False}})


def bare(standin: MeshyStandIn, jobs: int, folder: Path) -> float:
    """The least that can be done: create, look until it is done, fetch, write."""

    async def run() -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=standin.url, trust_env=False) as client:
            for i in range(jobs):
                body = {"mode": "preview", "prompt": f"stall {i}"}
                answer = await client.post("/openapi/v2/text-to-3d", json=body, headers=headers)
                name = answer.json()["result"]
                while True:
                    task = (await client.get(f"/openapi/v2/text-to-3d/{name}", headers=headers)).json()
                    if task["status"] == "SUCCEEDED":
                        break
                    await standin.clock.sleep(4)
                model = await client.get(task["model_urls"]["glb"])
                (folder / f"{i}.glb").write_bytes(model.content)

    begun = time.process_time()
    asyncio.run(run())
    return time.process_time() - begun


def ours(standin: MeshyStandIn, jobs: int, folder: Path) -> tuple[float, float]:
    """The same jobs through the ledger; then the same again, which finds them."""
    os.environ |= {"GATES_MESHY_URL": standin.url, "GATES_MESHY_KEY": KEY}
    provider = load_generator("meshy", jobs=folder / "jobs")
    assert isinstance(provider, Provider)
    provider.settings = provider.settings.model_copy(update={"jobs_at_once": 1, "requests_per_second": 1e6})
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        wish = TEXT.model_copy(update={"count": jobs})
        outcome = collect(wish, folder / "out", [provider], jobs=folder / "jobs", clock=standin.clock)
        seconds.append(time.process_time() - begun)
        assert len(outcome.candidates) == jobs, outcome.failed
    assert len(standin.calls("POST", "/openapi")) == jobs
    return seconds[0], seconds[1]


def embedded(seeds: int) -> dict[str, Any]:
    """Processor seconds of a stall: geometry alone, and with packed and painted textures of 1024."""
    request = Request(asset="stall", prompt="a market stall", size_m=(2.4, 2.6, 1.8))
    begun = time.process_time()
    kits = [build(request, seed) for seed in range(seeds)]
    geometry = (time.process_time() - begun) / seeds
    begun = time.process_time()
    models = [kit_model(request, seed) for seed in range(seeds)]
    whole = (time.process_time() - begun) / seeds
    return {
        "stall_triangles": [k.triangles for k in kits],
        "stall_geometry_s": round(geometry, 3),
        "stall_with_textures_s": round(whole, 3),
        "materials": len(models[0].surfaces),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = glb_bytes(kit_model(Request(asset="crate", prompt="a crate"), 1), textures=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare").mkdir()
        with MeshyStandIn(model, FastClock()) as standin:
            floor = bare(standin, options.jobs, folder / "bare")
        with MeshyStandIn(model, FastClock()) as standin:
            first, again = ours(standin, options.jobs, folder)
    result = {
        "jobs": options.jobs,
        "bare_ms_per_job": round(1000 * floor / options.jobs, 2),
        "ours_ms_per_job": round(1000 * first / options.jobs, 2),
        "ratio": round(first / floor, 2),
        "found_again_ms_per_job": round(1000 * again / options.jobs, 2),
        **embedded(options.seeds),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    for key, value in result.items():
        print(f"{key:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
