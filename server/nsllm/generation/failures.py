"""What the native library's failures mean: its texts become errors that say what to do."""

import json
from pathlib import Path
from typing import Any

from nsllm.errors import (
    ModelCorruptError,
    ModelMissingError,
    ModelUnsupportedError,
    NativeLibraryError,
    NsllmError,
    OutOfMemoryError,
    UsageError,
    WorkerError,
)

_CONFIG = "genai_config.json"
_NO_PROVIDER = ("interface not available", "not been built", "not supported in this build")
_NO_DEVICE = ("cuda failure", "cuda error", "cuda driver", "driver version", "no cuda-capable")
_NO_MEMORY = ("bad allocation", "bad_alloc", "allocate memory", "out of memory")
_UNSUPPORTED = ("unsupported model", "not a registered function", "not implemented", "opset")


def read_config(folder: Path) -> dict[str, Any]:
    """Return the "model" table of genai_config.json, with the keys that the worker needs.

    Raises:
        ModelMissingError: there is no such folder.
        ModelCorruptError: the file is missing, or is not what it should be.
    """
    if not folder.is_dir():
        raise ModelMissingError(
            f"The model folder {folder} is gone.", hint=f"Run `nsllm models pull {folder.name}`."
        )
    try:
        model: dict[str, Any] = json.loads((folder / _CONFIG).read_bytes())["model"]
        return {**model, **{key: int(model[key]) for key in ("context_length", "vocab_size")}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(folder, f"{_CONFIG} cannot be read ({_first_line(error)})") from error


def library_error(error: ImportError | OSError) -> NativeLibraryError:
    """Say that the library is not there, or not whole."""
    return NativeLibraryError(
        f"ONNX Runtime GenAI cannot be loaded: {_first_line(error)}.",
        hint="Install one of nsllm[cpu], nsllm[cuda], nsllm[directml], and run `nsllm doctor`.",
    )


def grammar_error(error: RuntimeError) -> UsageError:
    """Say that the text of a guided request cannot be guided so."""
    return UsageError(
        f"The grammar of the request is not valid: {_first_line(error)}.",
        hint="Mend the regular expression, JSON schema or grammar.",
    )


def load_error(folder: Path, provider: str, text: str) -> NsllmError:
    """Say why a model could not be loaded, from the library's own text."""
    lowered = text.lower()
    if any(sign in lowered for sign in _NO_MEMORY):
        return _no_memory(f"The model {folder.name} does not fit into memory")
    if any(sign in lowered for sign in _NO_PROVIDER):
        return NativeLibraryError(
            f"This installation cannot run models on {provider}: {_first_line(text)}.",
            hint="Set models.provider to cpu, or install the build for your hardware.",
        )
    if any(sign in lowered for sign in _NO_DEVICE):
        return NativeLibraryError(
            f"No model runs on {provider} here: {_first_line(text)}.",
            hint="Set models.provider to auto or cpu, or mend the device's driver.",
        )
    if any(sign in lowered for sign in _UNSUPPORTED):
        return ModelUnsupportedError(
            f"The installed ONNX Runtime GenAI cannot run {folder.name}: {_first_line(text)}.",
            hint="Update onnxruntime-genai, or choose another model.",
        )
    return _corrupt(folder, _first_line(text))


def run_error(error: RuntimeError | MemoryError) -> NsllmError:
    """Say why a loaded model failed."""
    text = _first_line(error)
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in _NO_MEMORY):
        return _no_memory("The model ran out of memory")
    return WorkerError(f"The model failed: {text}.", hint="Ask again, or run `nsllm doctor`.")


def _no_memory(what: str) -> OutOfMemoryError:
    return OutOfMemoryError(
        f"{what}.", hint="Close other programs, or choose a smaller model (`nsllm models list`)."
    )


def _corrupt(folder: Path, reason: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"The model {folder.name} is damaged: {reason}.",
        hint=f"Fetch it again: nsllm models pull {folder.name}",
    )


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")[:300]
