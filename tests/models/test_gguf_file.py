"""Damaged GGUF files."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tiny import Kind, write_gguf
from nsllm.errors import ModelCorruptError, NsllmError
from nsllm.models.gguf_file import GgufFile
from nsllm.models.gguf_import import import_gguf
from nsllm.types import ignore_progress


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "sound.gguf"
    write_gguf(path, Kind.Q4_0)
    return path


def attempt(path: Path) -> NsllmError | None:
    """Import the file; return the error that it ends in."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            import_gguf(path, Path(folder), threads=1, listener=ignore_progress)
        except NsllmError as error:
            return error
    return None


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_reported_as_corrupt(sound: Path, share: float) -> None:
    body = sound.read_bytes()
    path = sound.with_name("cut.gguf")
    path.write_bytes(body[: int(len(body) * share)])
    with pytest.raises(ModelCorruptError, match=r"cut\.gguf"):
        GgufFile(path)


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 6000), byte=st.integers(0, 255))
def test_a_damaged_header_never_ends_in_a_traceback(sound: Path, position: int, byte: int) -> None:
    damaged = bytearray(sound.read_bytes())
    damaged[position] = byte
    path = sound.with_name("damaged.gguf")
    path.write_bytes(damaged)
    error = attempt(path)
    assert error is None or (error.hint and error.message)


@pytest.mark.parametrize("body", [b"", b"GGUF", b"PK\x03\x04" + bytes(100), b"\0" * 64])
def test_what_is_no_gguf_file_is_reported_as_corrupt(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(body)
    with pytest.raises(ModelCorruptError, match="not a sound GGUF file"):
        GgufFile(path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match=r"none\.gguf"):
        GgufFile(tmp_path / "none.gguf")
