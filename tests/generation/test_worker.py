"""The real worker process with the real model."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from nsllm.errors import (
    ModelCorruptError,
    ModelMissingError,
    NsllmError,
    QuestionError,
    UsageError,
    WorkerError,
)
from nsllm.generation import messages
from nsllm.generation.child import COMMAND
from nsllm.generation.client import GeneratorClient, GeneratorModel, Sampling
from nsllm.generation.decoding import TextDecoder
from nsllm.generation.messages import Done, Generate, Guidance, Load, Tokens
from nsllm.generation.template import ChatTemplate, Message

pytestmark = pytest.mark.models

SHORT = Sampling(max_tokens=24)
LONG = Sampling(max_tokens=2000)


@pytest.fixture
async def client() -> AsyncIterator[GeneratorClient]:
    client = GeneratorClient()
    yield client
    await client.aclose()


@pytest.fixture
def model(generator_folder: Path) -> GeneratorModel:
    return GeneratorModel(folder=generator_folder, threads=2)


@pytest.fixture(scope="module")
def template(generator_folder: Path) -> ChatTemplate:
    return ChatTemplate.load(generator_folder)


@pytest.fixture(scope="module")
def capital(template: ChatTemplate) -> tuple[int, ...]:
    """The prompt that asks for the capital of France."""
    return ask(template, "What is the capital of France?")


@pytest.fixture(scope="module")
def story(template: ChatTemplate) -> tuple[int, ...]:
    """A prompt whose answer is long."""
    return ask(template, "Tell me a long story about a dragon, with many chapters.")


def ask(template: ChatTemplate, question: str) -> tuple[int, ...]:
    return template.encode([Message(role="user", content=question)]).ids


async def collect(
    client: GeneratorClient,
    model: GeneratorModel,
    prompt: tuple[int, ...],
    sampling: Sampling = SHORT,
) -> tuple[list[int], list[float], Done]:
    ids: list[int] = []
    logprobs: list[float] = []
    async for event in client.generate(model, prompt, sampling):
        if isinstance(event, Tokens):
            ids += event.ids
            logprobs += event.logprobs
        last = event
    assert isinstance(last, Done)
    return ids, logprobs, last


async def test_an_answer_streams_as_text(
    client: GeneratorClient,
    model: GeneratorModel,
    capital: tuple[int, ...],
    template: ChatTemplate,
) -> None:
    decoder = TextDecoder(template.tokenizer)
    pieces = []
    async for event in client.generate(model, capital, SHORT):
        if isinstance(event, Tokens):
            pieces.append(decoder.push(event.ids))
        else:
            assert isinstance(event, Done)
            assert event.finish == "stop"
    assert "".join([*pieces, decoder.finish()]) == "The capital of France is Paris."
    assert len(pieces) > 5
    assert client.loaded.context_tokens == 8192
    assert client.loaded.device == "CPU"


async def test_the_likeliest_tokens_are_the_same_each_time(
    client: GeneratorClient, model: GeneratorModel, story: tuple[int, ...]
) -> None:
    first, logprobs, done = await collect(client, model, story)
    assert done.finish == "length"
    assert len(first) == SHORT.max_tokens
    await collect(client, model, story[:9])
    assert (await collect(client, model, story))[:2] == (first, logprobs)


async def test_log_probabilities_agree_with_the_scoring_pass(
    client: GeneratorClient, model: GeneratorModel, story: tuple[int, ...]
) -> None:
    """One token at a time takes another kernel than many at once, so they agree but roughly."""
    ids, logprobs, _ = await collect(client, model, story, Sampling(max_tokens=48))
    scored = await client.score(model, story, ids)
    assert len(scored) == len(ids)
    assert all(value <= 0 for value in logprobs)
    assert sum(logprobs) / len(ids) == pytest.approx(sum(scored) / len(ids), abs=0.1)
    wrong = await client.score(model, story, ids[::-1])
    assert sum(wrong) < 3 * sum(scored)


async def test_a_long_text_is_scored_in_slices_as_in_one_piece(
    client: GeneratorClient, model: GeneratorModel, story: tuple[int, ...]
) -> None:
    text = story * 12
    whole = await client.score(model, text[:2], text[2:])
    later = await client.score(model, text[:300], text[300:])
    assert later == pytest.approx(whole[298:], abs=1e-3)


async def test_a_seed_repeats_a_draw(
    client: GeneratorClient, model: GeneratorModel, story: tuple[int, ...]
) -> None:
    async def draw(seed: int) -> list[int]:
        sampling = Sampling(max_tokens=24, temperature=1.2, top_p=0.95, seed=seed)
        return (await collect(client, model, story, sampling))[0]

    first = await draw(1)
    assert await draw(1) == first
    assert await draw(2) != first


async def test_a_stop_token_ends_the_text_and_is_left_out(
    client: GeneratorClient, model: GeneratorModel, capital: tuple[int, ...]
) -> None:
    ids, _, _ = await collect(client, model, capital)
    stopping = Sampling(max_tokens=24, stop_ids=(ids[3],))
    shorter, _, done = await collect(client, model, capital, stopping)
    assert (shorter, done.finish) == (ids[:3], "stop")


async def test_a_grammar_is_followed(
    client: GeneratorClient,
    model: GeneratorModel,
    capital: tuple[int, ...],
    template: ChatTemplate,
) -> None:
    guided = Sampling(max_tokens=24, guidance=Guidance(type="regex", data="(Rome|Oslo) it is"))
    ids, logprobs, _ = await collect(client, model, capital, guided)
    assert template.tokenizer.decode(ids) in {"Rome it is", "Oslo it is"}
    assert min(logprobs) < -2


async def test_a_grammar_that_is_none_is_refused(
    client: GeneratorClient, model: GeneratorModel, capital: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="grammar"):
        await collect(client, model, capital, Sampling(guidance=Guidance(type="regex", data="(")))
    assert (await collect(client, model, capital))[0]


async def test_leaving_an_answer_midway_keeps_the_worker(
    client: GeneratorClient,
    model: GeneratorModel,
    story: tuple[int, ...],
    capital: tuple[int, ...],
) -> None:
    expected = await collect(client, model, capital)
    worker = client.pid
    async with aclosing(client.generate(model, story, LONG)) as events:
        count = 0
        async for _ in events:
            count += 1
            if count == 5:
                break
    assert (await collect(client, model, capital))[0] == expected[0]
    assert client.pid == worker


async def test_leaving_while_the_prompt_is_read_keeps_the_worker(
    client: GeneratorClient,
    model: GeneratorModel,
    story: tuple[int, ...],
    capital: tuple[int, ...],
) -> None:
    await collect(client, model, capital)
    worker = client.pid
    task = asyncio.create_task(collect(client, model, (story * 300)[:6000]))
    while client._child.pending is None:
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await collect(client, model, capital))[0]
    assert client.pid == worker


async def test_a_worker_killed_midway_says_so_and_the_next_question_works(
    client: GeneratorClient,
    model: GeneratorModel,
    story: tuple[int, ...],
    capital: tuple[int, ...],
) -> None:
    events = client.generate(model, story, LONG)
    await anext(events)
    client._child._process.kill()
    with pytest.raises(WorkerError, match=r"worker (was killed by signal 9|ended unexpectedly)"):
        async for _ in events:
            pass
    assert (await collect(client, model, capital))[2].finish == "stop"


async def test_a_prompt_beyond_the_context_says_how_long_it_is(
    client: GeneratorClient, model: GeneratorModel
) -> None:
    with pytest.raises(QuestionError, match=r"has 9000 tokens; .* reads 8192"):
        await collect(client, model, (5,) * 9000)


@pytest.mark.parametrize("prompt", [(), (49_152,), (-1,)])
async def test_a_prompt_of_another_tokenizer_is_refused(
    client: GeneratorClient, model: GeneratorModel, prompt: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="vocabulary"):
        await collect(client, model, prompt)


@pytest.fixture
def broken_folder(tmp_path: Path, generator_folder: Path) -> Path:
    """A copy of the model whose weights are cut short."""
    folder = tmp_path / "broken-model"
    folder.mkdir()
    for name in ("model.onnx", "genai_config.json"):
        (folder / name).write_bytes((generator_folder / name).read_bytes())
    with (generator_folder / "model.onnx.data").open("rb") as weights:
        (folder / "model.onnx.data").write_bytes(weights.read(1_000_000))
    return folder


async def load_error(client: GeneratorClient, folder: Path) -> NsllmError:
    with pytest.raises(NsllmError) as caught:
        await client.score(GeneratorModel(folder=folder), (1,), (2,))
    assert "Traceback" not in str(caught.value)
    assert "nsllm models pull broken-model" in caught.value.hint
    return caught.value


async def test_truncated_weights_are_told(
    client: GeneratorClient, broken_folder: Path, model: GeneratorModel, capital: tuple[int, ...]
) -> None:
    error = await load_error(client, broken_folder)
    assert isinstance(error, ModelCorruptError)
    assert "broken-model is damaged" in error.message
    assert (await collect(client, model, capital))[0]


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data", "genai_config.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
async def test_damaged_files_are_told(
    client: GeneratorClient, broken_folder: Path, name: str, damage: str
) -> None:
    path = broken_folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 3])
    assert isinstance(await load_error(client, broken_folder), ModelCorruptError)


async def test_a_configuration_without_its_entries_is_told(
    client: GeneratorClient, broken_folder: Path
) -> None:
    (broken_folder / "genai_config.json").write_text(json.dumps({"model": {}}))
    error = await load_error(client, broken_folder)
    assert isinstance(error, ModelCorruptError)
    assert "context_length" in error.message


async def test_a_folder_that_is_gone_is_told(client: GeneratorClient, tmp_path: Path) -> None:
    error = await load_error(client, tmp_path / "broken-model")
    assert isinstance(error, ModelMissingError)


async def test_a_provider_that_is_not_there_is_told(
    client: GeneratorClient, generator_folder: Path
) -> None:
    nowhere = "coreml" if sys.platform != "darwin" else "directml"
    with pytest.raises(NsllmError) as caught:
        await client.score(GeneratorModel(folder=generator_folder, provider=nowhere), (1,), (2,))
    assert caught.value.code == "native"


async def test_auto_runs_on_what_there_is(
    client: GeneratorClient, generator_folder: Path, capital: tuple[int, ...]
) -> None:
    model = GeneratorModel(folder=generator_folder, threads=2, provider="auto")
    assert (await collect(client, model, capital))[2].finish == "stop"


async def test_files_of_the_current_folder_are_not_imported(
    client: GeneratorClient,
    model: GeneratorModel,
    capital: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("msgspec", "numpy", "onnxruntime_genai", "nsllm"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert (await collect(client, model, capital))[0]


class TestProcess:
    """The process itself, without the client."""

    @pytest.mark.parametrize("busy", [False, True])
    def test_it_ends_when_its_parent_closes_the_pipe(
        self, generator_folder: Path, story: tuple[int, ...], busy: bool
    ) -> None:
        load = Load(folder=str(generator_folder), threads=2, provider="cpu")
        pipe = subprocess.PIPE
        with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            process.stdin.write(messages.encode(load))
            if busy:
                process.stdin.write(messages.encode(Generate(id=1, prompt=story, max_tokens=7000)))
            process.stdin.flush()
            assert process.stdout.read(40)
            process.stdin.close()
            assert process.wait(timeout=60) == 0

    def test_what_native_code_prints_breaks_no_frame(self) -> None:
        program = (
            "import os\n"
            "from nsllm.generation.messages import Scored\n"
            "from nsllm.generation.pipes import Outbox, open_pipes\n"
            "source, sink = open_pipes()\n"
            "os.write(1, b'native noise')\n"
            "print('python noise', flush=True)\n"
            "Outbox(sink).send(Scored(id=1, logprobs=()))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env=dict(os.environ)
        )
        assert done.stdout == messages.encode(messages.Scored(id=1, logprobs=()))
        assert done.stderr.split() == b"native noisepython noise".split()
