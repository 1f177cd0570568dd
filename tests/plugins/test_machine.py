# SPDX-License-Identifier: Apache-2.0
"""What the machine has, and plug-ins that were found or left out."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline.plugins.discovery import discover
from pipeline.plugins.machine import REQUIRED, examine


def test_everything_required_is_here_and_what_is_missing_has_a_line() -> None:
    rows = {r.name: r for r in examine()}
    assert all(rows[name].ok for name in REQUIRED)
    assert rows["USD schemas"].ok
    assert rows["sandbox"].found
    assert all(r.remedy for r in rows.values() if r.ok is not True)


def test_a_live_look_asks_only_services_whose_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over real HTTP on this machine: a service that answers the balance to a good key and refuses a bad one."""
    asked: list[str] = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            good = self.headers.get("Authorization") == "Bearer msy_good"
            body = b'{"balance": 42}' if good else b'{"message": "bad key"}'
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        monkeypatch.setenv("GATES_MESHY_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MESHY_API_KEY", "msy_good")
        rows = {r.name: r for r in examine(live=True)}
        assert rows["meshy"].ok, rows["meshy"]
        assert "42" in rows["meshy"].found
        assert rows["tripo"].ok is None
        assert asked
        monkeypatch.setenv("MESHY_API_KEY", "msy_bad")
        row = {r.name: r for r in examine(live=True)}["meshy"]
        assert row.ok is False
        assert "msy_bad" not in row.found + row.remedy
    finally:
        server.shutdown()
        server.server_close()


def test_every_kind_of_plugin_is_listed_and_all_of_ours_load() -> None:
    rows = discover()
    assert {r.kind for r in rows} >= {"generator", "check", "refiner", "exporter", "hook"}
    assert [r for r in rows if r.state == "failed"] == []
