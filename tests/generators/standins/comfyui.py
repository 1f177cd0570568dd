# SPDX-License-Identifier: Apache-2.0
"""ComfyUI's prompt API: upload, prompt, queue, history, view."""

from __future__ import annotations

from .server import Reply, Seen, StandIn, answer


class ComfyStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.path == "/view":
            return self.file(seen)
        if seen.path == "/upload/image":
            assert seen.form["image"][0]
            return answer(200, {"name": "stored.png", "subfolder": "in", "type": "input"})
        if seen.path == "/prompt":
            fault = self.fault("create")
            if fault:
                return fault
            return answer(200, {"prompt_id": self.begin("prompt", seen.json).id, "number": 1, "node_errors": {}})
        fault = self.fault("status")
        if fault:
            return fault
        states = {t.id: self.state(t)[0] for t in self.tasks.values()}
        if seen.path == "/queue":
            rows = {s: [[0, i, {}] for i, x in states.items() if x == s] for s in ("queued", "running")}
            return answer(200, {"queue_pending": rows["queued"], "queue_running": rows["running"]})
        ident = seen.path.rpartition("/")[2]
        state = states.get(ident, "")
        if state not in ("done", "failed"):
            return answer(200, {})
        if state == "failed":
            why = ["execution_error", {"node_type": "Sampler", "exception_message": self.fail}]
            return answer(200, {ident: {"outputs": {}, "status": {"status_str": "error", "messages": [why]}}})
        files = [{"filename": "mesh.glb", "subfolder": "3d", "type": "output"}]
        done = {"status_str": "success", "completed": True, "messages": []}
        return answer(200, {ident: {"outputs": {"7": {"3d": files}}, "status": done}})
