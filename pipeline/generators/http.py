# SPDX-License-Identifier: Apache-2.0
"""One policy for talking to services: what is retried, what never is, and how answers become errors.

Reading calls (GET, and POSTs that only ask) are tried again on 429, 5xx and broken connections; a create never is,
because it may have been paid for. Keys go to the base URL only.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr

from pipeline.errors import MissingDependency
from pipeline.generators.failures import (
    BadRequest,
    Busy,
    JobLost,
    KeyRefused,
    Moderated,
    NoCredit,
    ServiceDown,
    ServiceError,
)
from pipeline.generators.keys import hidden
from pipeline.generators.pace import Backoff, Clock, Rate, WallClock

if TYPE_CHECKING:
    import httpx

_MODERATION = ("moderation", "content policy", "nsfw", "sensitive", "safety", "prohibited", "banned", "illegal")
_CREDIT = ("insufficient", "credit", "balance", "arrears", "insufficient_fund")
#: the longest JSON answer that is read
MAX_ANSWER = 256 * 2**20


def load_httpx() -> Any:
    """The HTTP library.

    Raises
    ------
    MissingDependency
        It is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingDependency(
            "services need httpx, which is not installed", remedy="pip install 'sevengates[providers]'"
        ) from error
    return httpx


@cache
def trust() -> ssl.SSLContext:
    """The certificates to believe, read once: that takes longer than a call."""
    context: ssl.SSLContext = load_httpx().create_ssl_context()
    return context


def is_private(host: str) -> bool:
    """Whether a host is, by name or number, none that the public internet has."""
    name = host.strip("[]").lower().rstrip(".")
    try:
        return not ipaddress.ip_address(name.split("%")[0]).is_global
    except ValueError:
        return name in ("localhost", "") or name.endswith((".localhost", ".local", ".internal", ".lan"))


