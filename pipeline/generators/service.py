# SPDX-License-Identifier: Apache-2.0
"""What a service's module has to say: how a wish is sent, how a job is looked at, what it cannot honour."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from pipeline.errors import ConfigError
from pipeline.generators.base import Capability, Failure, Request
from pipeline.generators.failures import BadRequest
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Caps, Job
from pipeline.generators.keys import find_key, need_key
from pipeline.settings import load

__all__ = ["PREFERRED", "Look", "Service", "Settings", "Started", "Status", "load_settings", "refuse_task"]

Status = Literal["queued", "running", "done", "failed", "cancelled"]
#: formats in the order in which we would rather have them
PREFERRED = ("glb", "gltf", "usdz", "fbx", "obj", "zip", "stl", "ply")


class Settings(BaseModel):
    """One table of `config/providers.toml`; every key is explained there."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str
    key_env: list[str] = Field(default_factory=list)
    model: str = ""
    requests_per_second: float = Field(default=5.0, gt=0)
    jobs_at_once: int = Field(default=2, ge=1)
    poll_seconds: float = Field(default=3.0, gt=0)
    timeout_minutes: float = Field(default=30.0, gt=0)
    stall_minutes: float = Field(default=0.0, ge=0)
    max_download_mb: int = Field(default=512, ge=1)
    money_per_credit: float = Field(default=0.0, ge=0)
    currency: str = "USD"
    credits: dict[str, float] = Field(default_factory=dict)

    def extra(self, key: str, otherwise: str = "") -> Any:
        """A key that only one service knows."""
        return (self.model_extra or {}).get(key, otherwise)


def load_settings(name: str, project: Path | None = None) -> tuple[Settings, Caps]:
    """The settings of one service and the caps over all, the base URL from `GATES_<NAME>_URL` where it is set.

    Raises
    ------
    ConfigError
        A key has a value that means nothing.
    """
    table = load("providers", project)
    plain = dict(table.get(name, {}))
    plain["url"] = os.environ.get(f"GATES_{name.upper()}_URL") or plain.get("url", "")
    try:
        settings, caps = Settings(**plain), Caps(**table.get("budget", {}))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"providers.{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            remedy="see the comments at the top of config/providers.toml",
        ) from error
    if not settings.url.startswith(("http://", "https://")):
        raise ConfigError(
            f"providers.{name}.url is no web address: {settings.url!r}", remedy=f"set GATES_{name.upper()}_URL"
        )
    return settings, caps


@dataclass(frozen=True)
class Look:
    """What a service said of a job: normalised.

    Attributes
    ----------
    urls
        Result links by extension (`glb`, `fbx`, …).
    inline
        Result bytes by extension, from services that answer with the file itself.
    """

    status: Status
    progress: int = 0
    message: str = ""
    moderated: bool = False
    urls: dict[str, str] = field(default_factory=dict)
    inline: dict[str, bytes] = field(default_factory=dict)
    credits: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """The answer to a create: what is needed to find the job again, and its result where it came at once."""

    remote: dict[str, Any]
    look: Look | None = None


