# SPDX-License-Identifier: Apache-2.0
"""Meshy's contract: five verbs on each route, 202 with a result id, task objects with epoch milliseconds."""

from __future__ import annotations

from typing import Any

from .server import Reply, Seen, StandIn, Task, answer

KEY = "msy_stand_in"
_WORDS = {"queued": "PENDING", "running": "IN_PROGRESS", "done": "SUCCEEDED", "failed": "FAILED", "moderated": "FAILED"}


class MeshyStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.path.startswith("/files/"):
            return self.file(seen)
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            return answer(401, {"message": "Invalid API key"})
        if seen.path == "/openapi/v1/balance":
            return answer(200, {"balance": 180})
        route, _, last = seen.path.rpartition("/")
        if seen.method == "POST":
            fault = self.fault("create")
            if fault and not fault.drop:
                return fault
            if not seen.path.startswith("/openapi/"):
                return answer(404, {"message": "NotFound"})
            if len(seen.json.get("prompt", "")) > 600:
                return answer(400, {"message": "prompt too long"})
            task = self.begin(seen.path, seen.json)
            # the request was taken; only its answer is lost
            return fault or answer(202, {"result": task.id})
        fault = self.fault("status")
        if fault:
            return fault
        if last in self.tasks and self.tasks[last].kind == route:
            if seen.method == "DELETE":
                del self.tasks[last]
                return answer(200, {})
            return answer(200, self.task(self.tasks[last]))
        if seen.method == "GET" and "page_size" in seen.query:
            return answer(200, [self.task(t) for t in reversed(self.tasks.values()) if t.kind == seen.path])
        return answer(404, {"message": "Task not found"})

    def task(self, task: Task) -> dict[str, Any]:
        state, progress = self.state(task)
        done = state == "done"
        body: dict[str, Any] = {
            "id": task.id,
            "status": _WORDS[state],
            "progress": progress,
            "created_at": int(task.created * 1000),
            "model_urls": {"glb": f"{self.url}/files/{task.id}/model.glb?Expires=1", "fbx": ""} if done else {},
            "texture_urls": [{"base_color": f"{self.url}/files/t.png"}] if done else [],
            "consumed_credits": (10 if task.body.get("mode") == "refine" else 20) if done else 0,
            "task_error": {"message": self.moderated or self.fail},
        }
        if task.kind.endswith(("rigging", "animations")) and done:
            body["model_urls"] = {}
            body["result"] = {"rigged_character_glb_url": f"{self.url}/files/rig.glb"}
        return body
