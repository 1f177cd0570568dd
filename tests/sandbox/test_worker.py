# SPDX-License-Identifier: Apache-2.0
"""What happens in a worker stays there: crashes, hangs and hunger are errors here, and nothing survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline import sandbox
from pipeline.errors import ImportRefused, SandboxLimit
from pipeline.sandbox import client

QUICK = sandbox.Limits(memory=512 << 20, cpu=5, wall=20)


def descendants() -> set[int]:
    """Process ids whose parent is the fork server."""
    server = client._host.process
    assert server is not None
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == server.pid and fields[0] != "Z":
            found.add(int(entry.parent.name))
    return found


def gone(deadline: float = 5.0) -> bool:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if not descendants():
            return True
        time.sleep(0.02)
    return False


def test_the_result_comes_back_from_another_process() -> None:
    ran = sandbox.run("os:getpid", {}, limits=QUICK)
    assert ran.result != os.getpid()
    assert ran.peak_mb > 10
    assert gone()


def test_a_segmentation_fault_is_an_error() -> None:
    with pytest.raises(SandboxLimit, match="SIGSEGV"):
        sandbox.run("faulthandler:_sigsegv", {}, limits=QUICK, path="model.glb")


def test_an_abort_is_an_error() -> None:
    with pytest.raises(SandboxLimit, match="SIGABRT"):
        sandbox.run("os:abort", {}, limits=QUICK)


def test_ending_without_an_answer_is_an_error() -> None:
    with pytest.raises(SandboxLimit):
        sandbox.run("sys:exit", {}, limits=QUICK)


def test_a_hang_ends_at_the_wall_limit_and_the_worker_is_gone() -> None:
    started = time.monotonic()
    with pytest.raises(SandboxLimit, match="longer than"):
        sandbox.run("signal:pause", {}, limits=sandbox.Limits(wall=0.5))
    assert time.monotonic() - started < 5
    assert gone()


def test_endless_work_ends_at_the_processor_limit() -> None:
    endless = {"pattern": "(a+)+b", "string": "a" * 60}
    with pytest.raises(SandboxLimit, match="processor time"):
        sandbox.run("re:match", endless, limits=sandbox.Limits(cpu=1, wall=60))


def test_too_much_memory_is_refused() -> None:
    with pytest.raises(SandboxLimit, match="memory"):
        sandbox.run("numpy:ones", {"shape": 1 << 33}, limits=QUICK)


def test_an_exception_outside_the_tree_means_the_file_is_broken() -> None:
    with pytest.raises(ImportRefused, match="TypeError") as caught:
        sandbox.run("calendar:monthrange", {"year": 1, "month": "x"}, limits=QUICK, path="a.glb")
    assert caught.value.path == "a.glb"


def test_interrupting_the_host_kills_the_worker() -> None:
    sandbox.run("os:getpid", {}, limits=QUICK)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    # a shell starts what runs in the background deaf to SIGINT
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            sandbox.run("signal:pause", {}, limits=QUICK)
    finally:
        signal.signal(signal.SIGINT, before)
    assert gone()


def test_a_killed_server_is_started_again() -> None:
    sandbox.run("os:getpid", {}, limits=QUICK)
    server = client._host.process
    assert server is not None
    server.kill()
    server.wait(5)
    assert isinstance(sandbox.run("os:getpid", {}, limits=QUICK).result, int)
    assert client._host.process is not server


def test_a_worker_dies_with_its_server() -> None:
    sandbox.run("os:getpid", {}, limits=QUICK)
    server = client._host.process
    assert server is not None
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(sandbox.run, "signal:pause", {}, limits=QUICK)
        time.sleep(0.5)
        workers = descendants()
        assert len(workers) == 1
        server.kill()
        with pytest.raises(SandboxLimit):
            waiting.result(10)
    end = time.monotonic() + 5
    while any(Path(f"/proc/{w}").exists() for w in workers) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{w}").exists() for w in workers)


def test_many_threads_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = list(pool.map(lambda _: sandbox.run("os:getpid", {}, limits=QUICK).result, range(24)))
    assert len(set(pids)) == 24
    assert gone()


def test_secrets_of_the_environment_do_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATES_MESHY_KEY", "msy_secret")
    sandbox.close()
    assert sandbox.run("os:getenv", {"key": "GATES_MESHY_KEY"}, limits=QUICK).result is None
    assert sandbox.run("os:getenv", {"key": "PATH"}, limits=QUICK).result


def test_descriptors_of_the_host_do_not_leak() -> None:
    sandbox.run("os:getpid", {}, limits=QUICK)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        sandbox.run("os:getpid", {}, limits=QUICK)
        with pytest.raises(SandboxLimit):
            sandbox.run("os:abort", {}, limits=QUICK)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_server_ends_with_its_host(tmp_path: Path) -> None:
    script = (
        "import os\nfrom pipeline import sandbox\nfrom pipeline.sandbox import client\n"
        "sandbox.run('os:getpid', {})\nprint(client._host.process.pid, flush=True)\nos._exit(0)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    server = Path(f"/proc/{int(out.stdout)}/stat")
    end = time.monotonic() + 5
    while server.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not server.exists()


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "numpy"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('numpy is not what it was')")
    sandbox.close()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SandboxLimit, match=r"does not start.*numpy is not what it was"):
        sandbox.run("os:getpid", {}, limits=QUICK)
    monkeypatch.undo()
    sandbox.close()
    assert sandbox.run("os:getpid", {}, limits=QUICK).result
