"""Runs ONNX models: the only module that imports onnxruntime."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from nsllm.errors import ModelCorruptError, NativeLibraryError, OutOfMemoryError
from nsllm.models.hardware import physical_cores

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
# CoreML is left out: it comes with every build for macOS, and splits these graphs into pieces that
# run slower than the CPU.
_PREFERRED = ("cuda", "directml", "cpu")

_HINT = "Install the native libraries that fit this machine: pip install 'nsllm[cpu]'."


@cache
def _library() -> ModuleType:
    try:
        import onnxruntime  # noqa: TID251 - this is the owner
    except ImportError as error:
        raise NativeLibraryError(f"ONNX Runtime cannot be loaded: {error}.", hint=_HINT) from error
    # Left on, it would send usage data on Windows.
    onnxruntime.disable_telemetry_events()
    library: ModuleType = onnxruntime
    return library


def library_version() -> str:
    """Return the version of ONNX Runtime.

    Raises:
        NativeLibraryError: it is not installed, or does not load.
    """
    return str(_library().__version__)


def available_providers() -> tuple[str, ...]:
    """Return where this build of ONNX Runtime can run models, best first, in our names."""
    offered = _library().get_available_providers()
    known = [*_PREFERRED, *(name for name in _PROVIDERS if name not in _PREFERRED)]
    return tuple(name for name in known if _PROVIDERS[name] in offered)


def choose_provider(wanted: str) -> str:
    """Return the provider to use for a setting; `auto` takes the best one.

    Raises:
        NativeLibraryError: this build does not offer the one that is wanted.
    """
    offered = available_providers()
    if wanted == "auto":
        return next(name for name in _PREFERRED if name in offered)
    if wanted in offered:
        return wanted
    raise NativeLibraryError(
        f"This build of ONNX Runtime cannot run on {wanted}; it offers {', '.join(offered)}.",
        hint=f"Install nsllm[{wanted}] in place of nsllm[cpu], or set models.provider to auto.",
    )


class Session:
    """A loaded model; threads may share it."""

    def __init__(self, native: Any, *, provider: str) -> None:
        self._native = native
        self.provider = provider
        self.inputs = tuple(value.name for value in native.get_inputs())
        self.outputs = tuple(value.name for value in native.get_outputs())

    def run(
        self, output_names: Sequence[str] | None, feeds: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Return the named outputs, all of them for None."""
        names = None if output_names is None else list(output_names)
        result: list[NDArray[Any]] = self._native.run(names, dict(feeds))
        return result


def open_session(path: Path, *, threads: int = 0, provider: str = "auto") -> Session:
    """Load a model; `threads` 0 is one for each physical core.

    Raises:
        ModelCorruptError: the file is missing, is no model, or does not fit its data file.
        NativeLibraryError: ONNX Runtime is missing, or lacks the provider.
        OutOfMemoryError: the model does not fit into memory.
    """
    library = _library()
    state = library.capi.onnxruntime_pybind11_state
    chosen = choose_provider(provider)
    options = library.SessionOptions()
    options.intra_op_num_threads = threads or physical_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Models take turns: threads that wait for more work of one would spin on the cores of the next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    names = list(dict.fromkeys([_PROVIDERS[chosen], _PROVIDERS["cpu"]]))
    try:
        native = library.InferenceSession(os.fspath(path), options, providers=names)
    except (MemoryError, state.RuntimeException) as error:
        if isinstance(error, MemoryError) or "alloc" in str(error).lower():
            raise OutOfMemoryError(
                f"{path.parent.name} does not fit into the memory that is free.",
                hint="Close other programs, or choose a smaller model.",
            ) from error
        raise _corrupt(path, error) from error
    except (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
    ) as error:
        raise _corrupt(path, error) from error
    return Session(native, provider=chosen)


def _corrupt(path: Path, error: Exception) -> ModelCorruptError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelCorruptError(
        f"{path} cannot be loaded as a model: {reason[:300]}.",
        hint=f"Fetch it again: nsllm models pull {path.parent.name}",
    )
