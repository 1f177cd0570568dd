# SPDX-License-Identifier: Apache-2.0
"""The index: what every version says of itself, in one database that may be deleted.

It only repeats what the version layers say. A version it does not know is read from its layer and added; a
database that is missing, broken or locked is done without.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.versions.layout import Layout
from pipeline.versions.version import Version, read_version

__all__ = ["Index"]

_FORMAT = 2
_TABLES = """
create table if not exists folds(name text primary key, parts text) without rowid;
create table if not exists versions(
    id text primary key, parents text, branch text, author text, time text, message text,
    stack text, source text, bytes integer) without rowid;
"""


@dataclass(frozen=True)
class Index:
    """All versions of one project, by id."""

    layout: Layout

    @property
    def path(self) -> Path:
        """The database file."""
        return self.layout.private / f"index-{_FORMAT}.sqlite"

    def all(self) -> dict[str, Version]:
        """Every version the database knows; not every one there is."""
        return {row[0]: _from_row(row) for row in self._ask("select * from versions")}

    def get(self, identifier: str) -> Version:
        """One version, from the database or else from its layer.

        Raises
        ------
        pipeline.errors.UnknownRef
            There is no such version.
        """
        rows = self._ask("select * from versions where id = ?", identifier)
        return _from_row(rows[0]) if rows else read_version(self.layout, identifier)

    def add(self, versions: Iterable[Version]) -> None:
        """Remember versions; failing to is no harm."""
        self._tell("insert or ignore into versions values (?,?,?,?,?,?,?,?,?)", map(_to_row, versions))

    def fold(self, name: str) -> tuple[str, ...]:
        """The objects that an object was folded from, strongest first; empty where that is not known."""
        rows = self._ask("select parts from folds where name = ?", name)
        return tuple(rows[0][0].split()) if rows else ()

    def add_fold(self, name: str, parts: Iterable[str]) -> None:
        """Remember what an object was folded from; failing to is no harm."""
        self._tell("insert or ignore into folds values (?,?)", [(name, " ".join(parts))])

    def _ask(self, question: str, *values: str) -> list[tuple]:
        """The rows of an answer; none where the database cannot be used."""
        try:
            with closing(self._connect()) as database:
                return database.execute(question, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            self._discard_if_broken(error)
            return []

    def _tell(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            with closing(self._connect()) as database, database:
                database.executemany(statement, rows)
        except (sqlite3.Error, OSError) as error:
            self._discard_if_broken(error)

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=30.0)
        # a cache: it may lose its last seconds in a power cut, never more
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=normal")
        connection.executescript(_TABLES)
        return connection

    def _discard_if_broken(self, error: Exception) -> None:
        """Delete a database that is none; one that is only busy or cannot be written stays."""
        if not ("malformed" in str(error) or "not a database" in str(error)):
            return
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink()


def _to_row(version: Version) -> tuple[object, ...]:
    return (
        version.id,
        " ".join(version.parents),
        version.branch,
        version.author,
        version.time,
        version.message,
        json.dumps(version.stack),
        version.source,
        version.bytes,
    )


def _from_row(row: tuple) -> Version:
    return Version.model_construct(
        id=row[0],
        parents=tuple(row[1].split()),
        branch=row[2],
        author=row[3],
        time=row[4],
        message=row[5],
        stack=tuple(json.loads(row[6])),
        source=row[7],
        bytes=row[8],
    )
