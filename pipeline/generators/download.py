# SPDX-License-Identifier: Apache-2.0
"""Fetching a result at once, from the public internet only, bounded, and without any key.

What arrives is no more than bytes with a plausible head; reading it is the sandboxed importer's work.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.generators.failures import BadDownload, ServiceDown
from pipeline.generators.http import is_private, load_httpx, trust
from pipeline.generators.pace import Backoff, Clock

MAX_REDIRECTS = 5
_AGAIN = "ask again: the job is recorded, it is not paid for twice"


def sniff(head: bytes) -> str:
    """The extension that a model file's first bytes stand for; empty where they stand for none."""
    if head[:4] == b"glTF":
        return "glb"
    if head.startswith(b"Kaydara FBX Binary") or head.startswith(b"; FBX"):
        return "fbx"
    if head[:4] == b"PK\x03\x04":
        return "zip"
    if head[:8] == b"PXR-USDC":
        return "usdc"
    if head.startswith(b"#usda"):
        return "usda"
    if head.startswith(b"ply"):
        return "ply"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return ""
    if text.startswith(b"{") and b'"asset"' in head:
        return "gltf"
    if text.startswith(b"solid"):
        return "stl"
    if text.startswith((b"#", b"v ", b"o ", b"g ", b"mtllib")) and b"\nv" in b"\n" + head:
        return "obj"
    return ""


def checked(path: Path, asked: str, source: str) -> str:
    """The extension of a downloaded file by its content.

    Parameters
    ----------
    asked
        The extension the service promised: a zip may be an archive of OBJ or a USDZ.

    Raises
    ------
    BadDownload
        It is empty, cut off, or no model.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
    if not size:
        raise BadDownload(f"{source} gave an empty file", remedy=_AGAIN)
    kind = sniff(head)
    if kind == "glb" and len(head) >= 12:
        (length,) = struct.unpack_from("<I", head, 8)
        if length > size:
            raise BadDownload(f"{source} gave a GLB that is cut off: {size} of {length} bytes", remedy=_AGAIN)
    if kind == "zip" and asked == "usdz":
        kind = "usdz"
    if not kind and asked == "stl" and size >= 84 and size >= 84 + 50 * struct.unpack_from("<I", head, 80)[0]:
        kind = "stl"
    if not kind:
        raise BadDownload(
            f"{source} gave no model (it begins with {head[:12]!r})", remedy="ask again, or for another format"
        )
    return kind


class Downloads:
    """Fetches files of services.

    Parameters
    ----------
    allowed
        Base URL whose host may be private (a server of one's own, a stand-in).
    most_bytes
        the largest file.
    seconds
        the longest a fetch may take.
    """

    def __init__(self, allowed: str, most_bytes: int, clock: Clock, backoff: Backoff, seconds: float = 600.0) -> None:
        own = urlsplit(allowed)
        self._own = (own.hostname or "", own.port or (443 if own.scheme == "https" else 80))
        self._own_private = is_private(own.hostname or "")
        self._most = most_bytes
        self._clock = clock
        self._backoff = backoff
        self._seconds = seconds

    async def fetch(self, url: str, to: Path, headers: dict[str, str] | None = None) -> None:
        """Write what the URL gives to `to`, whole or not at all.

        Raises
        ------
        BadDownload
            The link is dead, leads to a private address, or gives too much.
        ServiceDown
            The host stays away.
        """
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    status, after = await self._once(url, to, headers or {})
                if status == 200:
                    return
                problem: BadDownload | ServiceDown = BadDownload(
                    f"the download link answers {status}"
                    + (": it has expired or was never valid" if status in (401, 403, 404, 410) else ""),
                    remedy=_AGAIN,
                )
                if status != 429 and status < 500:
                    raise problem
            except (load_httpx().HTTPError, TimeoutError) as error:
                after = None
                cut = isinstance(error, load_httpx().RemoteProtocolError)
                words = "the download was cut off" if cut else f"the download failed: {type(error).__name__}"
                problem = BadDownload(words, remedy=_AGAIN) if cut else ServiceDown(words, remedy=_AGAIN)
            pause = self._backoff.pause(attempt, after, self._clock.now())
            if pause is None:
                raise problem
            attempt += 1
            await self._clock.sleep(pause)

    async def _once(self, url: str, to: Path, headers: dict[str, str]) -> tuple[int, str | None]:
        httpx = load_httpx()
        for _ in range(MAX_REDIRECTS + 1):
            target, extra = await self._route(url)
            own = (urlsplit(url).hostname or "", _port(url)) == self._own
            sent = {"User-Agent": "sevengates", **(headers if own else {}), **extra["headers"]}
            async with (
                httpx.AsyncClient(
                    timeout=30.0, verify=trust(), trust_env=extra["proxy"], follow_redirects=False
                ) as client,
                client.stream("GET", target, headers=sent, extensions=extra["extensions"]) as response,
            ):
                if response.is_redirect:
                    url = urljoin(url, response.headers.get("location", ""))
                    continue
                if response.status_code != 200:
                    return response.status_code, response.headers.get("retry-after")
                await self._save(response, to)
                return 200, None
        raise BadDownload("the download link leads in circles", remedy="report it to the service")

    async def _save(self, response: Any, to: Path) -> None:
        promised = response.headers.get("content-length", "")
        if promised.isdigit() and int(promised) > self._most:
            raise self._too_large()
        partial = to.with_name(f".{to.name}.part")
        got = 0
        try:
            with partial.open("wb") as file:
                async for part in response.aiter_bytes(1 << 16):
                    got += len(part)
                    if got > self._most:
                        raise self._too_large()
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(to)
        finally:
            partial.unlink(missing_ok=True)

    def _too_large(self) -> BadDownload:
        return BadDownload(
            f"the file is larger than {self._most >> 20} MB",
            remedy="raise max_download_mb in providers.toml if that is meant",
        )

    async def _route(self, url: str) -> tuple[str, dict[str, Any]]:
        """Where to connect to: the URL with its host replaced by the address that was checked.

        Checking and connecting to the same address leaves a name no chance to change its mind between them.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise BadDownload(f"the download link is no web address ({parts.scheme or 'no scheme'})")
        direct: dict[str, Any] = {"headers": {}, "extensions": {}, "proxy": False}
        if (host, _port(url)) == self._own:
            return url, direct | {"proxy": not self._own_private}
        refused = BadDownload(
            f"the download link leads to a private address ({host})",
            remedy="nothing was fetched; a server of your own must be the base URL itself",
        )
        if is_private(host):
            raise refused
        if parts.scheme in getproxies() and not proxy_bypass(host):
            return url, direct | {"proxy": True}
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)
        except OSError as error:
            raise ServiceDown(f"the host {host} is not known", remedy="check the network, then ask again") from error
        addresses = [str(entry[4][0]) for entry in found]
        if any(is_private(a) for a in addresses):
            raise refused
        address = addresses[0]
        shown = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
        place = shown if parts.port is None else f"{shown}:{parts.port}"
        target = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
        direct["headers"] = {"Host": parts.netloc.rpartition("@")[2]}
        direct["extensions"] = {"sni_hostname": host}
        return target, direct


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
