# SPDX-License-Identifier: Apache-2.0
"""Hunyuan3D on a server of one's own (its `api_server.py`, 2.0 and 2.1).

Its status answers `processing` for unknown and crashed jobs alike, for ever: our own time limit ends the wait.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import JobLost
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import clamp, picture_bytes, source_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started


class Hunyuan(Provider):
    """A self-hosted Hunyuan3D as a generator; `model` is the server's version, `2.0` or `2.1`."""

    name: ClassVar[str] = "hunyuan"
    probe_path: ClassVar[str] = "health"
    needs_key: ClassVar[bool] = False
    licence: ClassVar[str] = "Tencent Hunyuan community licence"

    def capability(self) -> Capability:
        """What the server can do."""
        return Capability(
            tasks=frozenset({"image", "retexture", "text"} if self.settings.model == "2.0" else {"image"}),
            honours=frozenset({"prompt", "images", "seed", "target_triangles", "pbr", "count"}),
            models=("2.0", "2.1"),
            note="no progress is told; a crashed job looks like a running one until the time limit",
        )

    def body(self, request: Request, seed: int, step: str) -> dict[str, Any]:
        """The JSON of one create; ranges as the server checks them."""
        new = self.model(request) != "2.0"
        body: dict[str, Any] = {
            "seed": seed % 2**31,
            "texture": request.pbr,
            "octree_resolution": clamp(self.option(request, "octree_resolution", 256 if new else 128), 64, 512),
            "num_inference_steps": clamp(self.option(request, "num_inference_steps", 5), 1, 20),
            "guidance_scale": float(self.option(request, "guidance_scale", 5.0)),
        }
        if request.target_triangles:
            body["face_count"] = clamp(request.target_triangles, 1000, 100_000)
        shapes = request.pictures("shape", "blockout")
        if shapes:
            body["image"] = base64.b64encode(picture_bytes(shapes[0])).decode()
        elif step == "text":
            body["text"] = request.prompt
        if step == "retexture":
            body["mesh"] = base64.b64encode(source_bytes(request.source)).decode()
            body["texture"] = True
        if not new:
            body["type"] = "glb"
        return body

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send a job; a textureless one by the call that waits, because its status never says completed."""
        body = self.body(request, seed, step)
        if not body["texture"]:
            answer = await link.create("generate", json=body, raw=True)
            return Started({}, Look("done", 100, inline={"glb": bytes(answer.content)}))
        answer = await link.create("send", json=body)
        return Started({"id": str(answer["uid"])})

    async def look(self, link: Connection, job: Job) -> Look:
        """Ask for the status, which carries the file when it is there."""
        if not job.remote_id:
            raise JobLost("a job that was waited for on the line cannot be asked for again", remedy="ask anew")
        answer = await link.read(f"status/{job.remote_id}", verdict=500)
        status = str(answer.get("status"))
        if status == "completed":
            try:
                body = base64.b64decode(answer.get("model_base64") or "", validate=True)
            except (binascii.Error, ValueError):
                body = b""
            return Look("done", 100, inline={"glb": body})
        if status == "error":
            return Look("failed", message=str(answer.get("message") or "the server reports an error"))
        return Look("running", 50 if status == "texturing" else 0, status)
