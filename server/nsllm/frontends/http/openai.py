"""The endpoints that OpenAI's clients call, answered by the same governed pipeline."""

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import numpy as np

from nsllm.errors import ModelCorruptError, ModelMissingError, UnknownModelError
from nsllm.frontends import wire
from nsllm.frontends.http import openai_contracts as oc
from nsllm.frontends.http.answers import ask
from nsllm.frontends.http.contracts import HybridQuery
from nsllm.frontends.http.lending import ANY_MODEL, lend
from nsllm.frontends.http.operations import Call, Events
from nsllm.frontends.http.problems import RequestRefused, problem_of
from nsllm.frontends.http.streaming import PING, Asking, Finished, stream
from nsllm.generation.writer import Writer
from nsllm.types import Answer, AnswerListener, Turn, ignore_event

_MAX_QUESTION = 8_000
_MAX_TURNS = 64
"""Of a conversation, the latest: what is asked seldom leans on more than a few."""

_DONE = b"data: [DONE]\n\n"
_APPLIED = frozenset({"messages", "prompt", "model", "stream", "n", "nsllm", "stream_options"})
_PIECE = re.compile(r"\S+\s*|\s+")


async def chat(call: Call) -> object:
    """Answer the last user message of a conversation from the workspace."""
    asked: oc.Chat = call.body
    if asked.nsllm is not None and asked.nsllm.raw:
        return await lend(call, asked)
    question, history = _conversation(asked.messages)
    _refuse_many(asked.n)
    if asked.tool_choice not in (None, "auto", "none"):
        raise _refusal("tool_choice", "No model here calls tools, so none can be required.")
    query = _query(call, asked, question)

    async def asking(listener: AnswerListener) -> Answer:
        return await ask(call, query, listener, history)

    identity = _Identity(call, "chatcmpl", asked.model)
    if asked.stream:
        return Events(_chunks(call, identity, asking, _chat_chunk, asked))
    answer = await asking(ignore_event)
    message = oc.AssistantMessage(content=answer.text)
    usage = await _usage(call, asked, answer.text)
    return oc.ChatCompletion(
        id=identity.id,
        created=identity.created,
        model=identity.model,
        choices=[oc.ChatChoice(message=message, finish_reason="stop")],
        usage=usage,
        nsllm=_extension(answer, asked),
    )


async def complete(call: Call) -> object:
    """Answer a prompt from the workspace."""
    asked: oc.Completions = call.body
    prompts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    if len(prompts) != 1:
        raise _refusal("prompt", "One prompt at a time.")
    _refuse_many(asked.n)
    query = _query(call, asked, prompts[0])

    async def asking(listener: AnswerListener) -> Answer:
        return await ask(call, query, listener)

    identity = _Identity(call, "cmpl", asked.model)
    if asked.stream:
        return Events(_chunks(call, identity, asking, _text_chunk, asked))
    answer = await asking(ignore_event)
    return oc.Completion(
        id=identity.id,
        created=identity.created,
        model=identity.model,
        choices=[oc.TextChoice(text=answer.text, finish_reason="stop")],
        usage=await _usage(call, asked, answer.text),
        nsllm=_extension(answer, asked),
    )


async def embeddings(call: Call) -> oc.EmbeddingList:
    """Embed texts with the embedder in use."""
    asked: oc.Embeddings = call.body
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    async with call.service.use() as application:
        models = application.models
        name = models.needed()[0]
        if asked.model not in (ANY_MODEL, name):
            raise UnknownModelError(
                f"The embedder in use is {name}, not {asked.model}.",
                hint=f"Ask for {name}, or for {ANY_MODEL}.",
            )
        embedder = models.embedder()
        if asked.dimensions not in (None, embedder.dimension):
            raise _refusal("dimensions", f"{name} has {embedder.dimension} dimensions.")
        rows = await application.embed(texts)
        # Two of the context are special tokens.
        most = embedder.context_tokens - 2
        counts = await asyncio.to_thread(lambda: [embedder.tokenizer.count(one) for one in texts])
        tokens = sum(min(most, count) for count in counts)
    vectors = [
        base64.b64encode(row.astype(np.dtype("<f4")).tobytes()).decode()
        if asked.encoding_format == "base64"
        else row.tolist()
        for row in rows
    ]
    return oc.EmbeddingList(
        data=[oc.Embedding(index=i, embedding=vector) for i, vector in enumerate(vectors)],
        model=name,
        usage=oc.EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
    )


async def list_models(call: Call) -> oc.OpenAiModelList:
    """List the models that may be named."""
    return oc.OpenAiModelList(data=await asyncio.to_thread(_installed, call))


async def get_model(call: Call) -> oc.Model:
    """Describe one model."""
    wanted = call.path["model"]
    for model in await asyncio.to_thread(_installed, call):
        if model.id == wanted:
            return model
    raise UnknownModelError(
        "There is no model of this id on the server.", hint="`GET /v1/models` lists them."
    )


class _Identity:
    """What all pieces of one completion have in common."""

    def __init__(self, call: Call, prefix: str, model: str) -> None:
        self.id = f"{prefix}-{call.exchange.request_id}"
        self.created = int(time.time())
        self.model = model


