"""OpenAI's own client against the live server."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from tokenizers import Tokenizer

from http_live import Live

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
QUESTION = "How long are readings kept?"


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.token, max_retries=0) as made:
        yield made


def test_a_chat_is_answered_and_governed(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="nsllm", messages=[{"role": "user", "content": QUESTION}], temperature=0.2
    )
    [choice] = made.choices
    assert "30 days" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert made.model_extra is not None
    governance = made.model_extra["nsllm"]
    assert governance["sources"][0]["path"] == "docs/storage.md"
    assert governance["verdict"] in ("pass", "warn")
    assert governance["scores"]["relevance"] is not None
    assert governance["ignored"] == ["temperature"]


def test_a_chat_is_streamed(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="nsllm", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "30 days" in "".join(texts)
    assert sum(map(bool, texts)) > 3
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["nsllm"]["sources"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_earlier_messages_are_understood(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="nsllm",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What does the Team plan cost?"},
            {"role": "assistant", "content": "The Team plan costs 80 euros a month."},
            {"role": "user", "content": [{"type": "text", "text": "How many relays has it?"}]},
        ],
    )
    assert "50 relays" in (made.choices[0].message.content or "")


def test_a_model_may_be_named_and_how_it_answers(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="smollm2-135m-instruct",
        messages=[{"role": "user", "content": QUESTION}],
        extra_body={"nsllm": {"mode": "extract", "top_k": 1}},
    )
    assert made.model == "smollm2-135m-instruct"
    assert made.model_extra is not None
    assert made.model_extra["nsllm"]["mode"] == "extract"


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_is_completed(client: openai.OpenAI, stream: bool) -> None:
    made = client.completions.create(model="nsllm", prompt=QUESTION, stream=stream)
    pieces = list(made) if isinstance(made, openai.Stream) else [made]
    assert "30 days" in "".join(piece.choices[0].text for piece in pieces)
    assert pieces[-1].choices[0].finish_reason == "stop"


def test_texts_are_embedded(client: openai.OpenAI) -> None:
    texts = ["A relay sends readings.", "Readings are sent by a relay.", "The plan is cheap."]
    # The client asks for base64 by itself, and decodes it.
    made = client.embeddings.create(model="nsllm", input=texts)
    rows = np.array([one.embedding for one in made.data])
    similar = rows @ rows.T
    assert similar[0, 1] > similar[0, 2]
    assert made.usage.total_tokens > 3
    numbers = client.embeddings.create(model=made.model, input=texts[0], encoding_format="float")
    np.testing.assert_allclose(numbers.data[0].embedding, rows[0], atol=1e-5)
    raw = client.embeddings.create(model="nsllm", input=texts[0], encoding_format="base64")
    packed = raw.data[0].embedding
    assert isinstance(packed, str)
    assert len(base64.b64decode(packed)) == rows.shape[1] * 4


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "nsllm"
    assert {"smollm2-135m-instruct", "all-minilm-l6-v2"} <= set(names)
    assert client.models.retrieve("nsllm").id == "nsllm"


def test_errors_are_the_clients_own(client: openai.OpenAI, live: Live) -> None:
    message = {"role": "user", "content": QUESTION}
    with pytest.raises(openai.NotFoundError, match="no model nobodys"):
        client.chat.completions.create(model="nobodys", messages=[message])  # type: ignore[list-item]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobodys")
    with pytest.raises(openai.BadRequestError, match="one answer"):
        client.chat.completions.create(model="nsllm", messages=[message], n=2)  # type: ignore[list-item]
    with pytest.raises(openai.BadRequestError, match="last message"):
        client.chat.completions.create(
            model="nsllm", messages=[{"role": "assistant", "content": "Well?"}]
        )
    tool = {"type": "function", "function": {"name": "look"}}
    with pytest.raises(openai.BadRequestError, match="calls tools"):
        client.chat.completions.create(
            model="nsllm",
            messages=[message],  # type: ignore[list-item]
            tools=[tool],  # type: ignore[list-item]
            tool_choice="required",
        )
    with (
        openai.OpenAI(base_url=f"{live.url}/v1", api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()


def test_the_usage_is_what_the_tokenizer_counts(
    client: openai.OpenAI, generator_folder: Path, embedder_folder: Path
) -> None:
    def tokens(folder: Path, text: str) -> int:
        library = Tokenizer.from_file(str(folder / "tokenizer.json"))
        library.no_truncation()
        return len(library.encode(text, add_special_tokens=False))

    system = {"role": "system", "content": "Be brief, s'il vous plaît."}
    messages: Any = [system, {"role": "user", "content": QUESTION}]
    made = client.chat.completions.create(model="nsllm", messages=messages)
    usage = made.usage
    assert usage is not None
    sent = sum(tokens(generator_folder, each["content"]) for each in messages)
    assert usage.prompt_tokens == sent
    assert usage.completion_tokens == tokens(
        generator_folder, made.choices[0].message.content or ""
    )
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens

    streamed = client.chat.completions.create(
        model="nsllm", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    *pieces, last = list(streamed)
    assert last.usage == usage
    assert last.choices == []
    assert all(piece.usage is None for piece in pieces)

    completed = client.completions.create(model="nsllm", prompt=QUESTION)
    assert completed.usage is not None
    assert completed.usage.prompt_tokens == tokens(generator_folder, QUESTION)
    assert completed.usage.completion_tokens == tokens(generator_folder, completed.choices[0].text)

    short, long = "A relay sends readings.", "relay " * 3_000
    embedded = client.embeddings.create(model="nsllm", input=[short, long])
    context = json.loads((embedder_folder / "manifest.json").read_bytes())["context_length"]
    assert embedded.usage.prompt_tokens == tokens(embedder_folder, short) + context - 2


def test_without_the_generator_an_answer_is_given_and_its_usage_is_not(
    client: openai.OpenAI,
) -> None:
    """In mode auto it is quoted; the tokenizer that would count it was not fetched."""
    messages: Any = [{"role": "user", "content": QUESTION}]
    absent = "qwen2.5-coder-1.5b-instruct"
    made = client.chat.completions.create(model=absent, messages=messages)
    assert "30 days" in (made.choices[0].message.content or "")
    assert made.usage is None
    streamed = client.chat.completions.create(
        model=absent, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    *pieces, last = list(streamed)
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert (last.choices, last.usage) == ([], None)
