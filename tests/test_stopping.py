"""What nobody waits for any more ends on its thread too."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nsllm.app import Application
from nsllm.embedding.batching import batches
from nsllm.runtime import ModelRuntime
from nsllm.scoring.scorer import Classifiers
from nsllm.settings import Settings
from nsllm.stopping import on_thread
from nsllm.types import Passage

TEXT = "\n\n".join(f"The relay number {n} keeps its readings for {n} days." for n in range(9))


class Steps:
    """Steps of work on a thread; the first waits until the one who asked has gone."""

    def __init__(self) -> None:
        self.taken = 0
        self._begun = threading.Event()
        self._left = threading.Event()

    def take(self) -> None:
        """Take a step."""
        self.taken += 1
        self._begun.set()
        assert self._left.wait(60)

    async def abandon(self, work: Awaitable[object]) -> None:
        """Ask for the work, leave at its first step, and wait for the end of its thread."""
        task = asyncio.ensure_future(work)
        assert await asyncio.to_thread(self._begun.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        self._left.set()
        await asyncio.get_running_loop().shutdown_default_executor()


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def application(isolated_home: Path, tmp_path: Path) -> Application:
    settings = Settings()
    return Application(tmp_path, settings, ModelRuntime(settings))


async def test_a_model_reads_no_further_batch(steps: Steps) -> None:
    def read() -> None:
        for _ in batches([1] * 9, 1):
            steps.take()

    await steps.abandon(on_thread(read))
    assert steps.taken == 1


async def test_a_check_goes_on_to_no_further_claim(
    application: Application, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retrieve(*_given: object) -> list[Passage]:
        steps.take()
        return []

    retriever = SimpleNamespace(find_others=retrieve)
    monkeypatch.setattr(application, "_retriever", lambda: retriever)
    await steps.abandon(application.check(TEXT))
    assert steps.taken == 1


async def test_a_score_goes_on_to_no_further_claim(
    application: Application, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embedded once, compared never."""

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        steps.take()
        return np.ones((len(texts), 1), np.float32)

    def read(_pairs: Sequence[tuple[str, str]]) -> list[Any]:
        steps.take()
        return []

    answers: dict[str, Callable[[], object]] = {
        "embedder": lambda: SimpleNamespace(embed=embed),
        "classifiers": lambda: Classifiers(grounding=read),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(application.models, name, answer)
    await steps.abandon(application.score(TEXT, [TEXT]))
    assert steps.taken == 1