class Service(ABC):
    """A service that is asked over HTTP; with `provider.Provider` a `Generator`.

    Parameters
    ----------
    project
        The project's folder, for its settings.
    jobs
        The ledger's folder; by default `.gates/jobs` of the project, else a folder in the user's state.
    """

    name: ClassVar[str]
    needs_key: ClassVar[bool] = True
    licence: ClassVar[str] = "as the service's terms say"
    #: a path that costs nothing and answers only to a good key; empty where none is known
    probe_path: ClassVar[str] = ""

    def __init__(self, *, project: Path | None = None, jobs: Path | None = None) -> None:
        self.settings, self.caps = load_settings(self.name, project)
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
        self.jobs = jobs or (project / ".gates/jobs" if project else state / "sevengates/jobs")
        #: what did not come of the last `generate`
        self.failures: list[Failure] = []

    @abstractmethod
    def capability(self) -> Capability:
        """What the service can do."""

    def headers(self, key: SecretStr | None) -> dict[str, str]:
        """What goes with every call."""
        return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}

    def key(self) -> SecretStr | None:
        """The service's key.

        Raises
        ------
        KeyRefused
            It needs one and there is none.
        """
        find = need_key if self.needs_key else find_key
        return find(self.name, self.settings.key_env)

    def steps(self, request: Request) -> list[str]:
        """The names of the jobs that one candidate takes, in order."""
        return [request.resolved_task]

    def credits(self, request: Request, step: str) -> float:
        """The estimate for one step."""
        return self.settings.credits.get(step, 0.0)

    def model(self, request: Request) -> str:
        """The service's model for this request."""
        return str(self.option(request, "model") or self.settings.model)

    def option(self, request: Request, key: str, otherwise: Any = None) -> Any:
        """The request's own setting for this service."""
        return request.options.get(self.name, {}).get(key, otherwise)

    def unhonoured(self, request: Request) -> list[str]:
        """What of the request this service ignores, one sentence each."""
        known = self.capability().honours
        asked = {
            "prompt": request.prompt and request.resolved_task == "text",
            "negative_prompt": request.negative_prompt,
            "seed": request.seed,
            "size_m": request.size_m,
            "target_triangles": request.target_triangles,
            "topology": request.topology == "quad",
            "pose": request.pose,
            "parts": request.parts,
            "materials": request.materials,
            "palette": request.palette,
        }
        words = {
            "size_m": "it comes at the service's own scale and is checked against the intent",
            "seed": "the service draws its own; asking again gives something else",
            "negative_prompt": "the service has no such field",
        }
        return [
            f"{self.name} does not honour {field_name}" + (f": {words[field_name]}" if field_name in words else "")
            for field_name, value in asked.items()
            if value and field_name not in known
        ]

    @abstractmethod
    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send one step; `before` holds the finished steps. The paid call is made exactly once."""

    @abstractmethod
    async def look(self, link: Connection, job: Job) -> Look:
        """How a job stands."""

    async def probe(self, link: Connection) -> str:
        """Try the key and the network without cost; returns what the service said, in a few words.

        Raises
        ------
        ServiceError
            It does not answer, or refuses the key.
        """
        if not self.probe_path:
            return "the key is set; the service has no free call to try it with"
        answer = await link.read(self.probe_path)
        data = answer.get("data", answer) if isinstance(answer, dict) else {}
        return f"{data['balance']:g} credits" if isinstance(data.get("balance"), int | float) else "answers"

    async def cancel(self, link: Connection, job: Job) -> bool:
        """Cancel a job at the service; False where it cannot be done."""
        return False

    async def recover(self, link: Connection, job: Job) -> dict[str, Any] | None:
        """Find a job whose create was sent but never answered in the service's own list."""
        return None

    def link_secrets(self, key: SecretStr | None) -> tuple[SecretStr, ...]:
        """Everything that must not be shown."""
        return (key,) if key else ()

    def download_headers(self) -> dict[str, str]:
        """Headers for downloads from the base URL's own host; never the key."""
        return {}


def refuse_task(provider: Service, request: Request) -> None:
    """Refuse what a service cannot do, before anything is sent.

    Raises
    ------
    BadRequest
        The task is none of the service's, or what it starts from is missing.
    """
    task = request.resolved_task
    able = provider.capability().tasks
    if task not in able:
        raise BadRequest(
            f"{provider.name} does not do {task}", remedy=f"it does {', '.join(sorted(able))}; take another generator"
        )
    if task == "text" and not request.prompt.strip():
        raise BadRequest("a text request needs a prompt", remedy="add one with --prompt")
    if task in ("image", "multiview") and not request.pictures("shape", "blockout"):
        raise BadRequest(f"{task} needs a picture with role shape", remedy="add one with --image")
