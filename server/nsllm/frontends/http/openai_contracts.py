"""The bodies of the endpoints that OpenAI's clients call; keys that are not known are ignored."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from nsllm.frontends.http.contracts import ModelId, Name, TopK
from nsllm.frontends.wire import WireFinding, WireSource
from nsllm.types import Mode, Scores

_T = TypeVar("_T", bound=msgspec.Struct)


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only this server knows: how to answer, and from what."""

    mode: Mode | None = None
    top_k: TopK | None = None
    workspace: Name | None = None
    raw: bool | None = None
    """Let the model continue the messages as they stand, ungoverned; `server.lend` allows it."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message; only text is read."""

    type: str
    text: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream says besides the text."""

    include_usage: bool = False


class Governed(msgspec.Struct, frozen=True, kw_only=True):
    """What chat and completions have in common.

    How texts are generated is the server's setting: sampling parameters are accepted, and the
    answer's `nsllm.ignored` names those that were given.
    """

    model: ModelId
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    nsllm: Extension | None = None

    def given(self) -> list[str]:
        """Return the names of the parameters that are set."""
        values = msgspec.structs.asdict(self)
        return [name for name, value in values.items() if value is not None]


class Chat(Governed, frozen=True, kw_only=True):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=200)]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


class Completions(Governed, frozen=True, kw_only=True):
    """The body of `/v1/completions`."""

    prompt: str | list[str]


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/v1/embeddings`."""

    model: ModelId
    input: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=256)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of what was sent and of the text that came back, by the generator's tokenizer.

    Special tokens, passages and texts that were rejected are left out.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Governance(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an answer besides its text."""

    id: str
    mode: str
    model: str | None
    sources: list[WireSource]
    scores: Scores
    findings: list[WireFinding]
    verdict: str
    ignored: list[str]
    """Parameters of the request that changed nothing."""


class AssistantMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The message that answers."""

    content: str
    role: Literal["assistant"] = "assistant"


class ChatChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer."""

    message: AssistantMessage
    finish_reason: str
    index: int = 0


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""

    id: str
    created: int
    model: str
    choices: list[ChatChoice]
    nsllm: Governance
    usage: Usage | None = None
    object: Literal["chat.completion"] = "chat.completion"


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The next piece of a message."""

    role: str | None = None
    content: str | None = None


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was generated, with its natural log-probability."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[Any] = []


class Logprobs(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a piece."""

    content: list[TokenLogprob]


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of the one answer."""

    delta: Delta
    finish_reason: str | None
    index: int = 0
    logprobs: Logprobs | None = None


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a chat completion; the last one says what is known of the answer.

    Where `stream_options.include_usage` asks for it, one without choices follows, with the usage.
    """

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    nsllm: Governance | None = None


class TextChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer, or its next piece."""

    text: str
    finish_reason: str | None
    index: int = 0


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a prompt, or a piece of it."""

    id: str
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage | None = None
    object: Literal["text_completion"] = "text_completion"
    nsllm: Governance | None = None


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """A vector: numbers, or little-endian float32 in base64."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that were read, special ones and what was cut off left out."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True, kw_only=True):
    """A vector for each text, in order."""

    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that requests may name."""

    id: str
    created: int = 0
    owned_by: str = "nsllm"
    object: Literal["model"] = "model"


class OpenAiModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The models that requests may name."""

    data: list[Model]
    object: Literal["list"] = "list"


def with_usage(piece: Chunk | Completion, usage: Usage | None) -> Chunk | Completion:
    """Return a piece that holds nothing but the usage."""
    return msgspec.structs.replace(piece, choices=[], usage=usage)


def with_extension(record: _T, extension: Governance) -> _T:
    """Return the last chunk of an answer with what is known of it."""
    return msgspec.structs.replace(record, nsllm=extension)
