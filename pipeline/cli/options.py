# SPDX-License-Identifier: Apache-2.0
"""Option values that several commands read: sizes, pairs, lists."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click

__all__ = ["FRAMES", "LIST", "PAIR", "PIXELS", "POINT", "SIZE", "number", "pairs"]


class _Size(click.ParamType):
    """`WxHxD` in metres."""

    name = "WxHxD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            sides = tuple(float(part) for part in str(value).lower().replace("m", "").split("x"))
        except ValueError:
            sides = ()
        if len(sides) != 3 or not all(0 < side < 1e6 for side in sides):
            self.fail(f"{value!r} is no size: write width, height and depth in metres like 2.4x2.6x1.8", param, ctx)
        return sides


class _Point(click.ParamType):
    """`X,Y,Z` in metres, Y up."""

    name = "X,Y,Z"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            point = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            point = ()
        if len(point) != 3 or not all(isfinite(number) for number in point):
            self.fail(f"{value!r} is no point: write three numbers like 1.5,0,-2", param, ctx)
        return point


class _Number(click.FloatRange):
    """A finite number; `nan` and `inf` pass every comparison of a range."""

    name = "number"

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


class _List(click.ParamType):
    """Names with commas between."""

    name = "A,B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, list):
            return value
        return [part.strip() for part in str(value).split(",") if part.strip()]


class _Pair(click.ParamType):
    """`KEY=VALUE`."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        key, equals, rest = str(value).partition("=")
        if not equals or not key:
            self.fail(f"{value!r} is no KEY=VALUE", param, ctx)
        return key, rest


class _Pixels(click.ParamType):
    """`WxH` in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) == 2 and all(p.isdigit() for p in parts):
            return int(parts[0]), int(parts[1])
        raise click.BadParameter(f"{value!r} is no picture size: write it like 1920x1080", ctx, param)


class _Frames(click.ParamType):
    """`A:B`, both drawn."""

    name = "A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        first, colon, last = str(value).partition(":")
        try:
            return float(first), float(last if colon else first)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no frame range: write it like 1:24", ctx, param) from error


SIZE, POINT, LIST, PAIR, PIXELS, FRAMES = _Size(), _Point(), _List(), _Pair(), _Pixels(), _Frames()


def number(low: float | None = None, high: float | None = None) -> click.ParamType:
    """A finite number between two bounds, both included."""
    return _Number(low, high)


def pairs(values: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Repeated `KEY=VALUE` options as a dictionary; the last of a key counts."""
    return dict(values)
