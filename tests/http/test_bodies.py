"""How deeply nested a body may be."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.frontends.http.bodies import MAX_DEPTH, check_depth, decode
from nsllm.frontends.http.problems import RequestRefused

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON, st.integers(0, MAX_DEPTH * 2), st.booleans())
def test_the_depth_decides_and_nothing_else(value: object, wrapped: int, escaped: bool) -> None:
    for _ in range(wrapped):
        value = [value, '[[{{\\"', {"]}": "]"}] * 2 if wrapped < 4 else [value, '"[[{{"']
    body = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    if depth_of(value) > MAX_DEPTH:
        with pytest.raises(RequestRefused):
            check_depth(body)
    else:
        check_depth(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_what_opens_without_end_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        check_depth(body)


@pytest.mark.parametrize("body", [b'"' + b"[" * 33 + b'"', b"]]" * 40, b'"\\"' * 100 + b"[" * 32])
def test_what_is_not_nested_is_left_to_the_decoder(body: bytes) -> None:
    check_depth(body)


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 900_000, b'"' + b"\\" * 1_900_001])
def test_a_string_without_end_is_read_once(body: bytes) -> None:
    """The test's time limit tells: looked at from each of its quotes, it would take hours."""
    check_depth(b"[]" * (MAX_DEPTH + 1) + body)


class Asked(msgspec.Struct):
    top_k: int
    share: float = 0.5


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    decoder = msgspec.json.Decoder(Asked)
    assert decode(decoder, b'{"top_k": 42.0, "share": 1.0}') == Asked(42, 1.0)
    for wrong in (b'{"top_k": 4.2}', b'{"top_k": 1e300}', b'{"top_k": "4"}', b"{"):
        with pytest.raises(msgspec.MsgspecError):
            decode(decoder, wrong)
