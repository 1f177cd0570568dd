# SPDX-License-Identifier: Apache-2.0
"""Jobs survive: a killed process pays nothing twice, caps hold between processes, pushes are only hints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, UsageError
from pipeline.generators import Candidate, Capability, Request, comply, discover, load_generator, names
from pipeline.generators.base import Generator
from pipeline.generators.control import accept_webhook, cancel
from pipeline.generators.failures import Busy, OverBudget
from pipeline.generators.folder import FolderGenerator
from pipeline.generators.jobs import Caps, Ledger, new_job
from pipeline.generators.running import collect
from pipeline.progress import listen

from .conftest import Bench

TEXT = Request(asset="stall", prompt="a market stall", options={"meshy": {"texture": False}})
CHILD = """
import sys
from pathlib import Path
from pipeline.generators import Request, load_generator
request = Request.model_validate_json(sys.argv[1])
load_generator("meshy", jobs=Path(sys.argv[2])).generate(request, Path(sys.argv[3]))
"""


def _run(at: Bench, wish: Request) -> subprocess.Popen[bytes]:
    args = [wish.model_dump_json(), str(at.folder / "jobs"), str(at.folder / "out")]
    return subprocess.Popen([sys.executable, "-c", CHILD, *args])


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_killed_while_waiting_resumes_the_same_job(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    wish = TEXT.model_copy(update={"count": 2})
    child = _run(at, wish)
    _until(lambda: len([j for j in at.ledger.all() if j.remote_id]) == 2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert {j.state for j in at.ledger.all()} <= {"queued", "running"}
    outcome = at.ask(wish)
    assert len(outcome.candidates) == 2
    assert len(at.standin.calls("POST", "/openapi")) == 2
    assert at.ledger.spent()[0] == 40


def test_killed_while_sending_looks_before_it_sends(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    at.ask(TEXT)
    [job] = at.ledger.all()
    # as a process leaves it that dies between sending and hearing the answer
    at.ledger.update(job, state="sending", remote={}, file="", pid=gone.pid)
    assert len(at.ask(TEXT).candidates) == 1
    assert len(at.standin.tasks) == 1


def test_ids_are_on_disk_before_the_first_look(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    at.ask(TEXT)
    order = [(s.method, s.path) for s in at.standin.seen]
    assert order[0][0] == "POST"
    [job] = at.ledger.all()
    on_disk = json.loads((at.folder / "jobs" / f"{job.id}.json").read_text())
    assert on_disk["remote"]["id"] == "task-1"
    assert on_disk["state"] == "fetched"


def test_no_more_jobs_at_once_than_the_service_takes(bench: Callable[..., Bench]) -> None:
    at = bench("tripo")
    at.provider.settings = at.provider.settings.model_copy(update={"jobs_at_once": 3})
    outcome = at.ask(TEXT.model_copy(update={"count": 8}))
    assert len(outcome.candidates) == 8
    assert [c.seed for c in outcome.candidates] == list(range(8))
    assert 1 < at.standin.most_active <= 3


def test_several_services_at_once(bench: Callable[..., Bench]) -> None:
    one, two = bench("meshy"), bench("tripo")
    providers = [one.provider, two.provider]
    two.standin.clock = one.standin.clock
    outcome = collect(TEXT, one.folder / "out", providers, jobs=one.folder / "jobs", clock=one.standin.clock)
    assert [c.generator for c in outcome.candidates] == ["meshy", "tripo"]
    begun = {j.service: j.created for j in one.ledger.all()}
    assert abs(begun["meshy"] - begun["tripo"]) < 4


@pytest.mark.parametrize(
    ("cap", "made"), [("project_credits = 50", 2), ("asset_credits = 20", 1), ("project_credits = 0", 4)]
)
def test_caps_stop_before_sending(cap: str, made: int, bench: Callable[..., Bench], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "gates.toml").write_text(f"[providers.budget]\n{cap}\n")
    at = bench("meshy", project=project)
    outcome = at.ask(TEXT.model_copy(update={"count": 4}))
    assert len(outcome.candidates) == made
    assert {f.code for f in outcome.failed} <= {"generator.budget"}
    assert len(at.standin.tasks) == made


def test_money_counts_where_a_price_is_known(tmp_path: Path) -> None:
    ledger, caps = Ledger(tmp_path), Caps(asset_money=1.0)
    ledger.begin(new_job("tripo", "text", "a" * 64, asset="x", credits=60, money=0.6), caps)
    ledger.begin(new_job("tripo", "text", "b" * 64, asset="y", credits=60, money=0.6), caps)
    with pytest.raises(OverBudget, match=r"asset x has spent 0.6 of 1"):
        ledger.begin(new_job("tripo", "text", "c" * 64, asset="x", credits=60, money=0.6), caps)


def test_the_same_wish_is_not_sent_by_two_processes(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.begin(new_job("meshy", "text", "k" * 64), Caps())
    with pytest.raises(Busy):
        ledger.begin(new_job("meshy", "text", "k" * 64), Caps())


def test_a_damaged_record_stops_nothing_else(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    at.ask(TEXT)
    (at.folder / "jobs" / "broken.json").write_text('{"id": ')
    assert len(at.ledger.all()) == 1


def test_webhooks_twice_late_and_forged(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    heard: list[str | None] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            job = accept_webhook("meshy", body, at.ledger)
            heard.append(job.state if job else None)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def push(body: object) -> None:
        data = json.dumps(body).encode()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(url, data)).close()

    try:
        ledger = at.ledger
        job = ledger.begin(new_job("meshy", "preview", "w" * 64), Caps())
        ledger.update(job, state="running", remote={"id": "task-1"})
        push({"id": "task-1", "status": "SUCCEEDED"})
        push({"id": "task-1", "status": "SUCCEEDED"})
        assert ledger.told(job) and not ledger.told(job)
        ledger.update(job, state="fetched")
        push({"id": "task-1", "status": "IN_PROGRESS"})
        push({"id": "nobody's", "status": "SUCCEEDED"})
        push(["not", "a", "task"])
        assert heard == ["running", "running", "fetched", None, None]
        # whatever is pushed, only a look at the service changes a job
        assert ledger.load(job.id).state == "fetched"
        assert not ledger.told(job)
    finally:
        server.shutdown()
        server.server_close()


def test_a_push_ends_the_pause(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    at.provider.settings = at.provider.settings.model_copy(update={"poll_seconds": 3600.0, "timeout_minutes": 600.0})
    clock = at.standin.clock
    told: list[float] = []

    def push(label: str, done: int, total: int) -> None:
        jobs = [j for j in at.ledger.all() if j.remote_id]
        if jobs and clock.now() - jobs[0].created < 10:
            clock.advance(30)
            accept_webhook("meshy", {"id": jobs[0].remote_id}, at.ledger)
            told.append(clock.now())

    before = clock.now()
    with listen(push):
        assert len(at.ask(TEXT).candidates) == 1
    assert told
    assert clock.now() - before < 3600


def test_cancelled_at_the_service_and_in_the_ledger(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    at.standin.frozen = True
    at.provider.settings = at.provider.settings.model_copy(update={"stall_minutes": 1.0})
    at.ask(TEXT)
    [job] = at.ledger.all()
    assert cancel(at.provider, job.id, at.ledger)
    assert at.ledger.load(job.id).state == "cancelled"
    assert not at.standin.tasks
    assert not cancel(at.provider, job.id, at.ledger)


def test_progress_is_told(bench: Callable[..., Bench]) -> None:
    at = bench("meshy")
    steps: list[int] = []
    with listen(lambda label, done, total: steps.append(done) if "IN" in label or "running" in label else None):
        at.ask(TEXT)
    assert steps == sorted(steps)
    assert any(0 < s < 100 for s in steps)


def test_generators_are_found_and_honest_about_themselves() -> None:
    assert names()[:3] == ["embedded", "folder", "meshy"]
    assert not [f for f in discover() if f.error and f.source == "sevengates"]
    for name in names():
        if name in ("embedded", "folder"):
            made = load_generator(name)
            assert isinstance(made, Generator)
            assert made.capability().offline


class _Entry:
    """An entry point as `importlib.metadata` gives it."""

    dist = None

    def __init__(self, name: str, made: object) -> None:
        self.name, self.value, self._made = name, f"studio:{name}", made

    def load(self) -> object:
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


def test_a_studios_own_generator_and_one_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [_Entry("scanner", FolderGenerator), _Entry("broken", ImportError("no module called scan"))]
    monkeypatch.setattr("pipeline.generators.registry.entry_points", lambda group: entries)
    assert names()[-2:] == ["broken", "scanner"]
    assert {f.name: f.error for f in discover() if f.name in ("broken", "scanner")} == {
        "broken": "ImportError: no module called scan",
        "scanner": "",
    }
    assert isinstance(load_generator("scanner"), FolderGenerator)
    with pytest.raises(UsageError, match="no module called scan"):
        load_generator("broken")


def test_the_compliance_suite_passes_ours_and_names_what_is_wrong(tmp_path: Path) -> None:
    assert comply(load_generator("embedded"), Request(asset="x", prompt="a stool", texture_size=256), tmp_path) == []

    class Careless:
        name = "careless"

        def capability(self) -> Capability:
            return Capability(tasks=frozenset({"text"}), offline=True, deterministic=True)

        def generate(self, request: Request, out: Path) -> list[Candidate]:
            return [Candidate(file=out / "gone.glb", generator="other", model="", seed=99)]

    wrong = comply(Careless(), Request(asset="x", prompt="a stool"), tmp_path / "careless")
    assert len(wrong) == 7
    assert any("does not exist" in w for w in wrong)


def test_an_unknown_generator_lists_the_known() -> None:
    with pytest.raises(UsageError, match="embedded"):
        load_generator("nobody")


def test_a_base_url_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATES_MESHY_URL", "meshy")
    with pytest.raises(ConfigError, match="GATES_MESHY_URL"):
        load_generator("meshy")
