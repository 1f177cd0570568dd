# SPDX-License-Identifier: Apache-2.0
"""Small talk with services beside running jobs: cancel one, try a key, take a push."""

from __future__ import annotations

import asyncio

from pipeline.generators.jobs import Job, Ledger
from pipeline.generators.pace import Backoff
from pipeline.generators.provider import Provider
from pipeline.generators.running import connect


def cancel(provider: Provider, job_id: str, ledger: Ledger) -> bool:
    """Cancel one job by our id; False where the service goes on with it regardless.

    Raises
    ------
    GeneratorError
        There is no such job, or the service does not answer.
    """

    async def ask(job: Job) -> bool:
        async with connect(provider) as link:
            return await provider.cancel(link, job)

    job = ledger.load(job_id)
    if job.state in ("done", "fetched", "failed", "moderated", "cancelled"):
        return False
    heard = asyncio.run(ask(job)) if job.remote_id else False
    if heard:
        ledger.update(job, state="cancelled")
    return heard


def probe(provider: Provider) -> str:
    """Try a service's key and network without cost, for `gates doctor --live`.

    Raises
    ------
    ServiceError
        It does not answer, or refuses the key.
    """

    async def ask() -> str:
        async with connect(provider, backoff=Backoff(tries=2)) as link:
            return await provider.probe(link)

    return asyncio.run(ask())


def accept_webhook(service: str, body: object, ledger: Ledger) -> Job | None:
    """Take a service's push: whoever waits for that job looks at it now.

    What the push says is not believed, only that something changed: a forged, repeated or late one costs one
    look and changes nothing. Returns the job it is about, None where it is none of ours.
    """
    if not isinstance(body, dict):
        return None
    inner = body.get("data")
    ids = [body.get(k) for k in ("id", "task_id", "request_id", "uuid")]
    if isinstance(inner, dict):
        ids += [inner.get("id"), inner.get("task_id")]
    for remote in ids:
        job = ledger.by_remote(service, remote) if isinstance(remote, str) and remote else None
        if job is not None:
            if job.state in ("queued", "running"):
                ledger.tell(job)
            return job
    return None
