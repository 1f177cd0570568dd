# SPDX-License-Identifier: Apache-2.0
"""One clock for records, provenance and versions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.project import Project
from pipeline.project.memory import Memory, recall, remember
from pipeline.usd.clock import now


def test_the_time_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= datetime.fromisoformat(now()) <= datetime.now(UTC)


def test_a_fixed_epoch_fixes_records_and_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert now() == "1970-01-02T00:00:00Z"
    project = Project.create(tmp_path / "p", work="alice")
    remember(project, "colours", Memory(kind="palette"))
    assert recall(project.open_stage())["colours"].time == "1970-01-02T00:00:00Z"
    assert project.commit("a palette").time == "1970-01-02T00:00:00.000000Z"


def test_an_epoch_that_is_none_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ConfigError, match="yesterday"):
        now()
