# SPDX-License-Identifier: Apache-2.0
"""A property computed once for each object, also where several threads ask for it at the same time.

`functools.cached_property` computes twice from Python 3.12 on, and before that makes all objects of a class wait for
each other. Here whoever comes second waits for the first, on that object and property alone.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
_LOCKS = "__once__"


class once(Generic[T]):  # noqa: N801  a decorator, named like `property`
    """Decorate a method without arguments: its result is kept in the object's `__dict__`.

    What raised is tried again when it is asked for again.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.__doc__ = make.__doc__
        self.name = make.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        kept = instance.__dict__
        # setdefault is one step to all threads, so all get the same lock
        locks = kept.setdefault(_LOCKS, {})
        with locks.setdefault(self.name, RLock()):
            if self.name not in kept:
                kept[self.name] = self.make(instance)
                locks.pop(self.name, None)  # whoever waits for it has it still
            return kept[self.name]
