# SPDX-License-Identifier: Apache-2.0
"""Tencent Cloud's contract: one address, actions in a header, signed calls, errors with status 200."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from .server import Reply, Seen, StandIn, answer

ID, KEY = "AKIDstandin", "stand-in-secret"
_WORDS = {"queued": "WAIT", "running": "RUN", "done": "DONE", "failed": "FAIL", "moderated": "FAIL"}


def error(code: str, message: str) -> Reply:
    return answer(200, {"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r"}})


class TencentStandIn(StandIn):
    def signed(self, seen: Seen) -> bool:
        """The signature made anew as the documentation describes it, from what arrived."""
        head = seen.headers["authorization"]
        fields = dict(part.strip().split("=", 1) for part in head.split(" ", 1)[1].split(","))
        names = fields["SignedHeaders"].split(";")
        values = {n: seen.headers[n] for n in names}
        values["x-tc-action"] = values["x-tc-action"].lower()
        canonical = "POST\n/\n\n" + "".join(f"{n}:{values[n]}\n" for n in names)
        canonical += "\n" + ";".join(names) + "\n" + hashlib.sha256(seen.body).hexdigest()
        stamp = seen.headers["x-tc-timestamp"]
        day = datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%d")
        _, own_day, service, _ = fields["Credential"].split("/")
        to_sign = f"TC3-HMAC-SHA256\n{stamp}\n{day}/{service}/tc3_request\n"
        to_sign += hashlib.sha256(canonical.encode()).hexdigest()
        secret = b"TC3" + KEY.encode()
        for word in (day, service, "tc3_request"):
            secret = hmac.digest(secret, word.encode(), "sha256")
        expected = hmac.new(secret, to_sign.encode(), "sha256").hexdigest()
        return own_day == day and fields["Signature"] == expected and fields["Credential"].startswith(ID)

    def route(self, seen: Seen) -> Reply:
        if seen.path.startswith("/files/"):
            return self.file(seen)
        if not self.signed(seen):
            return error("AuthFailure.SignatureFailure", "The provided credentials could not be validated")
        action = seen.headers["x-tc-action"]
        if action.startswith("Submit"):
            fault = self.fault("create")
            if fault:
                return fault
            return answer(200, {"Response": {"JobId": self.begin(action, seen.json).id, "RequestId": "r"}})
        fault = self.fault("status")
        if fault:
            return fault
        task = self.tasks.get(seen.json["JobId"])
        if task is None:
            return error("InvalidParameterValue", "no such job")
        state, _ = self.state(task)
        response = {
            "Status": _WORDS[state],
            "ErrorCode": "FailedOperation.Moderation" if state == "moderated" else "",
            "ErrorMessage": self.moderated or self.fail,
            "ResultFile3Ds": [
                {"Type": "OBJ", "Url": f"{self.url}/files/a.zip"},
                {"Type": "GLB", "Url": f"{self.url}/files/a.glb"},
            ]
            if state == "done"
            else [],
            "ResultCreditConsumed": 25 if state == "done" else None,
            "RequestId": "r",
        }
        return answer(200, {"Response": response})
