# SPDX-License-Identifier: Apache-2.0
"""The faults that real services have, over real HTTP: what is retried, what never is, what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.generators import Request

from .conftest import Bench
from .standins.server import Reply, answer

TEXT = Request(asset="stall", prompt="a market stall", options={"meshy": {"texture": False}})


@pytest.fixture
def meshy(bench: Callable[..., Bench]) -> Bench:
    return bench("meshy")


def creates(at: Bench) -> int:
    return len(at.standin.calls("POST", "/openapi"))


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (answer(401, {"message": "no"}), "generator.key"),
        (answer(402, {"message": "InsufficientCredits"}), "generator.credit"),
        (answer(429, {"message": "TooManyPendingTasks"}, **{"Retry-After": "1"}), "generator.busy"),
        (answer(500, {"message": "Internal server error."}), "generator.down"),
        (answer(422, {"message": "pose estimation failed"}), "generator.request"),
        (answer(400, {"message": "blocked by moderation"}), "generator.moderated"),
        (answer(302, {}, Location="http://127.0.0.1:1/"), "generator.down"),
        (Reply(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}), "generator.down"),
    ],
)
def test_a_create_is_sent_once_whatever_comes(meshy: Bench, reply: Reply, code: str) -> None:
    meshy.standin.faults["create"] = [reply]
    [failure] = meshy.ask(TEXT).failed
    assert failure.code == code
    assert creates(meshy) == 1
    assert meshy.ledger.spent() == (0, 0)


def test_a_look_is_repeated_after_errors(meshy: Bench) -> None:
    busy = answer(429, {"message": "slow down"}, **{"Retry-After": "7"})
    meshy.standin.faults["status"] = [answer(500, {}), busy, answer(503, {}), Reply(drop=True)]
    before = meshy.standin.clock.now()
    assert len(meshy.ask(TEXT, tries=5).candidates) == 1
    assert creates(meshy) == 1
    assert meshy.standin.clock.now() - before > 7


def test_a_look_that_keeps_failing_loses_nothing(meshy: Bench) -> None:
    meshy.standin.faults["status"] = [answer(500, {})] * 3
    assert meshy.ask(TEXT, tries=3).failed[0].code == "generator.down"
    assert len(meshy.ask(TEXT).candidates) == 1
    assert creates(meshy) == 1


def test_a_job_that_sticks_at_99_is_left_and_resumed(meshy: Bench) -> None:
    meshy.standin.frozen = True
    meshy.provider.settings = meshy.provider.settings.model_copy(update={"stall_minutes": 1.0})
    [failure] = meshy.ask(TEXT).failed
    assert failure.code == "generator.pending"
    assert "99 %" in failure.message
    meshy.standin.frozen = False
    assert len(meshy.ask(TEXT).candidates) == 1
    assert creates(meshy) == 1


def test_a_crashed_hunyuan_job_ends_by_our_own_limit(bench: Callable[..., Bench], request_image: Request) -> None:
    at = bench("hunyuan")
    at.standin.stuck = True
    at.provider.settings = at.provider.settings.model_copy(update={"timeout_minutes": 3.0})
    [failure] = at.ask(request_image).failed
    assert failure.code == "generator.pending"
    assert 3 * 60 < at.standin.clock.now() - at.ledger.all()[0].created < 4 * 60


def test_a_failed_job_may_be_sent_again(meshy: Bench) -> None:
    meshy.standin.fail = "The server is busy, please retry later"
    [failure] = meshy.ask(TEXT).failed
    assert failure.retry and "busy" in failure.message
    meshy.standin.fail = ""
    assert len(meshy.ask(TEXT).candidates) == 1
    assert creates(meshy) == 2


@pytest.mark.parametrize(
    ("name", "reply", "says"),
    [
        ("meshy", lambda m: Reply(200, m, cut=500), "cut off"),
        ("meshy", lambda m: Reply(200, m[:500]), "cut off"),
        ("meshy", lambda m: Reply(200, b"<html>Sign in</html>"), "no model"),
        ("meshy", lambda m: Reply(200, b""), "empty"),
        ("meshy", lambda m: answer(403, {"message": "Request has expired"}), "expired"),
        ("meshy", lambda m: Reply(302, headers={"Location": "http://169.254.169.254/latest/meta-data"}), "private"),
        ("meshy", lambda m: Reply(302, headers={"Location": "http://127.0.0.1:9/x"}), "private"),
        ("meshy", lambda m: Reply(302, headers={"Location": "http://[::ffff:10.0.0.1]/x"}), "private"),
        ("meshy", lambda m: Reply(302, headers={"Location": "http://localhost:9/x"}), "private"),
        ("meshy", lambda m: Reply(302, headers={"Location": "file:///etc/passwd"}), "no web address"),
        ("meshy", lambda m: Reply(302, headers={"Location": "/files/again.glb"}), "circles"),
        ("hunyuan", lambda m: Reply(200, m, cut=500), "cut off"),
        ("stability", lambda m: Reply(200, m[:500]), "cut off"),
    ],
)
def test_a_bad_download_is_refused_and_not_paid_again(
    name: str,
    reply: Callable[[bytes], Reply],
    says: str,
    bench: Callable[..., Bench],
    request_image: Request,
) -> None:
    at = bench(name)
    place = "create" if name == "stability" else "download"
    at.standin.faults[place] = [reply(at.standin.model) for _ in range(20)]
    [failure] = at.ask(request_image, tries=2).failed
    assert failure.code == "generator.download"
    assert says in failure.message
    assert not list((at.folder / "out").iterdir())
    assert [p for p in (at.folder / "jobs").iterdir() if p.name.startswith(".fetch")] == []
    at.standin.faults.clear()
    if name != "stability":
        posts = len([s for s in at.standin.seen if s.method == "POST"])
        assert len(at.ask(request_image).candidates) == 1
        assert len([s for s in at.standin.seen if s.method == "POST"]) == posts


@pytest.mark.parametrize("promised", [True, False])
def test_a_bomb_is_stopped_at_the_limit(promised: bool, meshy: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    meshy.provider.settings = meshy.provider.settings.model_copy(update={"max_download_mb": 4})
    bomb = Reply(200, bytes(5 << 20)) if promised else Reply(200, endless=True)
    meshy.standin.faults["download"] = [bomb, bomb]
    [failure] = meshy.ask(TEXT).failed
    assert failure.code == "generator.download"
    assert "larger than 4 MB" in failure.message
    assert sum(p.stat().st_size for p in meshy.folder.rglob("*") if p.is_file()) < 1 << 20


def test_one_bad_download_is_fetched_anew(meshy: Bench) -> None:
    meshy.standin.faults["download"] = [Reply(200, meshy.standin.model, cut=100)]
    assert len(meshy.ask(TEXT).candidates) == 1


@pytest.mark.parametrize("name", ["meshy", "tripo"])
def test_a_lost_answer_is_found_in_the_services_own_list(name: str, bench: Callable[..., Bench]) -> None:
    at = bench(name)
    at.standin.faults["create"] = [Reply(drop=True)]
    wish = TEXT
    [failure] = at.ask(wish).failed
    assert failure.code == "generator.lost"
    assert len(at.standin.tasks) == 1
    assert at.ledger.spent()[0] == 20
    assert len(at.ask(wish).candidates) == 1
    assert len(at.standin.tasks) == 1


def test_a_lost_answer_without_a_list_is_never_sent_again(bench: Callable[..., Bench], request_image: Request) -> None:
    at = bench("stability")
    at.standin.faults["create"] = [Reply(drop=True)]
    assert at.ask(request_image).failed[0].code == "generator.lost"
    [failure] = at.ask(request_image).failed
    assert failure.code == "generator.lost"
    assert "stability.again=1" in failure.message
    assert len(at.standin.calls("POST", "/v2beta")) == 1
    anew = request_image.model_copy(update={"options": {"stability": {"again": 1}}})
    assert len(at.ask(anew).candidates) == 1


def test_an_unreachable_service_is_free(meshy: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    meshy.provider.settings = meshy.provider.settings.model_copy(update={"url": "http://127.0.0.1:9"})
    [failure] = meshy.ask(TEXT, tries=1).failed
    assert failure.code == "generator.down"
    assert meshy.ledger.spent() == (0, 0)


def test_tripo_without_credit(bench: Callable[..., Bench]) -> None:
    at = bench("tripo")
    at.standin.faults["create"] = [answer(403, {"code": 2010, "message": "You need more credits"})]
    assert at.ask(TEXT).failed[0].code == "generator.credit"


def test_one_failure_takes_no_other_with_it(meshy: Bench) -> None:
    meshy.standin.faults["create"] = [answer(500, {"message": "once"})]
    outcome = meshy.ask(TEXT.model_copy(update={"count": 3}))
    assert len(outcome.candidates) == 2
    assert len(outcome.failed) == 1
