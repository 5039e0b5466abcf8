"""Model sessions and the machine under them."""

import os
import sys
from pathlib import Path

import pytest

from models.tiny import write_bert
from nsllm.errors import ModelCorruptError, NativeLibraryError
from nsllm.models import hardware, session
from nsllm.models.bert import import_bert
from nsllm.types import ignore_progress


@pytest.mark.parametrize("body", [b"", b"not a model", b"\x08\x0a" * 50])
def test_a_file_that_is_no_model_is_named(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(body)
    with pytest.raises(ModelCorruptError, match=r"model\.onnx") as caught:
        session.open_session(path)
    assert "nsllm models pull mine" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match=r"model\.onnx"):
        session.open_session(tmp_path / "model.onnx")


def test_a_truncated_model_is_named(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    import_bert(tmp_path / "bert", tmp_path, ignore_progress)
    path = tmp_path / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelCorruptError, match=r"model\.onnx"):
        session.open_session(path)


def test_a_session_tells_what_it_takes_and_gives(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    import_bert(tmp_path / "bert", tmp_path, ignore_progress)
    opened = session.open_session(tmp_path / "model.onnx", threads=1, provider="auto")
    assert opened.inputs == ("input_ids", "attention_mask", "token_type_ids")
    assert set(opened.outputs) == {"sentence_embedding", "token_embeddings"}
    assert opened.provider == session.choose_provider("auto")


def test_a_provider_that_is_not_here_is_refused_with_those_that_are() -> None:
    absent = next(p for p in ("directml", "coreml", "cuda") if p not in hardware.providers())
    with pytest.raises(NativeLibraryError, match=f"{absent}; it offers .*cpu") as caught:
        session.choose_provider(absent)
    assert "models.provider" in caught.value.hint


def test_a_missing_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    session._library.cache_clear()
    try:
        with pytest.raises(NativeLibraryError) as caught:
            session.available_providers()
        assert "nsllm[cpu]" in caught.value.hint
        assert hardware.providers() == ()
        assert hardware.describe().runtime is None
    finally:
        session._library.cache_clear()


def test_the_machine_is_described() -> None:
    machine = hardware.describe()
    assert 1 <= machine.physical_cores <= (os.cpu_count() or 1)
    assert "cpu" in machine.providers
    assert machine.runtime
    assert machine.memory_bytes is None or machine.memory_bytes > 2**28
    free = machine.free_memory_bytes
    assert free is None or machine.memory_bytes is None or 0 <= free <= machine.memory_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="reads files of Linux")
def test_a_containers_limits_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"cpu.max": "150000 100000", "memory.max": "1000000", "memory.current": "400000"}
    for name, value in limits.items():
        (tmp_path / name).write_text(value)
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    assert hardware._quota() == 2
    assert hardware.free_memory_bytes() == 600000
    (tmp_path / "memory.stat").write_text("anon 150000\nfile 250000\ninactive_file 200000\n")
    assert hardware.free_memory_bytes() == 800000
    (tmp_path / "cpu.max").write_text("max 100000")
    (tmp_path / "memory.max").write_text("max")
    assert hardware._quota() is None
    assert (hardware.free_memory_bytes() or 0) > 1000000


@pytest.mark.skipif(sys.platform != "linux", reason="reads files of Linux")
def test_two_threads_of_a_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu in range(4):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    monkeypatch.setattr(hardware, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    assert hardware._linux_cores() == 2
