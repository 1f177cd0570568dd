# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.exporters.digits import decimal_places, decimals, integers, joined


def lines(columns: list, rows: int) -> list[str]:
    return joined([*columns, b"\n"], rows)[0].decode().splitlines()


@given(arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 2**40)))
def test_integers_are_pythons(values: np.ndarray) -> None:
    assert lines([integers(values)], len(values)) == [str(v) for v in values.tolist()]


@given(
    arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)),
    st.integers(1, 9),
)
def test_decimals_are_within_half_a_unit_of_the_last_place(values: np.ndarray, places: int) -> None:
    found = lines([decimals(values, places)], len(values))
    for text, value in zip(found, values.tolist(), strict=True):
        assert abs(float(text) - value) <= 0.5000001 * 10.0**-places + 1e-15 * abs(value) * 10
        assert len(text.split(".")[1]) == places
        assert text != "-0." + "0" * places


def test_decimals_are_pythons_where_nothing_is_half_way() -> None:
    values = np.array([0, -1, 3.25, 12345.678, -0.000001, 99999.5], np.float64)
    assert lines([decimals(values, 6)], 6) == [f"{v:.6f}" for v in values]


def test_what_is_not_finite_becomes_a_number_that_readers_take() -> None:
    values = np.array([np.nan, np.inf, -np.inf])
    assert lines([decimals(values, 2)], 3) == ["0.00"] * 3


def test_a_hidden_zero_leaves_nothing_and_ends_are_where_rows_end() -> None:
    text, ends = joined([integers(np.array([7, 0, 120]), hide_zero=True), b";"], 3, ends=True)
    assert text == b"7;;120;"
    assert ends.tolist() == [2, 3, 7]


def test_a_millionth_of_the_extent_is_kept() -> None:
    assert [decimal_places(x) for x in (100.0, 1.0, 0.01, 1e-9, 0.0, np.nan)] == [6, 6, 8, 11, 6, 6]


def test_numbers_beyond_64_bits_and_tiny_ones_get_exponents() -> None:
    values = np.array([1e30, -2.5, 0.0])
    assert [float(x) for x in lines([decimals(values, 6)], 3)] == values.tolist()
    tiny = np.array([1.25e-30, -3e-31])
    assert [float(x) for x in lines([decimals(tiny, decimal_places(1e-30))], 2)] == tiny.tolist()
