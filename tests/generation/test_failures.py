"""What the native library says of a model becomes an error that says what to do."""

from pathlib import Path

import pytest

from nsllm.errors import ModelCorruptError, NativeLibraryError, NsllmError, OutOfMemoryError
from nsllm.generation.failures import load_error


@pytest.mark.parametrize(
    ("text", "kind", "advice"),
    [
        ("CUDA failure 100: no CUDA-capable device is detected", NativeLibraryError, "provider"),
        ("CUDA driver version is insufficient for this runtime", NativeLibraryError, "provider"),
        ("CUDA error: out of memory", OutOfMemoryError, "smaller model"),
        ("Protobuf parsing failed", ModelCorruptError, "models pull"),
    ],
)
def test_a_device_that_fails_is_no_damaged_model(
    text: str, kind: type[NsllmError], advice: str
) -> None:
    error = load_error(Path("some-model"), "cuda", text)
    assert type(error) is kind
    assert advice in error.hint
