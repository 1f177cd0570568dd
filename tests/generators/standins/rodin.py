# SPDX-License-Identifier: Apache-2.0
"""Rodin's contract: 201 on success, several jobs under one key, a download list that is incomplete before the end."""

from __future__ import annotations

from .server import Reply, Seen, StandIn, answer

KEY = "rodin_stand_in"


class RodinStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.path.startswith("/files/"):
            return self.file(seen)
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            return answer(401, {"error": "UNAUTHORIZED", "message": "bad key"})
        if seen.path == "/api/v2/rodin":
            fault = self.fault("create")
            if fault:
                return fault
            task = self.begin("rodin", seen.form)
            jobs = {"uuids": ["a", "b"], "subscription_key": f"sub-{task.id}"}
            return answer(201, {"error": None, "message": "Submitted.", "uuid": task.id, "jobs": jobs})
        fault = self.fault("status")
        if fault:
            return fault
        if seen.path == "/api/v2/status":
            task = self.tasks[seen.json["subscription_key"].removeprefix("sub-")]
            state, progress = self.state(task)
            end = {"queued": "Waiting", "running": "Generating", "done": "Done"}.get(state, "Failed")
            first = "Done" if progress > 60 and end != "Failed" else end
            return answer(201, {"error": "OK", "jobs": [{"uuid": "a", "status": first}, {"uuid": "b", "status": end}]})
        rows = [{"name": "preview.webp", "url": f"{self.url}/files/preview.webp"}]
        partial = self.fault("list")
        if not partial:
            rows.append({"name": "base_basic_pbr.glb", "url": f"{self.url}/files/m.glb"})
        return answer(201, {"error": "OK", "list": rows})
