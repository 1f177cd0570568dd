# SPDX-License-Identifier: Apache-2.0
"""How a service can fail, each with a code of its own.

GeneratorError
├── KeyRefused       generator.key         no key, or the service does not take it
├── NoCredit         generator.credit      the account is empty
├── OverBudget       generator.budget      the project's own cap would be passed; nothing was sent
├── Moderated        generator.moderated   refused for its content; never sent again
├── Busy             generator.busy        too many requests or jobs; later it may work
├── BadRequest       generator.request     the service does not take what was asked
├── ServiceDown      generator.down        no answer, or a server error
├── JobFailed        generator.failed      the job itself failed
├── JobPending       generator.pending     it takes too long; recorded, asking again resumes it
├── JobLost          generator.lost        sent, but no answer came: it may have been paid for
└── BadDownload      generator.download    what came is cut off, of the wrong kind, too large, or elsewhere
"""

from __future__ import annotations

from typing import Any

from pipeline.errors import GeneratorError


class ServiceError(GeneratorError):
    """Something a service said or did; `retry` tells whether the same wish may work later."""

    retry = False

    def __init__(self, message: str, *, job_id: str = "", **where: Any) -> None:
        super().__init__(message, **where)
        self.job_id = job_id


class KeyRefused(ServiceError):
    """No key, or the service does not take it."""

    code = "generator.key"


class NoCredit(ServiceError):
    """The account is empty."""

    code = "generator.credit"


class OverBudget(ServiceError):
    """The project's own cap would be passed; nothing was sent."""

    code = "generator.budget"


class Moderated(ServiceError):
    """Refused for its content."""

    code = "generator.moderated"


class Busy(ServiceError):
    """Too many requests or jobs; nothing was made."""

    code = "generator.busy"
    retry = True


class BadRequest(ServiceError):
    """The service does not take what was asked."""

    code = "generator.request"


class ServiceDown(ServiceError):
    """No answer, or a server error."""

    code = "generator.down"
    retry = True


class JobFailed(ServiceError):
    """The job itself failed at the service."""

    code = "generator.failed"
    retry = True


class JobPending(ServiceError):
    """The job takes longer than we wait; it is recorded and may be resumed."""

    code = "generator.pending"
    retry = True


class JobLost(ServiceError):
    """A create was sent and its answer never came."""

    code = "generator.lost"


class BadDownload(ServiceError):
    """What came is no model: cut off, another type, too large, or from where nothing may be fetched."""

    code = "generator.download"
    retry = True
