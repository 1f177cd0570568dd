# SPDX-License-Identifier: Apache-2.0
"""Meshy (api.meshy.ai): text in two paid steps, pictures, retexture, remesh, rig, animate."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.generators.base import Capability, Request, Task
from pipeline.generators.failures import BadRequest
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import clamp, data_uri
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started, Status

ROUTES: dict[str, str] = {
    "preview": "openapi/v2/text-to-3d",
    "refine": "openapi/v2/text-to-3d",
    "image": "openapi/v1/image-to-3d",
    "multiview": "openapi/v1/multi-image-to-3d",
    "retexture": "openapi/v1/retexture",
    "remesh": "openapi/v1/remesh",
    "rig": "openapi/v1/rigging",
    "animate": "openapi/v1/animations",
}
_STATUS: dict[str, Status] = {
    "PENDING": "queued",
    "IN_PROGRESS": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
    "CANCELED": "cancelled",
    "EXPIRED": "failed",
}
#: routes that cannot be listed
_NO_LIST = ("rig", "animate")


def resolution(pixels: int) -> str:
    """The texture side the service knows that is nearest from above."""
    return "2k" if pixels <= 2048 else "4k" if pixels <= 4096 else "8k"


class Meshy(Provider):
    """Meshy as a generator."""

    name: ClassVar[str] = "meshy"
    probe_path: ClassVar[str] = "openapi/v1/balance"

    def capability(self) -> Capability:
        """What Meshy can do."""
        tasks: frozenset[Task] = frozenset({"text", "image", "multiview", "retexture", "remesh", "rig", "animate"})
        return Capability(
            tasks=tasks,
            honours=frozenset({"prompt", "images", "target_triangles", "topology", "pbr", "pose", "count"}),
            formats=("glb", "fbx", "usdz"),
            needs_key=True,
            models=("meshy-6", "meshy-7", "meshy-5", "latest"),
        )

    def steps(self, request: Request) -> list[str]:
        """Text takes a preview and, unless textures are unwanted, a refine."""
        if request.resolved_task != "text":
            return [request.resolved_task]
        return ["preview", "refine"] if self.option(request, "texture", True) else ["preview"]

    def credits(self, request: Request, step: str) -> float:
        """The preview is what the settings call text."""
        return super().credits(request, "text" if step == "preview" else step)

    def _shape(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"topology": request.topology, "target_formats": ["glb"]}
        if request.target_triangles:
            body |= {"target_polycount": clamp(request.target_triangles, 100, 300_000), "should_remesh": True}
        if request.pose:
            body["pose_mode"] = request.pose
        return body

    def _texture(self, request: Request) -> dict[str, Any]:
        return {"enable_pbr": request.pbr, "texture_resolution": resolution(request.texture_size)}

    def body(self, request: Request, step: str, before: list[Job]) -> dict[str, Any]:
        """The JSON of one create."""
        model = self.model(request)
        if step == "preview":
            text = {"mode": "preview", "prompt": request.prompt[:600], "moderation": True}
            return text | {"ai_model": model} | self._shape(request)
        if step == "refine":
            return {
                "mode": "refine",
                "preview_task_id": before[-1].remote_id,
                "target_formats": ["glb"],
            } | self._texture(request)
        if step in ("image", "multiview"):
            pictures = [data_uri(p.path) for p in request.pictures("shape", "blockout")[:4]]
            images = {"image_url": pictures[0]} if step == "image" else {"image_urls": pictures}
            texture = self._texture(request) | {"should_texture": bool(self.option(request, "texture", True))}
            return images | {"ai_model": model} | self._shape(request) | texture
        if step == "animate":
            rig, action = self.option(request, "rig_task_id"), request.action or self.option(request, "action_id")
            if not rig or not str(action or "").isdigit():
                raise BadRequest(
                    "Meshy animates its own rigs: it needs rig_task_id and a numbered action",
                    remedy="set the options meshy.rig_task_id and meshy.action_id",
                )
            return {"rig_task_id": rig, "action_id": int(str(action))}
        task = self.option(request, "input_task_id")
        model_source: dict[str, Any] = {"input_task_id": task} if task else {}
        if not task:
            if request.source is None:
                raise BadRequest(f"{step} starts from a model", remedy="give one with --existing, as GLB")
            model_source = {"model_url": data_uri(request.source)}
        if step == "retexture":
            styles = request.pictures("material", "style")
            style = (
                {"image_style_url": data_uri(styles[0].path)} if styles else {"text_style_prompt": request.prompt[:600]}
            )
            return model_source | style | {"target_formats": ["glb"]} | self._texture(request)
        if step == "remesh":
            shape = self._shape(request)
            shape.pop("should_remesh", None)
            shape.pop("pose_mode", None)
            height = {"resize_height": request.size_m[1]} if request.size_m else {}
            return model_source | shape | height
        return model_source | {"height_meters": request.size_m[1] if request.size_m else 1.7}

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send one step; the answer is the task's id."""
        answer = await link.create(ROUTES[step], json=self.body(request, step, before))
        return Started({"id": str(answer["result"])})

    async def look(self, link: Connection, job: Job) -> Look:
        """Ask for the task."""
        return read_task(await link.read(f"{ROUTES[job.step]}/{job.remote_id}"))

    async def cancel(self, link: Connection, job: Job) -> bool:
        """Meshy cancels by deleting."""
        await link.tell(f"{ROUTES[job.step]}/{job.remote_id}", method="DELETE")
        return True

    async def recover(self, link: Connection, job: Job) -> dict[str, Any] | None:
        """The one task in the list that was created since, where there is exactly one."""
        if job.step in _NO_LIST:
            return None
        listed = await link.read(ROUTES[job.step], params={"page_num": 1, "page_size": 50, "sort_by": "-created_at"})
        rows = listed if isinstance(listed, list) else listed.get("result", [])
        since = [r for r in rows if r.get("created_at", 0) / 1000 >= job.created - 5]
        return {"id": str(since[0]["id"])} if len(since) == 1 else None


def read_task(task: dict[str, Any]) -> Look:
    """A task object, as GET, events and webhooks carry it."""
    status = _STATUS.get(str(task.get("status")), "running")
    error = task.get("task_error") or {}
    message = str(error.get("message") or "")
    links = {k: v for k, v in (task.get("model_urls") or {}).items() if v and k not in ("mtl",)}
    result = task.get("result") or {}
    if isinstance(result, dict):
        for key, url in result.items():
            for kind in ("glb", "fbx", "usdz"):
                if isinstance(url, str) and url and key.endswith(f"_{kind}_url"):
                    links.setdefault(kind, url)
    credits = task.get("consumed_credits")
    return Look(
        status,
        int(task.get("progress") or 0),
        message,
        moderated="moderat" in message.lower(),
        urls=links,
        credits=float(credits) if credits is not None else None,
    )
