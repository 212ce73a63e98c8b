"""Scalars mean what goyaml v2 makes of them; every row was asked of kubectl's own library."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.manifest import scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")),
        *((word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ("yEs", "tRUE", "nUll", "=", "<<", "yes ", "_1", "-", "+", ".", "..", "0x", "0b2")),
        *(("017", 15), ("0o17", 15), ("0O17", 15), ("0x1F", 31), ("-0X1f", -31), ("0b101", 5), ("+5", 5), ("-0", 0)),
        *(("08", 8), ("09.5", 9.5), ("00", 0), ("1_000", 1000), ("1__0_", 10), ("0x_1", 1), ("0b-1", -1), ("0b+11", 3)),
        *(
            ("1e3", 1000),
            ("1.0", 1),
            ("1.", 1),
            (".5", 0.5),
            ("-.5", -0.5),
            ("+.5e1", 5),
            (".5_5", 0.55),
            ("._5", "._5"),
        ),
        *(
            (".5_", ".5_"),
            (".5e5", 50000),
            (".e5", ".e5"),
            ("1e400", "1e400"),
            (".5e400", ".5e400"),
            ("0x1p-2", "0x1p-2"),
        ),
        *(("1:20", "1:20"), ("190:20:30.15", "190:20:30.15"), ("2001-01-01", "2001-01-01"), ("12e03", 12000)),
        *(("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63))),
        *(("9223372036854775808", float(2**63)), ("18446744073709551615", float(2**64))),
        *(("18446744073709551616", float(2**64)), ("+18446744073709551615", float(2**64))),
        *(("0x8000000000000000", float(2**63)), ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF")),
        *(("4611686018427387904.0", 4611686018427388000), ("1e20", 1e20), ("1e21", 1e21), ("1e-7", 1e-7), ("-0.0", 0)),
    ],
)
def test_plain_scalars(text: str, value: scalars.Scalar) -> None:
    found = scalars.resolve(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.INF", "+.Inf"])
def test_numbers_that_json_cannot_hold(text: str) -> None:
    with pytest.raises(scalars.Unfit):
        scalars.resolve(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        *(
            ("yes", "true"),
            ("Off", "false"),
            ("017", "15"),
            ("1_0", "10"),
            ("8080", "8080"),
            ("2001-01-01", "2001-01-01"),
        ),
        *((".nan", ".nan"), (".inf", ".inf"), ("-.inf", "-.inf"), ("1e39", ".inf"), ("-0.0", "-0"), ("0.0", "0")),
        *(("1.5", "1.5"), ("123456.0", "123456"), ("1234567.0", "1.234567e+06"), ("1e5", "100000"), ("1e6", "1e+06")),
        *(("0.0001", "0.0001"), ("0.00001", "1e-05"), ("16777217.0", "1.6777216e+07"), ("12345678.9", "1.2345679e+07")),
    ],
)
def test_keys(text: str, key: str) -> None:
    assert scalars.resolve_key(text) == key


@pytest.mark.parametrize("text", ["", "~", "null", "18446744073709551615"])
def test_scalars_that_cannot_be_keys(text: str) -> None:
    with pytest.raises(scalars.Unfit):
        scalars.resolve_key(text)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        *(("str", "yes", "yes"), ("str", "", ""), ("int", "017", 15), ("float", "3", 3.0), ("float", "0x10", 16.0)),
        *(
            ("bool", "on", True),
            ("null", "~", None),
            ("null", "", None),
            ("binary", "aGk=", "hi"),
            ("binary", "/w==", "\ufffd"),
        ),
        *(
            ("timestamp", "2001-1-2", "2001-1-2"),
            ("timestamp", "2001-1-2T1:2:3Z", "2001-1-2T1:2:3Z"),
            ("seq", "3", "3"),
        ),
    ],
)
def test_tagged_scalars(tag: str, text: str, value: scalars.Scalar) -> None:
    found = scalars.tagged(f"tag:yaml.org,2002:{tag}", text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        *(("int", "1.0"), ("int", "x"), ("int", ""), ("float", "x"), ("float", "18446744073709551615"), ("bool", "1")),
        *(("null", "x"), ("binary", "aGk"), ("binary", "a b="), ("timestamp", "5"), ("timestamp", "2001-13-01")),
    ],
)
def test_tags_that_do_not_fit(tag: str, text: str) -> None:
    with pytest.raises(scalars.Unfit):
        scalars.tagged(f"tag:yaml.org,2002:{tag}", text)


def test_a_foreign_tag_makes_a_string() -> None:
    assert scalars.tagged("!Ref", "yes") == "yes"


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_itself(number: int) -> None:
    assert scalars.resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_lose_nothing_but_a_fraction_of_zero(number: float) -> None:
    found = scalars.resolve(f"{number:.17e}")
    assert isinstance(found, (int, float))
    assert math.isclose(found, number, rel_tol=1e-15)
    assert isinstance(found, int) == (number == int(number) and abs(number) < 2**63)
