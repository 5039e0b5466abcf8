"""JSON Lines: what a file may hold, and how a line that does not fit is named."""

from pathlib import Path

import pytest

from nsllm.errors import UsageError
from nsllm.frontends.lines import decode_lines
from nsllm.frontends.wire import Query


def read(folder: Path, body: bytes) -> list[Query]:
    path = folder / "in.jsonl"
    path.write_bytes(body)
    return list(decode_lines(path, Query))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path, end: bytes) -> None:
    line = b'{"id": "1", "query": "Where?"}'
    wanted = [Query(id="1", query="Where?")]
    assert read(tmp_path, b"\xef\xbb\xbf" + line + end + end) == wanted
    assert read(tmp_path, b"\xef\xbb\xbf" + end + line + end) == wanted


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "1", "query": "Größe?"}'.encode("latin-1"), "not UTF-8"),
        (b'{"id": "1", "query": "", "x": ' + b"[" * 100_000, "nested too deeply"),
        (b"[]", "Expected `object`"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"in\.jsonl, line 2: .*{reason}"):
        read(tmp_path, b"\n" + line + b"\n")
