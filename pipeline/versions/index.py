# SPDX-License-Identifier: Apache-2.0
"""The index: what every version says of itself, in one database that may be deleted.

It only repeats what the version layers say. A version it does not know is read from its layer and added; a
database that is missing, broken or locked is done without.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
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
        with self._open() as database:
            if database is None:
                return {}
            rows = database.execute("select * from versions").fetchall()
        return {row[0]: _from_row(row) for row in rows}

    def get(self, identifier: str) -> Version:
        """One version, from the database or else from its layer.

        Raises
        ------
        pipeline.errors.UnknownRef
            There is no such version.
        """
        with self._open() as database:
            if database is not None:
                row = database.execute("select * from versions where id = ?", (identifier,)).fetchone()
                if row:
                    return _from_row(row)
        return read_version(self.layout, identifier)

    def add(self, versions: Iterable[Version]) -> None:
        """Remember versions; failing to is no harm."""
        with self._open() as database:
            if database is not None:
                with suppress(sqlite3.Error), database:
                    database.executemany(
                        "insert or ignore into versions values (?,?,?,?,?,?,?,?,?)", map(_to_row, versions)
                    )

    def fold(self, name: str) -> tuple[str, ...]:
        """The objects that an object was folded from, strongest first; empty where that is not known."""
        with self._open() as database:
            if database is None:
                return ()
            row = database.execute("select parts from folds where name = ?", (name,)).fetchone()
        return tuple(row[0].split()) if row else ()

    def add_fold(self, name: str, parts: Iterable[str]) -> None:
        """Remember what an object was folded from; failing to is no harm."""
        with self._open() as database:
            if database is not None:
                with suppress(sqlite3.Error), database:
                    database.execute("insert or ignore into folds values (?,?)", (name, " ".join(parts)))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """The database, or None where it cannot be used."""
        try:
            connection = self._connect()
        except sqlite3.DatabaseError as error:
            if "malformed" in str(error) or "not a database" in str(error):
                self._discard()
            yield None
            return
        except OSError:
            yield None
            return
        with closing(connection):
            try:
                yield connection
            except sqlite3.DatabaseError:
                self._discard()
                raise

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=30.0)
        # a cache: it may lose its last seconds in a power cut, never more
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=normal")
        connection.executescript(_TABLES)
        return connection

    def _discard(self) -> None:
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
