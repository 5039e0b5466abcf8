"""What is written where the machine's own encoding lacks characters."""

import io
import sys

import pytest

from nsllm.cli import console
from nsllm.cli.console import speak_utf8


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_files_and_pipes_get_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    body = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(body, encoding="cp1252"))
    speak_utf8()
    sys.stdout.write("ü ≥ ✓ \udc80")
    sys.stdout.flush()
    assert body.getvalue().split() == ["ü".encode(), "≥".encode(), "✓".encode(), b"\\udc80"]


def test_a_terminal_keeps_its_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    body = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(body, encoding="cp1252"))
    speak_utf8()
    sys.stdout.write("ü ≥")
    sys.stdout.flush()
    assert body.getvalue().split() == ["ü".encode("cp1252"), b"?"]


def test_words_between_colons_are_no_emoji() -> None:
    text = "2001:db8:a:b:1 and [bold]:smile:"
    for terminal in (console.out, console.err):
        with terminal.capture() as shown:
            terminal.print(text, markup=False)
        assert shown.get() == f"{text}\n"
