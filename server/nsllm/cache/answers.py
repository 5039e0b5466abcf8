"""Whole answers by everything that decides them; docs/CACHE.md lists what that is."""

import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import nsllm
from nsllm.cache.store import CacheStore
from nsllm.governance.redaction import redact
from nsllm.governance.rulebook import FAILED
from nsllm.names import NameFound
from nsllm.settings import Settings
from nsllm.types import (
    AnswerEvent,
    AnswerListener,
    AnswerMode,
    Delta,
    Judgement,
    Passage,
    Question,
    Withdrawn,
)

_NO_INFLUENCE = ("documents", "retrieval", "check", "audit", "cache", "limits", "server")
"""Sections that decide which passages are found, which the key has itself, or nothing at all."""

_NO_INFLUENCE_OF_MODELS = ("idle_unload_s", "download")

_LIBRARIES = (
    "jinja2",
    "jsonschema",
    "numpy",
    "onnxruntime",
    "onnxruntime-directml",
    "onnxruntime-genai",
    "onnxruntime-genai-cuda",
    "onnxruntime-genai-directml",
    "onnxruntime-gpu",
    "phonenumberslite",
    "py3langid",
    "python-stdnum",
    "regex",
    "tokenizers",
)
"""Libraries that take part in writing and judging."""


class AnswerKey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides an answer, but what the workspace has beside the passages."""

    question: Question
    """As it was asked, with its history, mode, model and number of passages."""
    completed: str
    """The question that it stands for."""
    found: tuple[Passage, ...]
    """The passages that are read, whole, in order, with their scores."""
    modes: tuple[AnswerMode, ...]
    """The ways of answering that are open; an exam may change them."""
    models: dict[str, str]
    """The exact files of every model by its id."""
    settings: tuple[Settings, ...]
    """Those of the workspace and of the models, as `decisive` leaves them."""
    rules: dict[str, Any]
    """The options of every rule in force, by id."""
    build: str
    """The program and its libraries."""

    def digest(self) -> str | None:
        """Return the key in hexadecimal; None where a text is none that could be kept."""
        try:
            body = msgspec.json.encode(self, order="deterministic")
        except UnicodeEncodeError:
            return None
        return hashlib.sha256(body).hexdigest()


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is kept: its passages are those that its key was made with."""

    id: str
    """Of the answer that was made; its audit record has this id."""
    text: str
    mode: AnswerMode
    model: str | None
    order: tuple[int, ...]
    """The passages of the answer, as positions among those that were found."""
    judgement: Judgement
    pieces: tuple[str, ...]
    """The text as it was shown, piece by piece; what was withdrawn is not among them."""
    names: tuple[NameFound, ...]
    """What the workspace had when it was judged: where that has changed, it does not hold."""


class Recording:
    """Passes events on, and remembers the pieces of the text that stays."""

    def __init__(self, listener: AnswerListener) -> None:
        self._listener = listener
        self._pieces: list[str] = []

    def __call__(self, event: AnswerEvent) -> None:
        if isinstance(event, Delta):
            self._pieces.append(event.text)
        elif isinstance(event, Withdrawn):
            self._pieces.clear()
        self._listener(event)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The pieces that were shown and not withdrawn."""
        return tuple(self._pieces)


def find(store: CacheStore, key: str) -> KeptAnswer | None:
    """Return the answer that is kept under a key."""
    body = store.get("answer", [key]).get(key)
    if body is None:
        return None
    # The key holds the program itself, so what it wrote it can read.
    return msgspec.json.decode(body, type=KeptAnswer)


def keep(store: CacheStore, key: str, answer: KeptAnswer) -> None:
    """Keep an answer, unless it has secrets, or a rule did not run on it."""
    if any(finding.rule == FAILED for finding in answer.judgement.findings):
        return
    body = msgspec.json.encode(answer)
    if not redact(answer.text).kinds:
        store.put("answer", {key: body})


def decisive(settings: Settings) -> Settings:
    """Return the settings with the defaults in place of what decides no answer.

    A new setting is part of the key until it is named here: rather a miss than a wrong answer.
    """
    default = Settings()
    models = msgspec.structs.replace(
        settings.models,
        **{name: getattr(default.models, name) for name in _NO_INFLUENCE_OF_MODELS},
    )
    others: Mapping[str, Any] = {name: getattr(default, name) for name in _NO_INFLUENCE}
    return msgspec.structs.replace(settings, models=models, **others)


@functools.cache
def build() -> str:
    """Name the program: the content of all its files, Python, and the libraries that take part.

    The version alone would not do where the program runs from a checkout.
    """
    package = Path(nsllm.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    versions = [f"python {sys.version}"]
    for name in _LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    digest.update("\n".join(versions).encode())
    return digest.hexdigest()