_Make = Callable[[_Identity, str | None, str | None], oc.Chunk | oc.Completion]
"""Makes a piece of a completion from its text and the reason for its end."""


def _installed(call: Call) -> list[oc.Model]:
    usable = [
        oc.Model(id=model.id)
        for model in wire.models(call.service.models)
        if model.installed and model.task in ("generation", "embedding")
    ]
    return [oc.Model(id=ANY_MODEL), *usable]


def _query(call: Call, asked: oc.Governed, question: str) -> HybridQuery:
    extension = asked.nsllm or oc.Extension()
    model = None if asked.model == ANY_MODEL else asked.model
    call.service.check_generator(model)
    call.service.name(extension.workspace)
    if not question.strip():
        raise _refusal("messages", "The question is empty.")
    if len(question) > _MAX_QUESTION:
        raise _refusal("messages", f"The question is longer than {_MAX_QUESTION:,} characters.")
    return HybridQuery(
        question=question,
        model=model,
        mode=extension.mode,
        top_k=extension.top_k,
        workspace=extension.workspace,
    )


def _conversation(messages: list[oc.Message]) -> tuple[str, tuple[Turn, ...]]:
    """Return the last user message, and the turns before it."""
    turns: list[Turn] = []
    question: str | None = None
    for message in messages:
        text = _text_of(message)
        if message.role == "user":
            question = text
        elif message.role == "assistant" and question is not None:
            turns.append(Turn(question=question, answer=text))
            question = None
    if question is None:
        raise _refusal("messages", "The last message is not a user's.")
    # An earlier question that could not be asked now leads to no answer either.
    latest = [turn for turn in turns[-_MAX_TURNS:] if len(turn.question) <= _MAX_QUESTION]
    return question, tuple(latest)


def _text_of(message: oc.Message) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.text is not None)
    return message.content or ""


def _extension(answer: Answer, asked: oc.Governed) -> oc.Governance:
    wired = wire.answer(answer)
    return oc.Governance(
        id=wired.id,
        mode=wired.mode,
        model=wired.model,
        sources=wired.sources,
        scores=wired.scores,
        findings=wired.findings,
        verdict=wired.verdict,
        ignored=sorted(set(asked.given()) - _APPLIED),
    )


def _chat_chunk(identity: _Identity, text: str | None, finish: str | None) -> oc.Chunk:
    delta = oc.Delta(role="assistant" if text == "" else None, content=text)
    choice = oc.ChunkChoice(delta=delta, finish_reason=finish)
    return oc.Chunk(
        id=identity.id, created=identity.created, model=identity.model, choices=[choice]
    )


def _text_chunk(identity: _Identity, text: str | None, finish: str | None) -> oc.Completion:
    choice = oc.TextChoice(text=text or "", finish_reason=finish)
    return oc.Completion(
        id=identity.id, created=identity.created, model=identity.model, choices=[choice]
    )


async def _chunks(
    call: Call, identity: _Identity, asking: Asking, make: _Make, asked: oc.Governed
) -> AsyncIterator[bytes]:
    """Yield the chunks of a completion.

    This protocol cannot take text back, so nothing of it is sent before it is judged.
    """
    yield _data(make(identity, "", None))
    async with aclosing(stream(asking)) as events:
        async for event in events:
            if event is None:
                yield PING
            elif isinstance(event, Finished):
                if event.answer is None:
                    if event.error is not None:
                        yield _data(problem_of(event.error, call.exchange.request_id, openai=True))
                    return
                for piece in _PIECE.findall(event.answer.text):
                    yield _data(make(identity, piece, None))
                last = make(identity, None, "stop")
                yield _data(oc.with_extension(last, _extension(event.answer, asked)))
                if asked.stream_options and asked.stream_options.include_usage:
                    usage = await _usage(call, asked, event.answer.text)
                    yield _data(oc.with_usage(make(identity, None, None), usage))
    yield _DONE


async def _usage(call: Call, asked: oc.Governed, text: str) -> oc.Usage | None:
    """Count by the tokenizer of the generator that was named, or is in use.

    None: the generator is on another machine, and so is its tokenizer; or it is not here, or
    damaged, which must not take away a quotation that has been given without it.
    """
    sent = _sent(asked)

    def count() -> oc.Usage | None:
        writer = call.service.models.writer(None if asked.model == ANY_MODEL else asked.model)
        if not isinstance(writer, Writer):
            return None
        prompt, completion = sum(map(writer.count, sent)), writer.count(text)
        return oc.Usage(
            prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion
        )

    try:
        return await asyncio.to_thread(count)
    except (ModelMissingError, ModelCorruptError):
        return None


def _sent(asked: oc.Governed) -> list[str]:
    if isinstance(asked, oc.Chat):
        return [_text_of(message) for message in asked.messages]
    if isinstance(asked, oc.Completions):
        return [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    return []


def _data(record: object) -> bytes:
    return f"data: {wire.to_json(record)}\n\n".encode()


def _refuse_many(count: int | None) -> None:
    if count not in (None, 1):
        raise _refusal("n", "There is one answer to a question.")


def _refusal(parameter: str, message: str) -> RequestRefused:
    return RequestRefused(
        400, f"unsupported.{parameter}", message, hint=f"Leave out or change `{parameter}`."
    )
