# SPDX-License-Identifier: Apache-2.0
"""A generator on a server of one's own that speaks StableProjectorz' contract (TRELLIS, TripoSR and others).

One job at a time; the create answers when it is finished, the file waits under the server's own route.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar
from urllib.parse import urljoin

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import JobFailed
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import mime, picture_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started
from pipeline.progress import step as tell


class SelfHosted(Provider):
    """A single-slot local server as a generator."""

    name: ClassVar[str] = "selfhosted"
    probe_path: ClassVar[str] = "ping"
    needs_key: ClassVar[bool] = False
    licence: ClassVar[str] = "as the model on that server says"

    def capability(self) -> Capability:
        """What such a server can do."""
        return Capability(
            tasks=frozenset({"image", "multiview"}),
            honours=frozenset({"images", "seed", "target_triangles", "count"}),
            models=("trellis", "triposr"),
            note="one job at a time; triangles only as a share to simplify to",
        )

    def fields(self, request: Request, seed: int) -> dict[str, str]:
        """The form's fields beside the pictures."""
        side = min(max(request.texture_size, 512), 2048)
        fields = {"seed": str(seed), "output_format": "glb", "texture_size": str(side)}
        if request.target_triangles:
            # what comes before simplifying has about a million triangles
            ratio = 1 - min(request.target_triangles / 1_000_000, 0.5)
            fields["mesh_simplify_ratio"] = f"{min(max(ratio, 0.5), 0.98):.3f}"
        return fields | {k: str(v) for k, v in dict(self.option(request, "fields", {})).items()}

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send the pictures and wait, telling the progress that the server's status shows meanwhile."""
        shapes = request.pictures("shape", "blockout")
        many = step == "multiview"
        route = "generate_multi_no_preview" if many else "generate_no_preview"
        name = "files" if many else "file"
        parts: list[tuple[str, Any]] = [
            (name, (p.path.name, picture_bytes(p), mime(p.path))) for p in (shapes if many else shapes[:1])
        ]
        parts += [(key, (None, value)) for key, value in self.fields(request, seed).items()]
        watch = asyncio.create_task(self._watch(link, seed))
        try:
            answer = await link.create(route, files=parts)
        finally:
            watch.cancel()
        return Started({"id": str(answer.get("model_url") or "/download/model")}, _read(link.base, answer))

    async def _watch(self, link: Connection, seed: int) -> None:
        while True:
            await link.clock.sleep(self.settings.poll_seconds)
            try:
                answer = await link.read("status")
            except JobFailed:
                raise
            except Exception:  # noqa: BLE001  progress is a courtesy; the create's own answer counts
                continue
            tell(f"{self.name} (seed {seed}): {answer.get('message', '')}", int(answer.get("progress") or 0), 100)

    async def look(self, link: Connection, job: Job) -> Look:
        """The file of the last job waits on the server."""
        answer = await link.read("status")
        return _read(link.base, {**answer, "model_url": job.remote_id})

    async def cancel(self, link: Connection, job: Job) -> bool:
        """Interrupt what runs."""
        await link.tell("interrupt")
        return True


def _read(base: str, answer: dict[str, Any]) -> Look:
    status = str(answer.get("status"))
    progress, message = int(answer.get("progress") or 0), str(answer.get("message") or "")
    if status == "FAILED":
        return Look("failed", progress, message)
    if status == "COMPLETE":
        return Look(
            "done", 100, message, urls={"glb": urljoin(base, str(answer.get("model_url") or "/download/model"))}
        )
    return Look("running", progress, message)
