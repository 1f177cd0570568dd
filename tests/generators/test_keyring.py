# SPDX-License-Identifier: Apache-2.0
"""Keys from the keyring, with a backend of our own in its place: nothing of the machine's is read or written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.generators.failures import KeyRefused
from pipeline.generators.keys import find_key, need_key

keyring = pytest.importorskip("keyring")
from keyring.backend import KeyringBackend  # noqa: E402
from keyring.errors import KeyringLocked  # noqa: E402


class Drawer(KeyringBackend):
    """Passwords in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("the drawer is locked")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawer]:
    monkeypatch.delenv("GATES_MESHY_KEY", raising=False)
    before, mine = keyring.get_keyring(), Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def test_a_key_is_found_where_the_keyring_command_puts_it(drawer: Drawer) -> None:
    keyring.set_password("sevengates", "meshy", "msy_from_the_drawer\n")
    found = find_key("meshy", ["GATES_MESHY_KEY"])
    assert found is not None and found.get_secret_value() == "msy_from_the_drawer"
    assert "drawer" not in repr(found)
    assert find_key("tripo", ["GATES_NO_SUCH_KEY"]) is None


def test_the_environment_comes_first(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set_password("sevengates", "meshy", "from_the_drawer")
    monkeypatch.setenv("GATES_MESHY_KEY", "from_the_environment")
    assert need_key("meshy", ["GATES_MESHY_KEY"]).get_secret_value() == "from_the_environment"


def test_a_locked_or_empty_drawer_says_how_to_fill_it(drawer: Drawer) -> None:
    drawer.locked = True
    with pytest.raises(KeyRefused, match="keyring set sevengates meshy"):
        need_key("meshy", ["GATES_MESHY_KEY"])
