# SPDX-License-Identifier: Apache-2.0
"""Running jobs of several services at once: record, send once, wait, fetch at once; resume what was begun."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import GatesError
from pipeline.generators.base import TRAINED, Candidate, Cost, Failure, Request, provenance
from pipeline.generators.download import Downloads, checked
from pipeline.generators.failures import (
    BadDownload,
    Busy,
    JobFailed,
    JobLost,
    JobPending,
    Moderated,
)
from pipeline.generators.http import Connection
from pipeline.generators.jobs import FREE, Job, Ledger, new_job
from pipeline.generators.pace import Backoff, Clock, WallClock
from pipeline.generators.service import PREFERRED, Look, Service, refuse_task
from pipeline.progress import step as tell


@dataclass
class Outcome:
    """What came and what did not; `errors` are the failures as exceptions, in the same order."""

    candidates: list[Candidate] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    errors: list[GatesError] = field(default_factory=list)


def collect(
    request: Request,
    out: Path,
    providers: Sequence[Service],
    *,
    jobs: Path,
    clock: Clock | None = None,
    backoff: Backoff | None = None,
) -> Outcome:
    """Ask several services for `request.count` candidates each, all at once under each one's limits.

    Parameters
    ----------
    out
        Folder that gets the files.
    jobs
        Folder of the ledger: what it knows of this wish is resumed and not sent again.

    Returns
    -------
    Outcome
        Candidates in the order of services and seeds; a failure never takes the others with it.
    """
    work = _collect(request, out, providers, Ledger(jobs), clock or WallClock(), backoff or Backoff())
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, work).result()


async def _collect(
    request: Request,
    out: Path,
    providers: Sequence[Service],
    ledger: Ledger,
    clock: Clock,
    backoff: Backoff,
) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    answers = await asyncio.gather(*(_ask(p, request, out, ledger, clock, backoff) for p in providers))
    outcome = Outcome()
    for provider, rows in zip(providers, answers, strict=True):
        for seed, row in rows:
            if isinstance(row, Candidate):
                outcome.candidates.append(row)
            else:
                outcome.errors.append(row)
                outcome.failed.append(
                    Failure(
                        generator=provider.name,
                        code=row.code,
                        message=str(row),
                        seed=seed,
                        job_id=getattr(row, "job_id", ""),
                        retry=getattr(row, "retry", False),
                    )
                )
    return outcome


async def _ask(
    provider: Service, request: Request, out: Path, ledger: Ledger, clock: Clock, backoff: Backoff
) -> list[tuple[int, Candidate | GatesError]]:
    seeds = [(request.seed + i) % 2**32 for i in range(request.count)]
    try:
        refuse_task(provider, request)
        async with connect(provider, clock, backoff) as link:
            gate = asyncio.Semaphore(provider.settings.jobs_at_once)
            run = _Run(provider, request, out, ledger, link, clock, backoff, gate)
            rows = await asyncio.gather(*(run.guarded(seed) for seed in seeds))
    except GatesError as error:
        return [(seed, error) for seed in seeds]
    return list(zip(seeds, rows, strict=True))


def job_key(provider: Service, request: Request, seed: int, step: str) -> str:
    """The name of one step of one candidate in the ledger: the same wish has the same name."""
    alone = request.model_copy(update={"seed": seed, "count": 1})
    text = "\n".join((provider.name, provider.settings.url, step, alone.digest()))
    return hashlib.sha256(text.encode()).hexdigest()


def unpaid_steps(provider: Service, request: Request) -> list[str]:
    """The steps of all candidates that would be sent now: those the ledger holds are resumed instead."""
    ledger = Ledger(provider.jobs) if provider.jobs.is_dir() else None
    unpaid = []
    for i in range(request.count):
        seed = (request.seed + i) % 2**32
        for step in provider.steps(request):
            known = ledger.find(job_key(provider, request, seed, step)) if ledger else None
            if known is None or known.state in FREE:
                unpaid.append(step)
    return unpaid


def connect(provider: Service, clock: Clock | None = None, backoff: Backoff | None = None) -> Connection:
    """A connection to a service with its key and its rate.

    Raises
    ------
    KeyRefused
        It needs a key and there is none.
    """
    key = provider.key()
    return Connection(
        provider.name,
        provider.settings.url,
        headers=provider.headers(key),
        secrets=provider.link_secrets(key),
        per_second=provider.settings.requests_per_second,
        clock=clock,
        backoff=backoff,
        timeout=float(provider.settings.extra("answer_seconds", "60")),
    )


@dataclass
class _Run:
    """One service at work on one request."""

    provider: Service
    request: Request
    out: Path
    ledger: Ledger
    link: Connection
    clock: Clock
    backoff: Backoff
    gate: asyncio.Semaphore

    async def guarded(self, seed: int) -> Candidate | GatesError:
        """One candidate, or why it did not come."""
        try:
            async with self.gate:
                return await self.candidate(seed)
        except GatesError as error:
            return error

    def _key(self, seed: int, step: str) -> str:
        return job_key(self.provider, self.request, seed, step)

    async def candidate(self, seed: int) -> Candidate:
        """All steps of one candidate, resumed where they were left."""
        steps = self.provider.steps(self.request)
        done: list[Job] = []
        for name in steps:
            job, look = await self._started(seed, name, done)
            if job.state in ("queued", "running"):
                job, look = await self._finished(job, look)
            if name == steps[-1] and (job.state == "done" or not (self.ledger.files / job.file).is_file()):
                job = await self._fetched(job, look)
            done.append(job)
        return self._candidate(seed, done)

    async def _started(self, seed: int, name: str, done: list[Job]) -> tuple[Job, Look | None]:
        """The job of a step: found in the ledger, or sent now."""
        key = self._key(seed, name)
        known = self.ledger.find(key)
        if known and known.state not in FREE:
            return await self._resumed(known), None
        settings = self.provider.settings
        credits = self.provider.credits(self.request, name)
        now = self.clock.now()
        job = self.ledger.begin(
            new_job(
                self.provider.name,
                name,
                key,
                asset=self.request.asset,
                seed=seed,
                credits=credits,
                money=credits * settings.money_per_credit,
                currency=settings.currency,
                created=now,
                updated=now,
            ),
            self.provider.caps,
        )
        tell(f"{self.provider.name} {name} (seed {seed}): sending", 0, 100)
        try:
            started = await self.provider.create(self.link, self.request, seed, name, done)
        except Moderated as error:
            self.ledger.update(job, state="moderated", message=error.message, updated=self.clock.now())
            raise
        except JobLost as error:
            self.ledger.update(job, state="lost", message=error.message, updated=self.clock.now())
            raise
        except GatesError as error:
            self.ledger.update(job, state="failed", message=error.message, updated=self.clock.now())
            raise
        job = self.ledger.update(job, state="queued", remote=started.remote, updated=self.clock.now())
        look = started.look
        if look is not None and look.status == "done" and look.inline:
            job = await self._fetched(self._settled(job, look), look)
        return job, look

    async def _resumed(self, job: Job) -> Job:
        if job.state == "moderated":
            raise Moderated(job.message, job_id=job.remote_id, remedy="change the prompt or the pictures")
        if job.state == "fetched" or (job.state not in ("sending", "lost")):
            return job
        if self.ledger.is_sending(job):
            raise Busy("another process is sending this very job", remedy="wait for it; asking again takes its result")
        remote = await self.provider.recover(self.link, job)
        if remote is None:
            self.ledger.update(job, state="lost")
            raise JobLost(
                f"{job.service} was asked for this before and its answer was lost: it may have been paid for",
                remedy=f"look into your account there; to send it anew add the option {job.service}.again=1",
            )
        return self.ledger.update(job, state="queued", remote=remote, updated=self.clock.now())

    async def _finished(self, job: Job, look: Look | None) -> tuple[Job, Look]:
        """Wait until a job ends."""
        settings = self.provider.settings
        begun = moved = self.clock.now()
        pause, progress = settings.poll_seconds, -1
        while True:
            if look is None:
                look = await self.provider.look(self.link, job)
            now = self.clock.now()
            label = f"{self.provider.name} {job.step} (seed {job.seed})"
            tell(f"{label}: {look.message or look.status}", look.progress, 100)
            if look.status == "done":
                return self._settled(job, look), look
            if look.status in ("failed", "cancelled"):
                self._ended(job, look)
            if (look.progress, look.status) != (progress, job.state):
                moved, progress = now, look.progress
                job = self.ledger.update(job, sync=False, state=look.status, progress=look.progress, updated=now)
            stalled = settings.stall_minutes and now - moved > settings.stall_minutes * 60
            if stalled or now - begun > settings.timeout_minutes * 60:
                why = f"stands at {look.progress} %" if stalled else "is not finished"
                raise JobPending(
                    f"{label} {why} after {round((now - (moved if stalled else begun)) / 60)} minutes",
                    job_id=job.remote_id,
                    remedy="it is recorded: asking again goes on waiting for it and pays nothing",
                )
            await self._pause(job, pause)
            pause = min(pause * 1.3, settings.poll_seconds * 4)
            look = None

    async def _pause(self, job: Job, seconds: float) -> None:
        """Wait, unless a webhook or a cancel comes first."""
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0:
            await self.clock.sleep(min(left, 1.0))
            if self.ledger.told(job):
                return
            if self.ledger.load(job.id).state == "cancelled":
                raise JobFailed("the job was cancelled", job_id=job.remote_id, remedy="ask again to start a new one")

    def _settled(self, job: Job, look: Look) -> Job:
        changes: dict[str, Any] = {"state": "done", "progress": 100, "updated": self.clock.now()}
        if look.credits is not None:
            changes |= {"credits": look.credits, "money": look.credits * self.provider.settings.money_per_credit}
        if look.facts:
            changes["remote"] = {**job.remote, **look.facts}
        return self.ledger.update(job, **changes)

    def _ended(self, job: Job, look: Look) -> None:
        state = "moderated" if look.moderated else look.status
        self.ledger.update(job, state=state, message=look.message, updated=self.clock.now())
        text = f"{self.provider.name} {job.step}: {look.message or look.status}"
        if look.moderated:
            raise Moderated(text, job_id=job.remote_id, remedy="change the prompt or the pictures")
        raise JobFailed(text, job_id=job.remote_id, remedy="ask again, or change what was asked")

    async def _fetched(self, job: Job, look: Look | None) -> Job:
        """Bring a finished job's file here; a link that was cut off or has died is asked for anew once."""
        for last in (False, True):
            if look is None or look.status != "done":
                look = await self.provider.look(self.link, job)
            if look.status != "done":
                raise JobPending("the job is no longer finished at the service", job_id=job.remote_id)
            path = self.ledger.scratch()
            try:
                kind = await self._bring(look, path)
                return self.ledger.update(
                    job, state="fetched", file=self.ledger.keep(path, kind), updated=self.clock.now()
                )
            except BadDownload as error:
                if last or look.inline:
                    error.job_id = job.remote_id
                    raise
                look = None
                await self.clock.sleep(self.provider.settings.poll_seconds)
            finally:
                path.unlink(missing_ok=True)
        raise AssertionError("unreachable")

    async def _bring(self, look: Look, path: Path) -> str:
        source = self.provider.name
        for kind in PREFERRED:
            if kind in look.inline:
                most = self.provider.settings.max_download_mb << 20
                if len(look.inline[kind]) > most:
                    raise BadDownload(f"{source} gave a file larger than {most >> 20} MB")
                path.write_bytes(look.inline[kind])
                return checked(path, kind, source)
        order = [k for k in PREFERRED if look.urls.get(k)] or [k for k in look.urls if look.urls[k]]
        if not order:
            raise BadDownload(f"{source} says it is done and names no model", remedy="ask again")
        settings = self.provider.settings
        downloads = Downloads(settings.url, settings.max_download_mb << 20, self.clock, self.backoff)
        tell(f"{source}: fetching", 0, 0)
        await downloads.fetch(look.urls[order[0]], path, self.provider.download_headers())
        return checked(path, order[0], source)

    def _candidate(self, seed: int, done: list[Job]) -> Candidate:
        last = done[-1]
        name = f"{self.request.asset}-{self.provider.name}-{seed}{Path(last.file).suffix}"
        file = self.ledger.copy(last, self.out / name)
        if file is None:
            raise BadDownload("the fetched file is no longer in the ledger", remedy="ask again")
        request, provider = self.request, self.provider
        alone = request.model_copy(update={"seed": seed, "count": 1})
        return Candidate(
            file=file,
            generator=provider.name,
            model=provider.model(request),
            seed=seed,
            label=f"{request.asset} {provider.name} {seed}",
            cost=Cost(
                credits=sum(j.credits for j in done),
                money=sum(j.money for j in done),
                currency=provider.settings.currency,
            ),
            provenance=provenance(
                alone,
                source_type=TRAINED,
                licence=provider.licence,
                job_id=last.remote_id,
                jobs=[{"step": j.step, "id": j.remote_id, "credits": j.credits} for j in done],
                created=datetime.fromtimestamp(last.created, UTC).isoformat(timespec="seconds"),
                sha256=Path(last.file).stem,
            ),
            notes=provider.unhonoured(request),
        )
