"""The client against a scripted worker process: crashes, silence, garbage, queue, idleness."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from nsllm.errors import NativeLibraryError, OutOfMemoryError, QuestionError, WorkerError
from nsllm.generation.child import Child
from nsllm.generation.client import GeneratorClient, GeneratorModel, Queued, Sampling
from nsllm.generation.messages import Done, Tokens

SCRIPT = Path(__file__).with_name("scripted_worker.py")
MakeClient = Callable[..., GeneratorClient]


@pytest.fixture
async def make_client(tmp_path: Path) -> AsyncIterator[MakeClient]:
    clients: list[GeneratorClient] = []

    def make(*modes: str, **options: object) -> GeneratorClient:
        (tmp_path / "script.json").write_text(json.dumps(modes))
        command = (sys.executable, str(SCRIPT), str(tmp_path))
        clients.append(GeneratorClient(command=command, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()
        assert client.pid is None


@pytest.fixture
def model(tmp_path: Path) -> GeneratorModel:
    return GeneratorModel(folder=tmp_path)


async def tokens(client: GeneratorClient, model: GeneratorModel, *prompt: int) -> list[int]:
    """Return the tokens of an answer; a scripted worker repeats its prompt."""
    found: list[int] = []
    async with aclosing(client.generate(model, prompt or (1, 2, 3), Sampling())) as events:
        async for event in events:
            if isinstance(event, Tokens):
                found.extend(event.ids)
    return found


def starts(tmp_path: Path) -> int:
    path = tmp_path / "starts"
    return int(path.read_text()) if path.exists() else 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come; the test's own time limit ends a vain wait."""
    while not condition():
        await asyncio.sleep(0.005)


async def test_the_worker_starts_with_the_first_request_and_is_kept(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("well")
    assert starts(tmp_path) == 0
    assert await tokens(client, model, 4, 5) == [4, 5]
    assert await tokens(client, model, 6) == [6]
    assert await client.score(model, (1,), (2, 3)) == (-1.0, -1.0)
    assert starts(tmp_path) == 1


async def test_done_comes_last(make_client: MakeClient, model: GeneratorModel) -> None:
    client = make_client("well")
    events = [event async for event in client.generate(model, (1, 2), Sampling())]
    assert [type(event) for event in events] == [Tokens, Tokens, Done]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("crash", "ended unexpectedly with code 3: the native library gave up"),
        pytest.param(
            "killed",
            r"killed by signal 9 \(SIGKILL\)",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals"),
        ),
        ("garbage", "no valid message"),
        ("huge frame", "larger"),
        ("half a frame", "ended unexpectedly with code 0"),
        ("closes its pipe", "The generation worker"),
    ],
)
async def test_a_lost_worker_tells_why_and_the_next_request_works(
    make_client: MakeClient, model: GeneratorModel, mode: str, reason: str
) -> None:
    client = make_client(mode, "well")
    with pytest.raises(WorkerError, match=reason):
        await tokens(client, model)
    assert client.pid is None
    assert await tokens(client, model) == [1, 2, 3]


