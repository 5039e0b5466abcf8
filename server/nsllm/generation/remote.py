"""A generator on another machine: any server that speaks OpenAI's chat completions.

What it writes is streamed, judged and recorded here like what a model of this machine writes. The
question, the turns before it and the passages leave this machine, to the one address that the user
has set; nothing else does. Redirections are not followed, and proxies of the environment hold.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

import httpx
import msgspec

from nsllm.errors import QuestionError
from nsllm.generation import remote_protocol as protocol
from nsllm.generation.extractive import NOT_FOUND, says_not_found
from nsllm.generation.prompt import conversation
from nsllm.generation.remote_access import authorization
from nsllm.generation.remote_errors import broken, cut_off, timed_out, unreachable
from nsllm.generation.time_limit import ended_in_time
from nsllm.generation.writer import SECOND_TEMPERATURE, STOPS, perplexity
from nsllm.settings import Generation, Remote
from nsllm.types import AnswerListener, Delta, Draft, Passage, Turn, ignore_event


class RemoteWriter:
    """Writes with the model of another server."""

    def __init__(self, remote: Remote, settings: Generation) -> None:
        self._remote = remote
        self._settings = settings
        self.tells_time = False
        """What the server does with a prompt is not known; nothing that it writes is kept."""

    @property
    def name(self) -> str:
        """What answers and the audit log name as their model: the model, and where it ran."""
        return f"{self._remote.model} at {self._remote.url}"

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
        """Write an answer; as `Writer.write`, but for how much fits, which the server decides.

        Raises:
            RemoteError: the server cannot be used, or broke off; the codes tell how.
            RemoteBusyError: it asks to come back later.
            QuestionError: it says that the question with its passages is too long.
        """
        parts: list[str] = []
        # None as soon as the server leaves one out: a part of them says nothing of the whole.
        logprobs: list[float] | None = []
        finish = "stop"
        stream = self._pieces(question, passages, history, attempt, begun)
        async with ended_in_time(self._settings, parts) as limit, aclosing(stream) as pieces:
            async for piece in pieces:
                finish = piece.finish or finish
                if piece.text:
                    parts.append(piece.text)
                    # Servers that do not count send a token at a time.
                    count = 1 if piece.logprobs is None else len(piece.logprobs)
                    listener(Delta(text=piece.text, tokens=count))
                if piece.logprobs is None:
                    logprobs = None if piece.text else logprobs
                elif logprobs is not None:
                    logprobs += piece.logprobs
                # What a model adds to "nothing answers" is judged by no rule.
                if says_not_found("".join(parts)):
                    break
        if limit.expired():
            finish = "length"
        new = "".join(parts)
        text = (begun + new).strip()
        if says_not_found(new):
            text = begun or NOT_FOUND
        return Draft(
            text=text,
            mode="generate",
            model=self.name,
            found=bool(text) and text != NOT_FOUND,
            perplexity=perplexity(logprobs or ()),
            finish="length" if finish == "length" else "stop",
        )

    async def perplexity(
        self, question: str, passages: Sequence[Passage], text: str
    ) -> float | None:
        """Return None: the protocol does not score texts of others, and nothing is guessed."""
        del question, passages, text
        return None

    async def models(self) -> list[protocol.ModelCard]:
        """Return the models that the server has; asks it nothing else, and tells it nothing.

        Raises:
            RemoteError: the server cannot be used.
        """
        async with self._client() as client:
            response = await client.get("models")
            if response.status_code != httpx.codes.OK:
                raise await broken(response, self._remote)
            try:
                return msgspec.json.decode(response.content, type=protocol.ModelList).data
            except msgspec.MsgspecError as error:
                raise protocol.misfit(self._remote, error) from error

    async def _pieces(
        self,
        question: str,
        passages: Sequence[Passage],
        history: Sequence[Turn],
        attempt: int,
        begun: str,
    ) -> AsyncGenerator[protocol.Piece, None]:
        cards = {card.id: card for card in await self.models()}
        body = self._body(question, passages, history, attempt, begun)
        own = cards.get(self._remote.model)
        if own is not None and own.owned_by == "nsllm":
            # Such a server would answer from its own documents; here it only lends its model.
            body["nsllm"] = {"raw": True}
        async with (
            self._client() as client,
            client.stream("POST", "chat/completions", json=body) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise await broken(response, self._remote)
            ended = False
            async for data in protocol.data_lines(response.aiter_lines()):
                if data == "[DONE]":
                    ended = True
                    break
                piece = protocol.piece_of(data, self._remote)
                ended = ended or piece.finish is not None
                yield piece
            if not ended:
                raise cut_off(self._remote)

    def _body(
        self,
        question: str,
        passages: Sequence[Passage],
        history: Sequence[Turn],
        attempt: int,
        begun: str,
    ) -> dict[str, object]:
        messages = [
            {"role": message.role, "content": message.content}
            for message in conversation(question, passages, history)
        ]
        if not question.strip():
            raise QuestionError("The question is empty.", hint="Ask something.")
        if begun:
            messages.append({"role": "assistant", "content": begun})
        settings = self._settings
        temperature = settings.temperature
        if attempt:
            temperature = max(SECOND_TEMPERATURE, temperature)
        return {
            "model": self._remote.model,
            "messages": messages,
            "stream": True,
            "logprobs": True,
            "max_tokens": settings.max_tokens,
            "temperature": temperature,
            "top_p": settings.top_p,
            "seed": settings.seed + attempt,
            "stop": list(STOPS),
        }

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        remote = self._remote
        timeout = httpx.Timeout(remote.timeout_s, connect=remote.connect_timeout_s)
        try:
            async with httpx.AsyncClient(
                base_url=remote.url.rstrip("/") + "/",
                headers=authorization(remote),
                timeout=timeout,
                follow_redirects=False,
            ) as client:
                yield client
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise unreachable(remote, error) from error
        except httpx.TimeoutException as error:
            raise timed_out(remote) from error
        except httpx.UnsupportedProtocol as error:
            raise unreachable(remote, error) from error
        except httpx.HTTPError as error:
            raise cut_off(remote) from error
