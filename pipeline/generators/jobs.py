# SPDX-License-Identifier: Apache-2.0
"""The ledger of paid jobs: written and synced before anything is waited for, so that a kill loses no money.

One JSON file a job, replaced atomically; results lie beside them by content. Several processes may share a folder.

States: `sending` (the create is under way), `queued`, `running`, `done` (made, not fetched), `fetched`; and the ends
`failed`, `moderated`, `cancelled`, `lost` (sent, no answer).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import GeneratorError
from pipeline.generators.failures import Busy, OverBudget

State = Literal["sending", "queued", "running", "done", "fetched", "failed", "moderated", "cancelled", "lost"]
#: states in which a job has cost, or may have cost, what it was estimated at
CHARGED = frozenset({"sending", "queued", "running", "done", "fetched", "lost"})
#: states after which the same wish may be sent again
FREE = frozenset({"failed", "cancelled"})


class Job(BaseModel):
    """One call that may cost.

    Attributes
    ----------
    key
        What was asked, as a digest: the same wish finds its job again.
    remote
        What the service gave to find it: its id, and whatever else it needs.
    credits, money
        What it cost, as the service said, else as estimated.
    file
        Name of the result in the ledger's `files` folder.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    service: str
    step: str
    key: str
    asset: str = ""
    seed: int = 0
    state: State = "sending"
    remote: dict[str, Any] = Field(default_factory=dict)
    progress: int = 0
    message: str = ""
    credits: float = 0.0
    money: float = 0.0
    currency: str = "USD"
    created: float = 0.0
    updated: float = 0.0
    file: str = ""
    host: str = ""
    pid: int = 0

    @property
    def remote_id(self) -> str:
        """The service's own id, empty before it is known."""
        return str(self.remote.get("id", ""))


class Caps(BaseModel):
    """What may be spent; 0 means no cap. See `config/providers.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_credits: float = Field(default=0.0, ge=0)
    asset_credits: float = Field(default=0.0, ge=0)
    project_money: float = Field(default=0.0, ge=0)
    asset_money: float = Field(default=0.0, ge=0)


class Ledger:
    """The jobs of one folder.

    Raises
    ------
    GeneratorError
        The folder cannot be written: nothing would be recorded, so nothing is sent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        try:
            self.files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GeneratorError(
                f"jobs cannot be recorded: {error.strerror}",
                path=folder,
                remedy="make that folder writable; without a record nothing is sent",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _write(self, job: Job, sync: bool = True) -> Job:
        target = self.folder / f"{job.id}.json"
        partial = target.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            file.write(job.model_dump_json(indent=1))
            if sync:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(target)
        if not sync:
            return job
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return job

    def load(self, job_id: str) -> Job:
        """One job by our id.

        Raises
        ------
        GeneratorError
            There is none, or its record is damaged.
        """
        path = self.folder / f"{job_id}.json"
        try:
            return Job.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise GeneratorError(
                f"the record of job {job_id} cannot be read", path=path, remedy="restore it, or ask the service"
            ) from error

    def all(self, key: str = "") -> list[Job]:
        """Every readable job, or those of one wish, oldest first."""
        found = []
        for path in self.folder.glob(f"{key[:16]}*.json"):
            try:
                found.append(self.load(path.stem))
            except GeneratorError:
                continue
        return sorted(found, key=lambda j: (j.created, j.id))

    def find(self, key: str) -> Job | None:
        """The newest job for a wish."""
        return next((j for j in reversed(self.all(key)) if j.key == key), None)

    def by_remote(self, service: str, remote_id: str) -> Job | None:
        """The job that a service calls by this id."""
        return next((j for j in self.all() if j.service == service and j.remote_id == remote_id), None)

    def spent(self, asset: str | None = None) -> tuple[float, float]:
        """Credits and money of everything that cost or may have cost, for one asset or for all."""
        jobs = [j for j in self.all() if j.state in CHARGED and asset in (None, j.asset)]
        return sum(j.credits for j in jobs), sum(j.money for j in jobs)

    def begin(self, job: Job, caps: Caps) -> Job:
        """Record that a job is about to be sent, if the caps allow it.

        Raises
        ------
        OverBudget
            A cap would be passed.
        Busy
            Another process is sending the same wish now.
        """
        with self._locked():
            twin = self.find(job.key)
            if twin and twin.state not in FREE:
                raise Busy(
                    f"the same {job.service} job is being sent by another process",
                    remedy="wait for it; asking again takes its result",
                )
            for asset, credits_cap, money_cap in (
                (None, caps.project_credits, caps.project_money),
                (job.asset, caps.asset_credits, caps.asset_money),
            ):
                used_credits, used_money = self.spent(asset)
                whose = f"asset {asset}" if asset else "the project"
                for used, more, cap, unit in (
                    (used_credits, job.credits, credits_cap, "credits"),
                    (used_money, job.money, money_cap, job.currency),
                ):
                    if cap and used + more > cap + 1e-9:
                        raise OverBudget(
                            f"{job.service} {job.step} would cost {more:g} {unit}; "
                            f"{whose} has spent {used:g} of {cap:g}",
                            remedy="raise the cap under [providers.budget] in gates.toml, or ask for fewer candidates",
                        )
            return self._write(job.model_copy(update={"host": socket.gethostname(), "pid": os.getpid()}))

    def update(self, job: Job, *, sync: bool = True, **changes: Any) -> Job:
        """Record changes on top of what is on disk now; `sync=False` for what may be lost, such as progress."""
        with self._locked():
            return self._write(self.load(job.id).model_copy(update=changes), sync)

    def is_sending(self, job: Job) -> bool:
        """Whether the process that sends a job still lives."""
        if job.state != "sending" or job.host != socket.gethostname() or job.pid == os.getpid():
            return False
        try:
            os.kill(job.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def keep(self, path: Path, extension: str) -> str:
        """Move a fetched file into the ledger under its content's name; returns that name."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        name = f"{digest.hexdigest()}.{extension}"
        path.replace(self.files / name)
        return name

    def copy(self, job: Job, to: Path) -> Path | None:
        """Copy a job's result to a new file, or None where it is no longer there."""
        kept = self.files / job.file
        if not job.file or not kept.is_file():
            return None
        partial = to.with_name(f".{to.name}.part")
        try:
            shutil.copyfile(kept, partial)
            partial.replace(to)
        finally:
            partial.unlink(missing_ok=True)
        return to

    def tell(self, job: Job) -> None:
        """Wake whoever waits for a job: its service said that something changed."""
        (self.folder / f"{job.id}.told").touch()

    def told(self, job: Job) -> bool:
        """Whether `tell` was called since this was last asked."""
        try:
            (self.folder / f"{job.id}.told").unlink()
        except FileNotFoundError:
            return False
        return True

    def scratch(self) -> Path:
        """A new name for a file that is being fetched."""
        return self.folder / f".fetch-{uuid.uuid4().hex}"


def new_job(service: str, step: str, key: str, **facts: Any) -> Job:
    """A job that has not been sent."""
    return Job(id=f"{key[:16]}-{uuid.uuid4().hex[:16]}", service=service, step=step, key=key, **facts)