class Connection:
    """A connection to one service.

    Parameters
    ----------
    name
        for messages.
    base
        URL; calls with the key go nowhere else.
    headers
        sent with every call, may hold the key.
    secrets
        never shown in messages.
    """

    def __init__(
        self,
        name: str,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[SecretStr, ...] = (),
        per_second: float = 5.0,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.name = name
        self.base = base.rstrip("/") + "/"
        self.clock = clock or WallClock()
        self.rate = Rate(per_second, self.clock)
        self.backoff = backoff or Backoff()
        self._secrets = secrets
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Connection:
        httpx = load_httpx()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(self._timeout, connect=15.0),
            verify=trust(),
            follow_redirects=False,
            # a server of one's own is asked directly; the studio's proxy is for the world outside
            trust_env=not is_private(urlsplit(self.base).hostname or ""),
            headers={"User-Agent": "sevengates"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    def url(self, path: str) -> str:
        """The absolute URL of a path, or of a URL the service itself gave.

        Raises
        ------
        ServiceError
            It leads away from the service: the key would be given to strangers.
        """
        full = urljoin(self.base, path if "://" in path else path.lstrip("/"))
        own, other = urlsplit(self.base), urlsplit(full)
        if (own.scheme, own.hostname, own.port) != (other.scheme, other.hostname, other.port):
            raise ServiceError(
                f"{self.name} answered with an address of another host ({other.hostname})",
                remedy="nothing was sent there; set the base URL if the service moved",
            )
        return full

    async def read(self, path: str, *, method: str = "GET", verdict: int = 0, **send: Any) -> Any:
        """Ask without changing anything: JSON, tried again where that may help.

        `verdict` is a status of 500 and above with which this service tells a job's end in JSON: such an answer
        is returned like any other.

        Raises
        ------
        ServiceError
            The service refused or stayed away.
        """
        attempt = 0
        while True:
            response: httpx.Response | None = None
            try:
                response = await self._send(method, path, **send)
                if response.status_code != 429 and response.status_code < 500:
                    return self._json(response)
                if response.status_code == verdict and b'"status"' in response.content:
                    return json.loads(response.content)
                problem: ServiceError = self.refusal(response)
            except (load_httpx().HTTPError, ValueError) as error:
                problem = ServiceDown(
                    f"{self.name} does not answer: {type(error).__name__}",
                    remedy="check the network and the base URL, then ask again: nothing is lost",
                )
            asked = response.headers.get("retry-after") if response is not None else None
            pause = self.backoff.pause(attempt, asked, self.clock.now())
            if pause is None or isinstance(problem, Moderated | NoCredit | KeyRefused):
                raise problem
            attempt += 1
            await self.clock.sleep(pause)

    async def create(self, path: str, *, method: str = "POST", raw: bool = False, **send: Any) -> Any:
        """Start something that may cost: sent exactly once.

        Raises
        ------
        JobLost
            It was sent and no answer came: nobody knows whether it was started.
        ServiceError
            It was refused; nothing was started.
        """
        httpx = load_httpx()
        try:
            response = await self._send(method, path, **send)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ServiceDown(
                f"{self.name} cannot be reached: {type(error).__name__}",
                remedy="check the network and the base URL, then ask again: nothing was sent",
            ) from error
        except httpx.HTTPError as error:
            raise JobLost(
                f"{self.name} took the request but its answer was lost ({type(error).__name__})",
                remedy="look into the service's own list before you ask again: it may have been paid for",
            ) from error
        if raw and response.status_code == 200:
            return response
        return self._json(response)

    async def tell(self, path: str, *, method: str = "POST", **send: Any) -> None:
        """Say something whose answer does not matter, such as a cancel."""
        await self._send(method, path, **send)

    async def _send(self, method: str, path: str, **send: Any) -> httpx.Response:
        if self._client is None:
            raise RuntimeError("use `async with`")
        url = self.url(path)
        await self.rate.turn()
        headers = {**self._headers, **send.pop("headers", {})}
        async with self._client.stream(method, url, headers=headers, **send) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body.extend(part)
                if len(body) > MAX_ANSWER:
                    raise ServiceDown(f"{self.name} answers without end", remedy="check the base URL")
        response._content = bytes(body)
        return response

    def _json(self, response: httpx.Response) -> Any:
        if response.status_code >= 300:
            raise self.refusal(response)
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise ServiceDown(
                f"{self.name} answered something that is no JSON ({response.headers.get('content-type', '?')})",
                remedy="check the base URL: a proxy or another server may be answering",
            ) from error

    def refusal(self, response: httpx.Response) -> ServiceError:
        """The error that an answer of 300 and above stands for."""
        said = hidden(_message(response), *self._secrets)
        return refusal(self.name, response.status_code, said)


def refusal(name: str, status: int, said: str) -> ServiceError:
    """The error that a status and the service's words stand for."""
    low = said.lower()
    text = f"{name} says {status}" + (f": {said}" if said else "")
    if status in (400, 403, 422) and any(word in low for word in _MODERATION):
        return Moderated(text, remedy="change the prompt or the pictures; this one is not sent again")
    if status == 402 or (status in (400, 403) and any(word in low for word in _CREDIT)):
        return NoCredit(text, remedy="buy credits, or take another generator")
    if status == 401:
        return KeyRefused(text, remedy=f"check the key of {name}")
    if status == 403:
        return KeyRefused(text, remedy=f"the key of {name} may not do this")
    if status in (429, 503):
        return Busy(text, remedy="wait a little and ask again, or ask for fewer candidates at once")
    if status >= 500:
        return ServiceDown(text, remedy="ask again later; what was recorded is resumed")
    if 300 <= status < 400:
        return ServiceDown(f"{text or name} leads elsewhere", remedy="set the base URL the service uses now")
    return BadRequest(text, remedy="change what was asked as the service says")


def _message(response: httpx.Response) -> str:
    """The words of an error answer, whichever shape the service gives them."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return response.text[:200].strip()
    return words_of(body)[:300]


def words_of(body: Any) -> str:
    """The first words found under the keys that services use for errors."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, (words_of(item) for item in body[:3])))
    if isinstance(body, dict):
        found = [
            words_of(body[key])
            for key in ("message", "error", "detail", "errors", "text", "msg", "Message", "suggestion", "name")
            if body.get(key)
        ]
        code = body.get("code") or body.get("Code") or ""
        text = "; ".join(dict.fromkeys(filter(None, found)))
        return f"{text} ({code})" if code and str(code) not in text else text
    return ""
