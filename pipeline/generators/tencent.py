# SPDX-License-Identifier: Apache-2.0
"""Hunyuan3D at Tencent Cloud: signed calls (TC3-HMAC-SHA256), Pro and Rapid jobs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import Busy, KeyRefused, Moderated, NoCredit, ServiceError
from pipeline.generators.http import Connection, refusal
from pipeline.generators.jobs import Job
from pipeline.generators.keys import need_key
from pipeline.generators.payloads import clamp, picture_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started, Status

#: submit and query actions; the rapid jobs take a prompt of 200 characters or one picture and name their format
ACTIONS = {
    "pro": ("SubmitHunyuanTo3DProJob", "QueryHunyuanTo3DProJob"),
    "rapid": ("SubmitHunyuanTo3DRapidJob", "QueryHunyuanTo3DRapidJob"),
}
_STATUS: dict[str, Status] = {"WAIT": "queued", "RUN": "running", "DONE": "done", "FAIL": "failed"}


def sign(secret_id: str, secret_key: str, service: str, headers: dict[str, str], body: bytes, when: int) -> str:
    """The Authorization header of TC3-HMAC-SHA256 for a POST to `/` (Tencent Cloud API 3.0, signature v3).

    `headers` are those to sign, in the order of their lower-case names; `when` is seconds since the epoch.
    """
    date = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d")
    signed = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(["POST", "/", "", lines, signed, hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{service}/tc3_request"
    text = "\n".join(["TC3-HMAC-SHA256", str(when), scope, hashlib.sha256(canonical.encode()).hexdigest()])

    def mac(key: bytes, message: str) -> bytes:
        return hmac.new(key, message.encode(), hashlib.sha256).digest()

    key = mac(mac(mac(f"TC3{secret_key}".encode(), date), service), "tc3_request")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


class Tencent(Provider):
    """Hunyuan3D at Tencent Cloud as a generator; needs an id (`GATES_TENCENT_ID`) and a key."""

    name: ClassVar[str] = "tencent"

    def capability(self) -> Capability:
        """What the Pro jobs can do, and with model `rapid` the quick ones."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview"}),
            honours=frozenset({"prompt", "images", "target_triangles", "topology", "pbr", "count"}),
            formats=("glb", "obj", "fbx", "usdz"),
            needs_key=True,
            models=("3.0", "3.1", "rapid"),
        )

    def headers(self, key: SecretStr | None) -> dict[str, str]:
        """Calls are signed one by one."""
        return {}

    def _secret_id(self) -> SecretStr:
        return need_key("tencent-id", list(self.settings.extra("id_env", "")) or ["GATES_TENCENT_ID"])

    def link_secrets(self, key: SecretStr | None) -> tuple[SecretStr, ...]:
        """The id is kept from messages too."""
        return (*super().link_secrets(key), self._secret_id())

    def body(self, request: Request, step: str) -> dict[str, Any]:
        """The fields of one job."""
        model = self.model(request)
        if model == "rapid":
            return self._rapid(request, step)
        body: dict[str, Any] = {"Model": model, "EnablePBR": request.pbr}
        if kind := self.option(request, "generate_type"):
            body["GenerateType"] = str(kind)
        if request.target_triangles:
            body["FaceCount"] = clamp(request.target_triangles, 3000, 1_500_000)
        if request.topology == "quad" and model != "3.1":
            body |= {"GenerateType": "LowPoly", "PolygonType": "quadrilateral"}
        shapes = request.pictures("shape", "blockout")
        if step == "text":
            return body | {"Prompt": request.prompt[:1024]}
        front = next((p for p in shapes if p.view == "front"), shapes[0])
        body["ImageBase64"] = base64.b64encode(picture_bytes(front)).decode()
        allowed = ("left", "right", "back") + (("top", "bottom") if model == "3.1" else ())
        others = [p for p in shapes if p is not front and p.view in allowed]
        if step == "multiview" and others:
            body["MultiViewImages"] = [
                {"ViewType": p.view, "ViewImageBase64": base64.b64encode(picture_bytes(p)).decode()} for p in others
            ]
        return body

    def _rapid(self, request: Request, step: str) -> dict[str, Any]:
        """The fields of a rapid job: no face count, no views."""
        body: dict[str, Any] = {"ResultFormat": "GLB", "EnablePBR": request.pbr}
        if step == "text":
            return body | {"Prompt": request.prompt[:200]}
        shapes = request.pictures("shape", "blockout")
        front = next((p for p in shapes if p.view == "front"), shapes[0])
        return body | {"ImageBase64": base64.b64encode(picture_bytes(front)).decode()}

    def unhonoured(self, request: Request) -> list[str]:
        """Beside the fields it lacks: what the rapid jobs leave out, and quads on model 3.1."""
        notes = super().unhonoured(request)
        model = self.model(request)
        if model == "rapid":
            if request.target_triangles:
                notes.append("tencent's rapid jobs take no target_triangles")
            if request.resolved_task == "multiview":
                notes.append("tencent's rapid jobs take one picture: the front")
            if len(request.prompt) > 200:
                notes.append("tencent's rapid jobs read 200 characters of the prompt")
        if request.topology == "quad" and model in ("3.1", "rapid"):
            notes.append(f"tencent's {model} makes triangles only")
        return notes

    async def _call(self, link: Connection, action: str, fields: dict[str, Any], create: bool) -> dict[str, Any]:
        body = json.dumps(fields).encode()
        when = int(link.clock.now())
        host = urlsplit(link.base).netloc
        service = str(self.settings.extra("service", (urlsplit(link.base).hostname or "").split(".")[0]))
        key = self.key()
        secret = key.get_secret_value() if key else ""
        kind = "application/json; charset=utf-8"
        signed = {"content-type": kind, "host": host, "x-tc-action": action.lower()}
        headers = {
            "Content-Type": kind,
            "Host": host,
            "X-TC-Action": action,
            "X-TC-Version": str(self.settings.extra("version", "2023-09-01")),
            "X-TC-Region": str(self.settings.extra("region", "ap-singapore")),
            "X-TC-Timestamp": str(when),
            "Authorization": sign(self._secret_id().get_secret_value(), secret, service, signed, body, when),
        }
        send: dict[str, Any] = {"content": body, "headers": headers}
        answer = await (link.create("/", **send) if create else link.read("/", method="POST", **send))
        response: dict[str, Any] = answer.get("Response") or {}
        if response.get("Error"):
            raise _refused(response["Error"])
        return response

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Submit a job."""
        kind = "rapid" if self.model(request) == "rapid" else "pro"
        answer = await self._call(link, ACTIONS[kind][0], self.body(request, step), create=True)
        return Started({"id": str(answer["JobId"]), "kind": kind})

    async def look(self, link: Connection, job: Job) -> Look:
        """Query a job; the signature is made anew for each look."""
        action = ACTIONS.get(str(job.remote.get("kind")), ACTIONS["pro"])[1]
        answer = await self._call(link, action, {"JobId": job.remote_id}, create=False)
        files = answer.get("ResultFile3Ds") or []
        links = {str(f.get("Type", "")).lower(): str(f.get("Url", "")) for f in files if f.get("Url")}
        message = str(answer.get("ErrorMessage") or "")
        credits = answer.get("ResultCreditConsumed")
        return Look(
            _STATUS.get(str(answer.get("Status")), "running"),
            message=message,
            moderated=_is_moderation(f"{answer.get('ErrorCode', '')} {message}"),
            urls=links,
            credits=float(credits) if credits is not None else None,
        )


def _is_moderation(text: str) -> bool:
    return any(word in text.lower() for word in ("moderation", "sensitive", "illegal", "contentsecurity"))


def _refused(error: dict[str, Any]) -> ServiceError:
    code, said = str(error.get("Code", "")), str(error.get("Message", ""))
    text = f"tencent: {said} ({code})"
    if _is_moderation(text):
        return Moderated(text, remedy="change the prompt or the pictures")
    if code.startswith("AuthFailure"):
        return KeyRefused(text, remedy="check GATES_TENCENT_ID and GATES_TENCENT_KEY, and the computer's clock")
    if code.startswith(("RequestLimitExceeded", "LimitExceeded")):
        return Busy(text, remedy="ask for fewer candidates at once")
    if code.startswith(("ResourceInsufficient", "FailedOperation.NotEnough", "ResourceUnavailable")):
        return NoCredit(text, remedy="buy credits, or take another generator")
    return refusal("tencent", 500 if code.startswith("InternalError") else 400, f"{said} ({code})")
