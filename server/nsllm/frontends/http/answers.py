"""`/api/hybrid-query`: a governed answer, whole or as it is made."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from nsllm.frontends import wire
from nsllm.frontends.http.contracts import HybridQuery
from nsllm.frontends.http.operations import Call, Events
from nsllm.frontends.http.problems import problem_of
from nsllm.frontends.http.streaming import (
    PING,
    Asking,
    Finished,
    describe,
    encode,
    stream,
)
from nsllm.types import Answer, AnswerListener, Question, Turn, ignore_event


async def hybrid_query(call: Call) -> object:
    """Answer a question."""
    query: HybridQuery = call.body
    call.service.check_generator(query.model)
    call.service.name(query.workspace)

    async def asking(listener: AnswerListener) -> Answer:
        return await ask(call, query, listener)

    if call.wants_events:
        return Events(_events(call, asking))
    return wire.answer(await asking(ignore_event))


async def ask(
    call: Call, query: HybridQuery, listener: AnswerListener, history: tuple[Turn, ...] = ()
) -> Answer:
    """Ask in a slot and within the time; `history` is what the client itself remembers.

    Raises:
        RequestRefused: no slot was free, or it took too long.
    """
    context = call.context
    name = call.service.name(query.workspace)
    # One client's session is none of another's.
    session = None if query.session is None else f"{call.client.name}/{query.session}"
    limit_s = context.settings.request_timeout_s
    async with context.slots.take(limit_s), call.service.use(name) as application:
        settings = application.settings
        question = Question(
            text=query.question,
            top_k=query.top_k or settings.retrieval.top_k,
            mode=query.mode or settings.generation.mode,
            model=query.model,
            history=history or context.sessions.history(session, name),
        )
        client = f"http:{call.client.name}"
        answer = await application.ask(question, listener, client=client)
    context.metrics.count_answer(answer)
    context.sessions.keep(session, name, answer)
    return answer


async def _events(call: Call, asking: Asking) -> AsyncIterator[bytes]:
    async with aclosing(stream(asking)) as events:
        async for event in events:
            if event is None:
                yield PING
            elif not isinstance(event, Finished):
                yield describe(event)
            elif event.answer is not None:
                yield encode("answer", wire.answer(event.answer))
            elif event.error is not None:
                yield encode("error", problem_of(event.error, call.exchange.request_id))
