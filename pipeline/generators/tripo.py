# SPDX-License-Identifier: Apache-2.0
"""Tripo, API version 3 (openapi.tripo3d.ai): text, pictures, views, texture, decimate, rig, retarget."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import BadRequest, Busy, Moderated, NoCredit
from pipeline.generators.http import Connection, refusal, words_of
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import clamp, mime, source_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started, Status

ROUTES: dict[str, str] = {
    "text": "v3/generation/text-to-model",
    "image": "v3/generation/image-to-model",
    "multiview": "v3/generation/multiview-to-model",
    "retexture": "v3/models/texture",
    "remesh": "v3/mesh/decimate",
    "rig": "v3/animations/rig",
    "animate": "v3/animations/retarget",
}
#: the model that a task takes where it is not a generation
_MODELS = {"retexture": "v3.5-20260815", "remesh": "v3.0", "rig": "v3.0-20260909"}
_STATUS: dict[str, Status] = {
    "queued": "queued",
    "running": "running",
    "success": "done",
    "failed": "failed",
    "banned": "failed",
    "unknown": "failed",
    "expired": "failed",
    "cancelled": "cancelled",
}


class Tripo(Provider):
    """Tripo as a generator."""

    name: ClassVar[str] = "tripo"
    probe_path: ClassVar[str] = "v3/account/balance"

    def capability(self) -> Capability:
        """What Tripo can do."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview", "retexture", "remesh", "rig", "animate"}),
            honours=frozenset(
                {"prompt", "negative_prompt", "images", "seed", "target_triangles", "topology", "pbr", "count"}
            ),
            formats=("glb", "fbx"),
            needs_key=True,
            models=("v3.1-20260211", "v3.0-20250812", "P1-20260311", "Turbo-v1.0-20250506"),
            note="a fixed seed repeats the design, not the mesh",
        )

    def unhonoured(self, request: Request) -> list[str]:
        """Beside the fields it lacks: what its options exclude."""
        notes = super().unhonoured(request)
        if request.topology == "quad":
            notes.append("tripo delivers quads as FBX only")
        if request.seed:
            notes.append("tripo repeats the design with a seed, not the mesh")
        return notes

    async def upload(self, link: Connection, path: Path) -> str:
        """Upload a file (free) and return its token."""
        body = source_bytes(path)
        if len(body) > 50 * 2**20:
            raise BadRequest("Tripo takes uploads up to 50 MB here", remedy="give a smaller file")
        files = {"file": (path.name, body, mime(path))}
        answer = await link.read("v3/files", method="POST", files=files)
        return str(opened(self.name, answer)["file_token"])

    async def body(self, link: Connection, request: Request, seed: int, step: str) -> dict[str, Any]:
        """The JSON of one create."""
        if step in ("text", "image", "multiview"):
            body: dict[str, Any] = {
                "model": self.model(request),
                "texture": bool(self.option(request, "texture", True)),
                "pbr": request.pbr,
                "model_seed": seed,
                "texture_seed": seed,
                "auto_size": request.size_m is not None,
                "quad": request.topology == "quad",
            }
            if request.target_triangles:
                body["face_limit"] = clamp(request.target_triangles, 48, 2_000_000)
            shapes = request.pictures("shape", "blockout")
            if step == "text":
                body |= {"prompt": request.prompt[:1024], "image_seed": seed}
                if request.negative_prompt:
                    body["negative_prompt"] = request.negative_prompt[:255]
            elif step == "image":
                body["input"] = await self.upload(link, shapes[0].path)
            else:
                slots = {p.view: p for p in shapes}
                if "front" not in slots:
                    raise BadRequest("Tripo's views need a front one", remedy="mark one picture with view front")
                body["inputs"] = [
                    await self.upload(link, slots[v].path) if v in slots else None
                    for v in ("front", "left", "back", "right")
                ]
            return body
        given = self.option(request, "input_task_id")
        body = {"input": given or await self.upload(link, _source(request))}
        if step in _MODELS:
            body["model"] = str(self.option(request, "model") or _MODELS[step])
        if step == "retexture":
            body["texture_prompt"] = {"text": request.prompt[:1024]}
            styles = request.pictures("material", "style")
            if styles:
                body["texture_prompt"] = {"image": await self.upload(link, styles[0].path)}
        elif step == "remesh":
            body["quad"] = request.topology == "quad"
            if request.target_triangles:
                body["face_limit"] = clamp(request.target_triangles, 48, 2_000_000)
        elif step == "rig":
            body |= {"spec": self.option(request, "spec", "tripo"), "out_format": "glb"}
        elif step == "animate":
            action = request.action or self.option(request, "animation", "preset:idle")
            body |= {"animation": action, "out_format": "glb", "export_with_geometry": True}
        return body

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send one step; uploads go first and cost nothing."""
        body = await self.body(link, request, seed, step)
        trace = {"X-Tripo-Trace-ID": str(uuid.uuid4())}
        answer = await link.create(ROUTES[step], json=body, headers=trace)
        return Started({"id": str(opened(self.name, answer)["task_id"])})

    async def look(self, link: Connection, job: Job) -> Look:
        """Ask for the task."""
        return read_task(opened(self.name, await link.read(f"v3/tasks/{job.remote_id}")))

    async def recover(self, link: Connection, job: Job) -> dict[str, Any] | None:
        """The one task in the usage list that was created since, where there is exactly one."""
        from datetime import datetime

        answer = await link.read("v3/account/usage", params={"limit": 50, "offset": 0})
        since = []
        for item in opened(self.name, answer).get("items", []):
            try:
                when = datetime.fromisoformat(str(item.get("created_at"))).timestamp()
            except ValueError:
                continue
            if when >= job.created - 5:
                since.append(item)
        return {"id": str(since[0]["task_id"])} if len(since) == 1 else None


def _source(request: Request) -> Path:
    if request.source is None:
        raise BadRequest(f"{request.resolved_task} starts from a model", remedy="give one with --existing, as GLB")
    return request.source


def opened(name: str, answer: Any) -> dict[str, Any]:
    """What is inside the envelope.

    Raises
    ------
    ServiceError
        Its code is not 0.
    """
    code = answer.get("code", 0) if isinstance(answer, dict) else -1
    if code == 0:
        data: dict[str, Any] = answer.get("data") or {}
        return data
    said = words_of(answer)
    if code == 2008:
        raise Moderated(f"{name}: {said}", remedy="change the prompt or the pictures")
    if code == 2010:
        raise NoCredit(f"{name}: {said}", remedy="buy credits, or take another generator")
    if code in (2000, 1007):
        raise Busy(f"{name}: {said}", remedy="ask for fewer candidates at once")
    raise refusal(name, 500 if code in (1000, 1001) else 401 if code == 1002 else 400, said)


def read_task(task: dict[str, Any]) -> Look:
    """A task object."""
    word = str(task.get("status"))
    status = _STATUS.get(word, "running")
    message = str(task.get("error_msg") or task.get("error_message") or "")
    output = task.get("output") or {}
    url = output.get("model_url") or ""
    kind = "fbx" if ".fbx" in url.split("?")[0].lower() else "glb"
    credits = task.get("credits_consumed")
    return Look(
        status,
        int(task.get("progress") or 0),
        message or ("refused for its content" if word == "banned" else word),
        moderated=word == "banned" or task.get("error_code") == 2008,
        urls={kind: url} if url else {},
        credits=float(credits) if credits is not None else None,
    )
