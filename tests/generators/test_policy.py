# SPDX-License-Identifier: Apache-2.0
"""The policy of waiting, keys, addresses and signatures, each against what a standard or a vendor publishes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from pipeline.generators import Request, probe
from pipeline.generators.download import Downloads, sniff
from pipeline.generators.failures import BadDownload, KeyRefused, Moderated, NoCredit, ServiceError
from pipeline.generators.http import Connection, is_private, refusal, words_of
from pipeline.generators.keys import hidden, need_key
from pipeline.generators.pace import Backoff, Rate
from pipeline.generators.tencent import sign

from .conftest import Bench
from .standins.server import FastClock


def test_tencents_own_example_of_a_signature() -> None:
    # the documented request of 2019-02-25 (CVM DescribeInstances) with its published example keys
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
    made = sign(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "cvm", headers, body, 1551113065
    )
    assert made == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


@given(st.integers(0, 8), st.integers(0, 2**32))
def test_pauses_stay_under_their_doubling_limit(attempt: int, seed: int) -> None:
    backoff = Backoff(tries=10, base=0.5, longest=20, chance=random.Random(seed))
    pause = backoff.pause(attempt, None, 0.0)
    assert pause is not None
    assert 0.05 <= pause <= max(0.05, min(20, 0.5 * 2**attempt))


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7.25),
        ("0", 0, 0.25),
        # RFC 9110's own example date, ten seconds ahead
        ("Fri, 31 Dec 1999 23:59:59 GMT", 10, 10.25),
        ("nonsense", 0, 0.5),
        ("-3", 0, 0.25),
    ],
)
def test_retry_after_as_the_standard_says(header: str, low: float, high: float) -> None:
    pause = Backoff(chance=random.Random(0)).pause(0, header, 946684799.0 - 10)
    assert pause is not None and low <= pause <= high


def test_a_wait_beyond_reason_is_no_wait() -> None:
    assert Backoff(longest=60).pause(0, "3600", 0.0) is None


def test_calls_keep_their_distance() -> None:
    clock = FastClock()
    begun = clock.now()

    async def calls() -> None:
        rate = Rate(4.0, clock)
        for _ in range(9):
            await rate.turn()

    asyncio.run(calls())
    assert clock.now() - begun == pytest.approx(2.0)


@pytest.mark.parametrize(
    "host",
    [
     "localhost", "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1",
     "[fe80::1]", "fd00::1", "::ffff:127.0.0.1", "100.64.0.1", "printer.local", "db.internal", "a.localhost.", ""],
)  # fmt: skip
def test_private_addresses(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", ["api.meshy.ai", "8.8.8.8", "2606:4700:4700::1111", "assets.tripo3d.ai"])
def test_public_addresses(host: str) -> None:
    assert not is_private(host)


@pytest.mark.parametrize("numbers", ["2130706433", "0x7f.1", "127.1"])
def test_odd_spellings_of_the_loopback_are_resolved_and_refused(numbers: str, tmp_path: Path) -> None:
    downloads = Downloads("https://api.meshy.ai", 1 << 20, FastClock(), Backoff(tries=1))
    with pytest.raises(ServiceError):
        asyncio.run(downloads.fetch(f"http://{numbers}:9/x", tmp_path / "x"))


def test_a_name_that_resolves_inside_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.generators.download.getproxies", dict)

    async def inside(*args: object, **named: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.5", 80))]

    async def fetch() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", inside)
        downloads = Downloads("https://api.meshy.ai", 1 << 20, FastClock(), Backoff(tries=1))
        await downloads.fetch("http://rebind.example/x.glb", tmp_path / "x")

    with pytest.raises(BadDownload, match="private"):
        asyncio.run(fetch())


@pytest.mark.parametrize(
    "link", ["http://other.example/x", "https://api.meshy.ai:444/x", "http://api.meshy.ai/x", "//evil.example/x"]
)
def test_calls_with_the_key_stay_on_their_host(link: str) -> None:
    connection = Connection("meshy", "https://api.meshy.ai")
    if link.startswith("//"):
        assert connection.url(link).startswith("https://api.meshy.ai/")
        return
    with pytest.raises(ServiceError, match="another host"):
        connection.url(link)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"glTF\x02\0\0\0", "glb"),
        (b"Kaydara FBX Binary  \0", "fbx"),
        (b"PK\x03\x04", "zip"),
        (b"# made by\nv 0 0 0\n", "obj"),
        (b'{"asset":{"version":"2.0"}}', "gltf"),
        (b"<!DOCTYPE html>", ""),
        (b'{"message":"expired"}', ""),
        (b"\x7fELF", ""),
    ],
)
def test_kinds_by_their_first_bytes(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (402, "pay", NoCredit),
        (403, "You need more credits", NoCredit),
        (400, "blocked by content policy", Moderated),
        (401, "", KeyRefused),
        (403, "forbidden", KeyRefused),
    ],
)
def test_answers_become_errors(status: int, words: str, kind: type[ServiceError]) -> None:
    assert type(refusal("x", status, words)) is kind


def test_words_of_every_services_errors() -> None:
    assert words_of({"message": "a"}) == "a"
    assert words_of({"detail": [{"loc": ["body"], "msg": "b", "type": "t"}]}) == "b"
    assert words_of({"id": "1", "name": "bad_request", "errors": ["c"]}) == "c; bad_request"
    assert words_of({"text": "server error", "error_code": 1}) == "server error"
    assert words_of({"code": 2010, "message": "d", "suggestion": "e"}) == "d; e (2010)"


def test_secrets_do_not_show() -> None:
    key = SecretStr("msy_abc")
    assert hidden("bad key msy_abc", key) == "bad key …"
    assert "msy_abc" not in repr(Connection("x", "https://x.example", secrets=(key,)))


def test_without_a_key_the_message_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.generators.keys.KEYRING", "sevengates-test")
    monkeypatch.delenv("GATES_MESHY_KEY", raising=False)
    with pytest.raises(KeyRefused, match="GATES_MESHY_KEY"):
        need_key("meshy", ["GATES_MESHY_KEY"])


def test_a_probe_costs_nothing(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    assert probe(at.provider) == "180 credits"
    assert not at.standin.tasks


def test_the_same_wish_has_the_same_digest_wherever_its_files_lie(picture: Path, tmp_path: Path) -> None:
    from pipeline.generators import Picture

    other = tmp_path / "elsewhere.png"
    other.write_bytes(picture.read_bytes())
    one = Request(asset="a", images=[Picture(path=picture)])
    two = Request(asset="a", images=[Picture(path=other)])
    assert one.digest() == two.digest()
    other.write_bytes(picture.read_bytes() + b"x")
    assert one.digest() != two.digest()
