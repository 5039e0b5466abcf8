"""The writer: a language model that answers from passages, streamed."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import cached_property

import msgspec

from nsllm.errors import QuestionError
from nsllm.generation.client import GeneratorClient, GeneratorModel, Queued, Sampling
from nsllm.generation.decoding import TextDecoder
from nsllm.generation.extractive import NOT_FOUND, says_not_found
from nsllm.generation.messages import Tokens
from nsllm.generation.prompt import Prompt, build
from nsllm.generation.template import ChatTemplate, Message
from nsllm.generation.time_limit import ended_in_time
from nsllm.settings import Generation
from nsllm.types import AnswerListener, Delta, Draft, Passage, Turn, ignore_event

STOPS = ("\nQuestion:", "\n[1] ")
"""Where a small model that does not end its turn goes on to make up the next one."""

SECOND_TEMPERATURE = 0.6
"""A second attempt with the same tokens would be the same text."""


class Lent(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of a text that was asked for as it stands."""

    text: str
    tokens: tuple[tuple[str, float], ...] = ()
    """Text and natural log-probability of each token that was generated since the last piece."""
    finish: str | None = None
    """Why it ends; set on the last piece."""


class Writer:
    """Writes with one model; the worker process behind `client` may be shared by others."""

    def __init__(
        self,
        name: str,
        client: GeneratorClient,
        model: GeneratorModel,
        *,
        context_tokens: int,
        settings: Generation,
    ) -> None:
        self.name = name
        self._client = client
        self._model = model
        self._context_tokens = context_tokens
        self._settings = settings

    @cached_property
    def _template(self) -> ChatTemplate:
        return ChatTemplate.load(self._model.folder)

    @property
    def tells_time(self) -> bool:
        """Whether its prompts say when they were made."""
        return self._template.tells_time

    def count(self, text: str) -> int:
        """Count the tokens of a text, special tokens left out."""
        return self._template.count(text)

    async def write(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        history: Sequence[Turn] = (),
        attempt: int = 0,
        begun: str = "",
        listener: AnswerListener = ignore_event,
    ) -> Draft:
        """Write an answer; a later attempt draws where the first took the likeliest token.

        `history`: earlier turns, oldest first; as many of the latest as leave room for passages.
        `begun`: how the answer begins already; the listener is told only what comes behind it.

        Raises:
            QuestionError: the question does not fit into the context.
            WorkerError: the worker died; the next call gets a new one.
        """
        prompt = self._prompt(question, passages, history)
        decoder = TextDecoder(self._template.tokenizer, STOPS)
        parts: list[str] = []
        logprobs: list[float] = []
        finish = "stop"
        told = 0

        def emit(text: str) -> None:
            nonlocal told
            if text or told < len(logprobs):
                parts.append(text)
                listener(Delta(text=text, tokens=len(logprobs) - told))
                told = len(logprobs)

        beginning = self._encode(begun)
        sampling = self._sampling(attempt, used=len(beginning))
        stream = self._client.generate(self._model, [*prompt.token_ids, *beginning], sampling)
        async with ended_in_time(self._settings, parts) as limit, aclosing(stream) as replies:
            async for reply in replies:
                if isinstance(reply, Queued):
                    # Nobody's time runs while others are served.
                    limit.reschedule(None if reply.ahead else self._deadline())
                    continue
                if isinstance(reply, Tokens):
                    logprobs += reply.logprobs
                    emit(decoder.push(reply.ids))
                    # What a model adds to "nothing answers" is judged by no rule.
                    if decoder.stopped or says_not_found("".join(parts)):
                        break
                else:
                    finish = reply.finish
        if limit.expired():
            finish = "length"
        emit(decoder.finish())
        new = "".join(parts)
        text = (begun + new).strip()
        if says_not_found(new):
            text = begun or NOT_FOUND
        return Draft(
            text=text,
            mode="generate",
            model=self.name,
            found=bool(text) and text != NOT_FOUND,
            perplexity=perplexity(logprobs),
            finish="length" if finish == "length" else "stop",
        )

    async def lend(
        self, messages: Sequence[Message], sampling: Sampling, stops: Sequence[str] = ()
    ) -> AsyncGenerator[Lent, None]:
        """Continue a conversation as it stands, for whoever judges the text elsewhere.

        Raises:
            QuestionError: the conversation does not leave room for a token.
            WorkerError: the worker died; the next call gets a new one.
        """
        ids = self._template.encode(messages).ids
        room = self._context_tokens - len(ids)
        if room < 1:
            raise QuestionError(
                f"The conversation has {len(ids)} tokens, and the context {self._context_tokens}.",
                hint="Send less.",
            )
        sampling = msgspec.structs.replace(sampling, max_tokens=min(sampling.max_tokens, room))
        decoder = TextDecoder(self._template.tokenizer, stops)
        waiting: list[tuple[int, float]] = []
        finish = "stop"
        async with aclosing(self._client.generate(self._model, ids, sampling)) as replies:
            async for reply in replies:
                if isinstance(reply, Tokens):
                    waiting += zip(reply.ids, reply.logprobs, strict=True)
                    text = decoder.push(reply.ids)
                    if text:
                        yield self._lent(text, waiting)
                        waiting = []
                    if decoder.stopped:
                        break
                elif not isinstance(reply, Queued):
                    finish = reply.finish
        yield msgspec.structs.replace(self._lent(decoder.finish(), waiting), finish=finish)

    def _lent(self, text: str, tokens: Sequence[tuple[int, float]]) -> Lent:
        decode = self._template.tokenizer.decode
        return Lent(
            text=text, tokens=tuple((decode([number]), logprob) for number, logprob in tokens)
        )

    async def perplexity(
        self, question: str, passages: Sequence[Passage], text: str
    ) -> float | None:
        """Return the perplexity of a text that others wrote, as this model's own answer.

        None where it takes longer than an answer may, with what is ahead of it.
        """
        prompt = self._prompt(question, passages)
        continuation = self._encode(text)[: self._settings.max_tokens]
        if not continuation:
            return None
        try:
            async with asyncio.timeout_at(self._deadline()):
                logprobs = await self._client.score(self._model, prompt.token_ids, continuation)
        except TimeoutError:
            return None
        return perplexity(logprobs)

    def _deadline(self) -> float:
        """Return when what begins now has to end, by the loop's clock."""
        return asyncio.get_running_loop().time() + self._settings.timeout_s

    def _prompt(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> Prompt:
        return build(
            question,
            passages,
            self._template,
            context_tokens=self._context_tokens,
            max_tokens=self._settings.max_tokens,
            history=history,
        )

    def _encode(self, text: str) -> list[int]:
        if not text:
            return []
        return list(self._template.tokenizer.encode(text, add_special_tokens=False).ids)

    def _sampling(self, attempt: int, *, used: int = 0) -> Sampling:
        sampling = Sampling(
            max_tokens=max(1, self._settings.max_tokens - used),
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            seed=self._settings.seed,
        )
        if attempt == 0:
            return sampling
        return msgspec.structs.replace(
            sampling,
            temperature=max(SECOND_TEMPERATURE, sampling.temperature),
            seed=sampling.seed + attempt,
        )


def perplexity(logprobs: Sequence[float]) -> float | None:
    """Return exp of the negative mean of natural log-probabilities; None without tokens."""
    return math.exp(-sum(logprobs) / len(logprobs)) if logprobs else None
