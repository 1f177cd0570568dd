# SPDX-License-Identifier: Apache-2.0
"""fal.ai's queue (queue.fal.run): any 3D model there by its id; the model is the app's path."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import BadRequest
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import data_uri
from pipeline.generators.provider import Provider
from pipeline.generators.service import PREFERRED, Look, Started

#: models that start from a mesh, by what they do with it
_FROM_MESH = {"fal-ai/trellis-2/retexture": "retexture", "hyper3d/lowpoly/mesh-to-3d": "remesh"}


class Fal(Provider):
    """fal.ai as a generator."""

    name: ClassVar[str] = "fal"
    licence: ClassVar[str] = "as the model's terms say"

    def capability(self) -> Capability:
        """What the queue can do; the model decides the rest."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview", "retexture", "remesh"}),
            honours=frozenset({"prompt", "images", "seed", "count", *self._fields(self.settings.model)}),
            needs_key=True,
            models=("fal-ai/trellis", "fal-ai/trellis-2", "tripo3d/p1/text-to-3d", *_FROM_MESH),
            note="fields of a model go through options.fal.input",
        )

    def headers(self, key: SecretStr | None) -> dict[str, str]:
        """Its own scheme of authorization."""
        return {"Authorization": f"Key {key.get_secret_value()}"} if key else {}

    def model(self, request: Request) -> str:
        """The app's id; a task that starts from a mesh has apps of its own."""
        named = self.option(request, "model")
        app = next((m for m, task in _FROM_MESH.items() if task == request.resolved_task), "")
        return str(named or app or self.settings.model)

    def _fields(self, model: str) -> dict[str, str]:
        """What a model takes beside prompt, pictures and seed: our field -> its own, by `[fal.fields]`.

        A model that is not there gets nothing it might refuse.
        """
        return dict((self.settings.extra("fields") or {}).get(model, {}))

    def body(self, request: Request, seed: int, step: str) -> dict[str, Any]:
        """The model's input."""
        body: dict[str, Any] = {"seed": seed}
        for ours, theirs in self._fields(self.model(request)).items():
            if value := getattr(request, ours, None):
                body[theirs] = value
        pictures = [data_uri(p.path) for p in request.pictures("shape", "blockout")]
        if step == "text":
            body["prompt"] = request.prompt
        elif step in ("retexture", "remesh"):
            if request.source is None:
                raise BadRequest(f"{step} starts from a model", remedy="give one with --existing, as GLB")
            body[str(self.option(request, "mesh_field", "model_url"))] = data_uri(request.source)
            styles = request.pictures("material", "style")
            if styles and step == "retexture":
                body["image_url"] = data_uri(styles[0].path)
        elif step == "image":
            body["image_url"] = pictures[0]
        else:
            body["image_urls"] = pictures
        return body | dict(self.option(request, "input", {}))

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Queue the job; the URLs it answers are used, and only on the queue's own host."""
        headers = {"x-fal-no-retry": "1"}
        answer = await link.create(self.model(request), json=self.body(request, seed, step), headers=headers)
        remote = {"id": str(answer["request_id"])}
        for name in ("status_url", "response_url", "cancel_url"):
            remote[name] = urlsplit(link.url(str(answer[name])))._replace(scheme="", netloc="").geturl()
        return Started(remote)

    async def look(self, link: Connection, job: Job) -> Look:
        """Ask for the status, then for the result."""
        answer = await link.read(job.remote["status_url"], params={"logs": 1})
        status = str(answer.get("status"))
        if status == "IN_QUEUE":
            return Look("queued", 0, f"place {answer.get('queue_position', '?')} in the queue")
        if status != "COMPLETED":
            logs = answer.get("logs") or []
            return Look("running", 0, str(logs[-1].get("message", ""))[:80] if logs else "")
        if answer.get("error"):
            words = str(answer["error"])
            return Look("failed", message=words, moderated="content_policy" in f"{words} {answer.get('error_type')}")
        result = await link.read(job.remote["response_url"])
        return Look("done", 100, urls=links(result))

    async def cancel(self, link: Connection, job: Job) -> bool:
        """Works as long as the job has not started."""
        await link.tell(job.remote["cancel_url"], method="PUT")
        return (await self.look(link, job)).status != "running"


def links(result: Any) -> dict[str, str]:
    """Every file in an answer whose name or URL ends like a model, wherever the model puts it."""
    found: dict[str, str] = {}
    stack = [result]
    while stack:
        item = stack.pop(0)
        if isinstance(item, dict):
            url = item.get("url")
            if isinstance(url, str):
                name = str(item.get("file_name") or urlsplit(url).path)
                kind = name.rpartition(".")[2].lower()
                if kind in PREFERRED:
                    found.setdefault(kind, url)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found
