# SPDX-License-Identifier: Apache-2.0
"""ComfyUI: a studio's own workflow, exported in API format, with places for what the request says.

In the workflow's values these words are replaced: `%prompt%`, `%negative%`, `%seed%`, `%triangles%`, `%image%`,
`%image2%` …, `%texture_size%`. A value that is nothing but one of the numbers becomes a number.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode, urljoin

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import BadRequest
from pipeline.generators.http import Connection, words_of
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import mime, picture_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import PREFERRED, Look, Started


class ComfyUI(Provider):
    """A ComfyUI server as a generator; `options.comfyui.workflow` names the JSON file."""

    name: ClassVar[str] = "comfyui"
    probe_path: ClassVar[str] = "system_stats"
    needs_key: ClassVar[bool] = False
    licence: ClassVar[str] = "as the workflow's models say"

    def capability(self) -> Capability:
        """What a workflow can be given."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview", "retexture", "remesh"}),
            honours=frozenset({"prompt", "negative_prompt", "images", "seed", "target_triangles", "count"}),
            note="needs options.comfyui.workflow: a workflow saved in API format",
        )

    def model(self, request: Request) -> str:
        """The workflow's file name."""
        return Path(str(self.option(request, "workflow") or "workflow")).stem

    def workflow(self, request: Request) -> dict[str, Any]:
        """The workflow as it was saved.

        Raises
        ------
        BadRequest
            There is none, or it is not in API format.
        """
        path = self.option(request, "workflow") or self.settings.extra("workflow")
        if not path:
            raise BadRequest(
                "ComfyUI needs a workflow", remedy="save one with Export (API) and set options.comfyui.workflow"
            )
        try:
            graph = json.loads(Path(str(path)).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadRequest(
                f"the workflow cannot be read: {error}", path=str(path), remedy="save it again with Export (API)"
            ) from error
        if not isinstance(graph, dict) or not all(isinstance(n, dict) and "class_type" in n for n in graph.values()):
            raise BadRequest(
                "the workflow is not in API format", path=str(path), remedy="save it with Export (API), not Save"
            )
        return graph

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Upload the pictures, fill the workflow, queue it."""
        graph = self.workflow(request)
        values: dict[str, str | int] = {
            "prompt": request.prompt,
            "negative": request.negative_prompt,
            "seed": seed,
            "triangles": request.target_triangles,
            "texture_size": request.texture_size,
        }
        for i, picture in enumerate(request.images):
            # a name of its own: ComfyUI renames what exists, and answers the name it took
            name = f"{uuid.uuid4().hex}{picture.path.suffix.lower()}"
            sent = {"image": (name, picture_bytes(picture), mime(picture.path))}
            stored = await link.read("upload/image", method="POST", files=sent)
            folder = f"{stored['subfolder']}/" if stored.get("subfolder") else ""
            values["image" if i == 0 else f"image{i + 1}"] = f"{folder}{stored['name']}"
        body = {"prompt": filled(graph, values), "client_id": uuid.uuid4().hex}
        answer = await link.create("prompt", json=body)
        if answer.get("node_errors"):
            raise BadRequest(f"ComfyUI: {words_of(answer)}", remedy="open the workflow in ComfyUI and mend the node")
        return Started({"id": str(answer["prompt_id"])})

    async def look(self, link: Connection, job: Job) -> Look:
        """The history has it when it ended; the queue tells whether it runs."""
        entry = (await link.read(f"history/{job.remote_id}")).get(job.remote_id)
        if entry is None:
            queue = await link.read("queue")
            waiting = [row[1] for row in queue.get("queue_pending", []) if len(row) > 1]
            if job.remote_id in waiting:
                return Look("queued", 0, f"place {waiting.index(job.remote_id) + 1} in the queue")
            running = [row[1] for row in queue.get("queue_running", []) if len(row) > 1]
            if job.remote_id in running:
                return Look("running")
            # it may have ended between the two questions
            entry = (await link.read(f"history/{job.remote_id}")).get(job.remote_id)
            if entry is None:
                return Look("failed", message="ComfyUI does not know the job any more: it was restarted or cleared")
        state = entry.get("status") or {}
        if state.get("status_str") == "error":
            return Look("failed", message=_why(state))
        return Look("done", 100, urls=self._links(link, entry.get("outputs") or {}))

    def _links(self, link: Connection, outputs: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in outputs.values():
            for rows in node.values():
                for row in rows if isinstance(rows, list) else []:
                    name = row.get("filename", "") if isinstance(row, dict) else ""
                    kind = str(name).rpartition(".")[2].lower()
                    if kind in PREFERRED:
                        query = {k: row.get(k, "") for k in ("filename", "subfolder", "type")}
                        found.setdefault(kind, urljoin(link.base, f"view?{urlencode(query)}"))
        return found

    async def cancel(self, link: Connection, job: Job) -> bool:
        """Take it out of the queue, or interrupt it."""
        queue = await link.read("queue")
        if any(job.remote_id in row for row in queue.get("queue_running", [])):
            await link.tell("interrupt", json={"prompt_id": job.remote_id})
        else:
            await link.tell("queue", json={"delete": [job.remote_id]})
        return True


def filled(graph: Any, values: dict[str, str | int]) -> Any:
    """The workflow with its places filled; whole values keep their type."""
    if isinstance(graph, dict):
        return {key: filled(value, values) for key, value in graph.items()}
    if isinstance(graph, list):
        return [filled(value, values) for value in graph]
    if isinstance(graph, str):
        for name, value in values.items():
            if graph == f"%{name}%":
                return value
            graph = graph.replace(f"%{name}%", str(value))
    return graph


def _why(state: dict[str, Any]) -> str:
    for message in state.get("messages") or []:
        if isinstance(message, list) and len(message) > 1 and message[0] == "execution_error":
            said = message[1]
            return f"{said.get('node_type', 'a node')}: {said.get('exception_message', '')}".strip()
    return "the workflow failed"
