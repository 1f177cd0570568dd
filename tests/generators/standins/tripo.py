# SPDX-License-Identifier: Apache-2.0
"""Tripo's version 3 contract: an envelope with a code, uploads to tokens, tasks by id."""

from __future__ import annotations

from datetime import UTC, datetime

from .server import Reply, Seen, StandIn, answer

KEY = "tsk_stand_in"
_WORDS = {"queued": "queued", "running": "running", "done": "success", "failed": "failed", "moderated": "banned"}


class TripoStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.path.startswith("/files/"):
            return self.file(seen)
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            return answer(401, {"code": 1002, "message": "Authentication failed", "suggestion": "check the key"})
        if seen.path == "/v3/files":
            assert seen.form["file"][0]
            return answer(200, {"code": 0, "data": {"file_token": "file_1"}})
        if seen.path == "/v3/account/usage":
            rows = [
                {"task_id": t.id, "created_at": datetime.fromtimestamp(t.created, UTC).isoformat()}
                for t in self.tasks.values()
            ]
            return answer(200, {"code": 0, "data": {"items": rows}})
        if seen.method == "POST":
            fault = self.fault("create")
            if fault and not fault.drop:
                return fault
            task = self.begin(seen.path, seen.json)
            return fault or answer(200, {"code": 0, "data": {"task_id": task.id}})
        fault = self.fault("status")
        if fault:
            return fault
        task = self.tasks.get(seen.path.rpartition("/")[2])
        if task is None:
            return answer(404, {"code": 2001, "message": "Task not found"})
        state, progress = self.state(task)
        output = {"model_url": f"{self.url}/files/{task.id}.glb?sig=x"} if state == "done" else {}
        data = {
            "task_id": task.id,
            "status": _WORDS[state],
            "progress": progress,
            "output": output,
            "credits_consumed": 20 if state == "done" else 0,
            "error_msg": self.fail if state == "failed" else None,
            "error_code": 2008 if state == "moderated" else None,
        }
        return answer(200, {"code": 0, "data": data})