async def test_the_last_words_of_a_crash_are_kept(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    with pytest.raises(WorkerError) as caught:
        await tokens(make_client("crash"), model)
    assert caught.value.__notes__ == ["first line\nthe native library gave up"]


async def test_a_failed_request_keeps_the_worker(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("request fails")
    for _ in range(2):
        with pytest.raises(QuestionError, match="Too long") as caught:
            await tokens(client, model)
        assert caught.value.hint == "Shorten it."
    assert starts(tmp_path) == 1


async def test_a_failed_load_is_told_and_tried_afresh(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    client = make_client("no memory", "well")
    with pytest.raises(OutOfMemoryError, match="Too large"):
        await tokens(client, model)
    assert client.pid is None
    assert await tokens(client, model) == [1, 2, 3]


async def test_leaving_early_cancels_and_keeps_the_worker(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("silent")
    async with aclosing(client.generate(model, (7, 8), Sampling())) as events:
        async for event in events:
            assert isinstance(event, Tokens)
            break
    assert "Cancel 1" in (tmp_path / "requests.log").read_text()
    assert client.pid is not None
    assert await client.score(model, (1,), (2,)) == (-1.0,)
    assert starts(tmp_path) == 1


async def test_a_worker_that_ignores_the_cancellation_is_killed(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("deaf", "well")
    task = asyncio.create_task(tokens(client, model))
    await until(lambda: "Generate" in read(tmp_path / "requests.log"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.pid is None
    assert await tokens(client, model) == [1, 2, 3]


async def test_cancelling_while_the_model_loads_ends_the_worker(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("silent on load", "well")
    task = asyncio.create_task(tokens(client, model))
    await until(lambda: "Load" in read(tmp_path / "requests.log"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.pid is None
    assert await tokens(client, model) == [1, 2, 3]


async def test_requests_are_served_in_order_and_know_their_place(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    client = make_client("silent", "well")
    served: list[str] = []
    places: dict[str, list[int]] = {"second": [], "third": []}

    async def ask(name: str) -> None:
        async for event in client.generate(model, (1,), Sampling()):
            if isinstance(event, Queued):
                places[name].append(event.ahead)
        served.append(name)

    first = client.generate(model, (1,), Sampling())
    assert isinstance(await anext(first), Tokens)
    tasks = []
    for name, told in places.items():
        tasks.append(asyncio.create_task(ask(name)))
        await until(lambda told=told: bool(told))
    client._child.kill_now()
    with pytest.raises(WorkerError):
        await anext(first)
    await asyncio.gather(*tasks)
    assert served == ["second", "third"]
    assert places == {"second": [1, 0], "third": [2, 1, 0]}


async def test_a_waiting_request_can_be_cancelled(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    client = make_client("silent")
    first = client.generate(model, (1,), Sampling())
    assert isinstance(await anext(first), Tokens)
    waiting = asyncio.create_task(tokens(client, model))
    last = asyncio.create_task(client.score(model, (1,), (2,)))
    await until(lambda: len(client._queue) == 3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(client._queue) == 2
    await first.aclose()
    assert await last == (-1.0,)


async def test_another_model_gets_another_worker(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("first", "second")
    await tokens(client, model)
    assert client.loaded.device == "first"
    await tokens(client, GeneratorModel(folder=tmp_path / "other"))
    assert client.loaded.device == "second"
    assert starts(tmp_path) == 2


async def test_a_worker_that_died_while_idle_is_replaced(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("well")
    await tokens(client, model)
    client._child.kill_now()
    await until(lambda: client.pid is None)
    assert await tokens(client, model) == [1, 2, 3]
    assert starts(tmp_path) == 2


async def test_an_idle_worker_ends_and_comes_back_with_the_next_request(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("well", idle_unload_s=0.01)
    await tokens(client, model)
    await until(lambda: client.pid is None)
    assert await tokens(client, model) == [1, 2, 3]
    assert starts(tmp_path) == 2


async def test_an_unread_answer_holds_no_more_than_the_pipes_do(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    """A worker that writes faster than it is read can still be stopped."""
    client = make_client("flood")
    events = client.generate(model, (1,), Sampling())
    await anext(events)
    await client.aclose()
    assert client.pid is None
    await events.aclose()


async def test_a_model_that_does_not_fit_is_not_loaded(
    make_client: MakeClient, tmp_path: Path
) -> None:
    client = make_client("well", free_memory_bytes=lambda: 1_000_000_000)
    large = GeneratorModel(folder=tmp_path, memory_bytes=4_200_000_000)
    with pytest.raises(OutOfMemoryError, match=r"needs 4\.2 GB of memory, and 1\.0 GB are free"):
        await tokens(client, large)
    assert starts(tmp_path) == 0
    small = GeneratorModel(folder=tmp_path, memory_bytes=900_000_000)
    assert await tokens(client, small) == [1, 2, 3]


async def test_an_interpreter_that_cannot_be_started_is_named(model: GeneratorModel) -> None:
    client = GeneratorClient(command=("no-such-program-anywhere",))
    with pytest.raises(NativeLibraryError, match="no-such-program-anywhere"):
        await client.score(model, (1,), (2,))


async def test_a_closed_client_serves_nothing(
    make_client: MakeClient, model: GeneratorModel
) -> None:
    client = make_client("silent")
    first = client.generate(model, (1,), Sampling())
    await anext(first)
    reading = asyncio.create_task(anext(first))
    waiting = asyncio.create_task(tokens(client, model))
    await until(lambda: len(client._queue) == 2)
    await client.aclose()
    for task in (reading, waiting):
        with pytest.raises(WorkerError):
            await task


async def test_closing_while_the_model_loads_ends_the_worker(
    make_client: MakeClient, model: GeneratorModel, tmp_path: Path
) -> None:
    client = make_client("silent on load")
    loading = asyncio.create_task(tokens(client, model))
    await until(lambda: "Load" in read(tmp_path / "requests.log"))
    await client.aclose()
    with pytest.raises(WorkerError):
        await loading


async def test_closing_while_the_worker_starts_leaves_none_behind(
    make_client: MakeClient, model: GeneratorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client("well", "well")
    started: list[Child] = []
    start = Child.start

    async def closed_meanwhile(command: Sequence[str]) -> Child:
        started.append(await start(command))
        closing.append(asyncio.create_task(client.aclose()))
        await until(lambda: len(client._queue) == 2)
        return started[0]

    closing: list[asyncio.Task[None]] = []
    monkeypatch.setattr(Child, "start", closed_meanwhile)
    with pytest.raises(WorkerError, match="was closed"):
        await tokens(client, model)
    await closing[0]
    assert not started[0].is_alive


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
