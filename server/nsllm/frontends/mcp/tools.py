"""The tools: search, ask, check."""

from collections.abc import Awaitable, Callable

import msgspec

from nsllm.errors import UnknownModelError, UsageError
from nsllm.frontends import wire
from nsllm.frontends.checked import check as checked
from nsllm.frontends.http.contracts import Hits, Judgement
from nsllm.frontends.mcp import contracts, documents, texts
from nsllm.frontends.mcp.asking import reported
from nsllm.frontends.mcp.calls import Call
from nsllm.types import Question

_SCORES = (
    "Scores lie between 0 and 1, and higher is better: `grounding` (how far the documents support "
    "what the text says), `relevance` (to the question), `coherence`, and `overall`. Two are "
    "otherwise: `toxicity`, where 1 is toxic, and `perplexity`, which is 1 or more and lower is "
    "better. null means that it could not be computed; nothing is guessed."
)
_VERDICT = (
    "The `verdict` is that of the gravest finding: `pass`; `warn`, a person should look at the "
    "findings; `reject`, do not rely on the text. Each finding names its rule, the characters "
    "`start` to `end` that it is about, a message, and the evidence where there is any."
)


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool; its handler returns the structured result, and the same in words."""

    name: str
    title: str
    description: str
    takes: type
    returns: type
    handler: Callable[[Call], Awaitable[tuple[object, str]]]


async def _search(call: Call) -> tuple[object, str]:
    query: contracts.Search = call.body
    await call.context.service.admit(query.workspace, call.client_name)
    async with call.context.use(query.workspace, call.report) as application:
        passages = await application.search(query.query, query.top_k)
    found = Hits(hits=[wire.source(i, one) for i, one in enumerate(passages, start=1)])
    return found, texts.of_hits(found)


async def _ask(call: Call) -> tuple[object, str]:
    asked: contracts.Ask = call.body
    name = call.context.service.name(asked.workspace)
    # One client's session is none of another's.
    session = None if asked.session is None else f"{call.client.name}/{asked.session}"
    async with call.context.use(name, call.report) as application:
        if asked.model and application.models.registry.get(asked.model).task != "generation":
            raise UnknownModelError(
                f"The model {asked.model} does not write texts.", hint="Run `nsllm models list`."
            )
        settings = application.settings
        question = Question(
            text=asked.question,
            top_k=asked.top_k or settings.retrieval.top_k,
            mode=asked.mode or settings.generation.mode,
            model=asked.model,
            history=call.context.sessions.history(session, name),
        )
        async with reported(call.report) as listener:
            answer = await application.ask(question, listener, client=call.client_name)
    call.context.sessions.keep(session, name, answer)
    wired = wire.answer(answer)
    return wired, texts.of_answer(wired)


async def _check(call: Call) -> tuple[object, str]:
    asked: contracts.Check = call.body
    if asked.text is None and asked.path is None:
        raise UsageError("There is nothing to check.", hint="Give `text`, `path`, or both.")
    await call.context.service.admit(asked.workspace, call.client_name)
    async with call.context.use(asked.workspace, call.report) as application:
        text = asked.text
        if text is None and asked.path is not None:
            workspace, settings = application.workspace, application.settings.documents
            text = documents.read(workspace, asked.path, settings)
        generated = asked.text is not None if asked.generated is None else asked.generated
        judged = await checked(application, text or "", asked.path, generated=generated)
    wired = wire.judgement("", judged)
    found = Judgement(scores=wired.scores, findings=wired.findings, verdict=wired.verdict)
    return found, texts.of_judgement(found, text or "")


TOOLS = (
    Tool(
        name="search",
        title="Search documents",
        description=(
            "Find the passages of the workspace's documents that are nearest to a query, best "
            "first, by meaning and by words. Each has its path, lines and text, and a `score` "
            "between 0 and 1 that orders the passages of one search; scores of different searches "
            "cannot be compared."
        ),
        takes=contracts.Search,
        returns=Hits,
        handler=_search,
    ),
    Tool(
        name="ask",
        title="Ask the documents",
        description=(
            "Answer a question from the workspace's documents alone, with citations [1], [2] that "
            "lead to `sources`. If the documents hold no answer, the text says so and there are no "
            f"sources. Every answer is judged by rules. {_VERDICT} {_SCORES} Answers are recorded "
            "in the user's audit log."
        ),
        takes=contracts.Ask,
        returns=wire.WireAnswer,
        handler=_ask,
    ),
    Tool(
        name="check",
        title="Check a text",
        description=(
            "Judge a text against the workspace's documents: which of its claims they support or "
            "contradict, and which rules it breaks. Use it on what you wrote before you present "
            f"it as fact. {_VERDICT} {_SCORES}"
        ),
        takes=contracts.Check,
        returns=Judgement,
        handler=_check,
    ),
)
