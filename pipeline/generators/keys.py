# SPDX-License-Identifier: Apache-2.0
"""Keys of services: from the environment or the keyring, never from files, never shown."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pydantic import SecretStr

from pipeline.generators.failures import KeyRefused

#: the keyring's service name; the user name is the generator's name
KEYRING = "sevengates"


def find_key(service: str, variables: Sequence[str]) -> SecretStr | None:
    """The key of a service, or None: the first set environment variable, then the keyring."""
    for name in variables:
        value = os.environ.get(name, "").strip()
        if value:
            return SecretStr(value)
    try:
        import keyring
    except ImportError:
        return None
    try:
        value = (keyring.get_password(KEYRING, service) or "").strip()
    except Exception:  # noqa: BLE001  a keyring backend may raise anything; without one there is no key
        return None
    return SecretStr(value) if value else None


def need_key(service: str, variables: Sequence[str]) -> SecretStr:
    """The key of a service.

    Raises
    ------
    KeyRefused
        There is none.
    """
    key = find_key(service, variables)
    if key is None:
        where = f"set {variables[0]}" if variables else "configure key_env"
        raise KeyRefused(
            f"{service} needs a key and there is none",
            remedy=f"{where}, or store it with: keyring set {KEYRING} {service}",
        )
    return key


def hidden(text: str, *secrets: SecretStr | None) -> str:
    """`text` with every secret replaced, for messages that quote what a service answered."""
    for secret in secrets:
        if secret is not None and secret.get_secret_value():
            text = text.replace(secret.get_secret_value(), "…")
    return text
