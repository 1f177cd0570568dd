# SPDX-License-Identifier: Apache-2.0
"""The one clock of whatever is written: records, provenance, versions."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Literal

from pipeline.errors import ConfigError

__all__ = ["now"]


def now(timespec: Literal["seconds", "microseconds"] = "seconds") -> str:
    """The time as ISO 8601 in UTC; `SOURCE_DATE_EPOCH` (seconds since 1970) fixes it for reproducible files.

    Raises
    ------
    ConfigError
        `SOURCE_DATE_EPOCH` is no such number.
    """
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {fixed!r}", remedy="give whole seconds since 1970-01-01, or unset it"
        ) from error
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
