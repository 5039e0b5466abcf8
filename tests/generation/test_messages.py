"""Frames between the parent and the worker."""

import asyncio
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.errors import WorkerError
from nsllm.generation import messages
from nsllm.generation.messages import (
    Cancel,
    Done,
    Failed,
    Generate,
    Guidance,
    Load,
    Loaded,
    ReplyReader,
    Score,
    Scored,
    Shutdown,
    Tokens,
)

ids = st.integers(0, 2**31 - 1)
id_lists = st.lists(ids, max_size=50).map(tuple)
floats = st.floats(-100, 0)
texts = st.text(max_size=50)

requests = st.one_of(
    st.builds(Load, folder=texts, threads=st.integers(1, 256), provider=texts),
    st.builds(
        Generate,
        id=ids,
        prompt=id_lists,
        max_tokens=ids,
        temperature=st.floats(0, 2),
        top_p=st.floats(0, 1),
        seed=ids,
        stop_ids=id_lists,
        guidance=st.none()
        | st.builds(
            Guidance, type=st.sampled_from(["json_schema", "regex", "lark_grammar"]), data=texts
        ),
    ),
    st.builds(Score, id=ids, prompt=id_lists, continuation=id_lists),
    st.builds(Cancel, id=ids),
    st.just(Shutdown()),
)
replies = st.one_of(
    st.builds(
        Loaded,
        load_ms=st.floats(0, 1e9),
        device=texts,
        context_tokens=ids,
        memory_bytes=st.none() | st.integers(0, 2**50),
    ),
    st.builds(Tokens, id=ids, ids=id_lists, logprobs=st.lists(floats, max_size=50).map(tuple)),
    st.builds(
        Done,
        id=ids,
        finish=st.sampled_from(["stop", "length", "cancelled"]),
        prefill_ms=st.floats(0, 1e9),
        decode_ms=st.floats(0, 1e9),
    ),
    st.builds(Scored, id=ids, logprobs=st.lists(floats, max_size=50).map(tuple)),
    st.builds(Failed, id=st.none() | ids, code=texts, message=texts, hint=texts),
)


@given(st.lists(requests, max_size=5))
def test_requests_come_out_as_they_went_in(sent: list[messages.Request]) -> None:
    stream = io.BytesIO(b"".join(messages.encode(message) for message in sent))
    received = []
    while (message := messages.read_request(stream)) is not None:
        received.append(message)
    assert received == sent


async def read_all(parts: list[bytes]) -> list[messages.Reply]:
    """Read replies from a stream that arrives in parts, each read being cancelled in between."""
    stream = asyncio.StreamReader()
    reader = ReplyReader(stream)
    received: list[messages.Reply] = []
    for part in parts:
        stream.feed_data(part)
        while True:
            reading = asyncio.ensure_future(reader.read())
            await asyncio.sleep(0)
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                break
            received.append(reading.result())
    return received


@given(st.lists(replies, max_size=4), st.data())
def test_replies_survive_any_cut_of_the_stream_and_cancelled_reads(
    sent: list[messages.Reply], data: st.DataObject
) -> None:
    whole = b"".join(messages.encode(message) for message in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    edges = [0, *cuts, len(whole)]
    parts = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert asyncio.run(read_all(parts)) == sent


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_a_worker_error(data: bytes) -> None:
    # A body that begins with a boolean is no message, whatever follows.
    body = b"\xc3" + data
    with pytest.raises(WorkerError):
        messages.read_request(io.BytesIO(len(body).to_bytes(4, "big") + body))


@given(requests, st.data())
def test_a_frame_that_is_cut_short_is_a_worker_error(
    request_: messages.Request, data: st.DataObject
) -> None:
    frame = messages.encode(request_)
    length = data.draw(st.integers(1, len(frame) - 1))
    with pytest.raises(WorkerError):
        messages.read_request(io.BytesIO(frame[:length]))


def test_a_frame_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(WorkerError, match="larger"):
        messages.read_request(io.BytesIO(b"\xff\xff\xff\xff"))


def test_a_message_beyond_the_limit_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_FRAME_BYTES", 100)
    with pytest.raises(WorkerError, match="larger"):
        messages.encode(Score(id=1, prompt=(9,) * 200, continuation=()))
