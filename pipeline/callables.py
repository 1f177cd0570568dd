# SPDX-License-Identifier: Apache-2.0
"""Packages that may be called: `pipeline.render(...)` is `pipeline.render.render(...)`.

Three commands have the name of the package that holds their function. Such a package calls
`make_callable(__name__, "function")`, so that the public name works whether or not the package was imported before.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


class _CallableModule(ModuleType):
    """A module that passes a call on to one of its functions."""

    _called: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, self._called)(*args, **kwargs)


def make_callable(module: str, function: str) -> None:
    """Let the module of that name be called as its `function`."""
    made = sys.modules[module]
    made.__class__ = _CallableModule
    made._called = function  # type: ignore[attr-defined]
