# SPDX-License-Identifier: Apache-2.0
"""fal's queue: 202 while waiting, 200 when completed, the URLs of the answer without the sub-path."""

from __future__ import annotations

from .server import Reply, Seen, StandIn, answer

KEY = "fal_stand_in"


class FalStandIn(StandIn):
    #: where the answered URLs lead; another host is an attack
    links = ""

    def route(self, seen: Seen) -> Reply:
        if seen.path.startswith("/files/"):
            return self.file(seen)
        if seen.headers.get("authorization") != f"Key {KEY}":
            return answer(401, {"detail": "Invalid key"})
        if seen.method == "POST":
            fault = self.fault("create")
            if fault:
                return fault
            task = self.begin(seen.path, seen.json)
            base = f"{self.links or self.url}/fal-ai/trellis/requests/{task.id}"
            return answer(
                200,
                {
                    "request_id": task.id,
                    "status_url": f"{base}/status",
                    "response_url": base,
                    "cancel_url": f"{base}/cancel",
                },
            )
        fault = self.fault("status")
        if fault:
            return fault
        parts = seen.path.split("/")
        task = self.tasks[parts[parts.index("requests") + 1]]
        state, _ = self.state(task)
        if seen.method == "PUT":
            return answer(202, {"status": "CANCELLATION_REQUESTED"})
        if seen.path.endswith("/status"):
            if state == "queued":
                return answer(202, {"status": "IN_QUEUE", "queue_position": 3})
            if state == "running":
                return answer(202, {"status": "IN_PROGRESS", "logs": [{"message": "sampling"}]})
            error = {"error": self.fail, "error_type": "runtime"} if state == "failed" else {}
            if state == "moderated":
                error = {"error": self.moderated, "error_type": "content_policy_violation"}
            return answer(200, {"status": "COMPLETED", "logs": [], **error})
        return answer(200, {"model_mesh": {"url": f"{self.url}/files/m.glb", "file_name": "m.glb", "file_size": 9}})
