"""All operations of the API, each with an example."""

from typing import Any

from nsllm.frontends.http import answers, api, contracts, openai
from nsllm.frontends.http import openai_contracts as oc
from nsllm.frontends.http.operations import Operation
from nsllm.frontends.wire import WireAnswer

_SOURCE = {
    "marker": 1,
    "path": "docs/storage.md",
    "start_line": 1,
    "end_line": 3,
    "text": "# Storage\n\nReadings are kept for 30 days.",
    "score": 0.8731,
}
_SCORES = {
    "relevance": 0.91,
    "coherence": 1.0,
    "grounding": 0.98,
    "perplexity": 6.2,
    "toxicity": None,
    "overall": 0.96,
}
_TEXT = "Readings are kept for 30 days. [1]"
_ID = "0c5b7e0d5d0f4f5c9f2b0a4f6a1d3e77"
_ANSWER = {
    "id": _ID,
    "text": _TEXT,
    "mode": "extract",
    "model": None,
    "sources": [_SOURCE],
    "scores": _SCORES,
    "findings": [],
    "verdict": "pass",
    "timings_ms": {"retrieval": 4.1, "reading": 38.0, "total": 61.5},
    "cached": False,
}
_FINDING = {
    "rule": "grounding.claim",
    "severity": "warn",
    "start": 0,
    "end": 30,
    "message": "The passages say 30 where the text says 90.",
    "evidence": {
        "marker": 1,
        "text": "Readings are kept for 30 days.",
        "path": "docs/storage.md",
        "start_line": 3,
        "end_line": 3,
    },
}
_JUDGEMENT = {"scores": {**_SCORES, "grounding": 0.12}, "findings": [_FINDING], "verdict": "warn"}
_MODEL = {
    "id": "smollm2-135m-instruct",
    "task": "generation",
    "family": "llama",
    "parameters": 134_515_008,
    "licence": "Apache-2.0",
    "context_length": 8192,
    "disk_bytes": 113_000_000,
    "memory_bytes": 300_000_000,
    "installed": True,
    "in_use": True,
    "exam": None,
}
_FOLDER = {
    "workspace": "harrow",
    "state": "ready",
    "documents": 5,
    "chunks": 7,
    "skipped": 0,
    "problem": None,
}
_EVENTS = (
    'event: sources\ndata: {"sources": […]}\n\n'
    'event: delta\ndata: {"text": "Readings are kept for 30 days. [1]"}\n\n'
    'event: answer\ndata: {"id": "…", "text": "…", "verdict": "pass", …}\n\n'
)
_GOVERNANCE = {
    "id": _ID,
    "mode": "extract",
    "model": None,
    "sources": [_SOURCE],
    "scores": _SCORES,
    "findings": [],
    "verdict": "pass",
    "ignored": ["temperature"],
}
_QUESTION = "How long are readings kept?"
_OPENAI_MODEL = {"id": "nsllm", "created": 0, "owned_by": "nsllm", "object": "model"}


def _completion(kind: str, prefix: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{_ID}",
        "created": 1_760_000_000,
        "model": "nsllm",
        "choices": [{"index": 0, "finish_reason": "stop", **choice}],
        "object": kind,
        "nsllm": _GOVERNANCE,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/api/hybrid-query",
        id="hybridQuery",
        tag="Answers",
        summary="Answer a question from the documents",
        description=(
            "With `Accept: text/event-stream` the answer comes as server-sent events: `sources`, "
            "`delta` for each piece of text, `withdrawn` where a text was rejected and another "
            "one follows, and `answer` or `error` at last. Questions of the same `session` may "
            "refer to earlier ones. `mode` and `top_k` are the settings' where they are left out."
        ),
        takes=contracts.HybridQuery,
        gives=WireAnswer,
        handler=answers.hybrid_query,
        scope="ask",
        streams=True,
        request={"question": _QUESTION, "top_k": 5},
        response=_ANSWER,
        events=_EVENTS,
        errors=(404, 409, 422, 429, 503, 504),
    ),
    Operation(
        method="POST",
        path="/api/search",
        id="search",
        tag="Answers",
        summary="Find passages",
        takes=contracts.Search,
        gives=contracts.Hits,
        handler=api.search,
        scope="ask",
        works=True,
        request={"query": "retention of readings", "top_k": 3},
        response={"hits": [_SOURCE]},
        errors=(404, 409, 503, 504),
    ),
    Operation(
        method="POST",
        path="/api/embed",
        id="embed",
        tag="Answers",
        summary="Embed texts",
        description="Unit vectors; a text beyond the model's context is cut off.",
        takes=contracts.Embed,
        gives=contracts.Vectors,
        handler=api.embed,
        scope="ask",
        works=True,
        request={"texts": ["Readings are kept for 30 days."]},
        response={"model": "all-minilm-l6-v2", "dimension": 2, "vectors": [[0.6, 0.8]]},
        errors=(409, 503, 504),
    ),
    Operation(
        method="POST",
        path="/api/score",
        id="score",
        tag="Governance",
        summary="Judge a text against passages that come with it",
        takes=contracts.Score,
        gives=contracts.Judgement,
        handler=api.score,
        scope="ask",
        works=True,
        request={
            "question": _QUESTION,
            "answer": "Readings are kept for 90 days.",
            "passages": ["Readings are kept for 30 days."],
        },
        response=_JUDGEMENT,
        errors=(409, 422, 503, 504),
    ),
    Operation(
        method="POST",
        path="/api/check",
        id="check",
        tag="Governance",
        summary="Judge a text against the workspace",
        description=(
            "`path` is the document that the text stands in, relative to the workspace: it is not "
            "read, and supports nothing."
        ),
        takes=contracts.Check,
        gives=contracts.Judgement,
        handler=api.check,
        scope="ask",
        works=True,
        request={"text": "Readings are kept for 90 days.", "path": "docs/draft.md"},
        response=_JUDGEMENT,
        errors=(404, 409, 503, 504),
    ),
    Operation(
        method="GET",
        path="/api/models",
        id="listModels",
        tag="Models",
        summary="List the models",
        takes=contracts.Nothing,
        gives=contracts.ModelList,
        handler=api.list_models,
        scope="ask",
        response={"models": [_MODEL]},
    ),
    Operation(
        method="POST",
        path="/api/models/use",
        id="useModel",
        tag="Models",
        summary="Answer or embed with another model from now on",
        description=(
            "The choice is kept in the server's nsllm.toml. What runs goes on with the old model; "
            "after a change of the embedder the indexes are built anew."
        ),
        takes=contracts.UseModel,
        gives=contracts.ModelList,
        handler=api.use_model,
        scope="admin",
        works=True,
        request={"id": "smollm2-135m-instruct"},
        response={"models": [_MODEL]},
        errors=(404, 409, 503, 504),
    ),
    Operation(
        method="GET",
        path="/api/index",
        id="indexState",
        tag="Index",
        summary="Tell the state of the indexes",
        takes=contracts.Nothing,
        gives=contracts.FolderList,
        handler=api.index_state,
        scope="ask",
        response={"workspaces": [_FOLDER]},
    ),
    Operation(
        method="POST",
        path="/api/index",
        id="index",
        tag="Index",
        summary="Bring the indexes up to date, or build them anew",
        description="Files are followed anyway; this waits until all of them are in the index.",
        takes=contracts.Index,
        gives=contracts.FolderList,
        handler=api.index,
        scope="index",
        works=True,
        request={"action": "sync"},
        response={"workspaces": [_FOLDER]},
        errors=(404, 409, 503, 504, 507),
    ),
    Operation(
        method="GET",
        path="/api/audit",
        id="audit",
        tag="Audit",
        summary="List the audit log, newest first",
        description="`next` is the `before` of the next page; null on the last one.",
        takes=contracts.AuditPage,
        gives=contracts.AuditList,
        handler=api.audit_list,
        scope="audit",
        response={
            "records": [
                {
                    "number": 17,
                    "id": _ID,
                    "time": "2026-05-04T09:30:00.000+00:00",
                    "workspace": "/srv/harrow",
                    "client": "http:owner",
                    "question": _QUESTION,
                    "text": _TEXT,
                    "mode": "extract",
                    "model": None,
                    "verdict": "pass",
                    "scores": _SCORES,
                    "findings": [],
                }
            ],
            "next": 17,
        },
    ),
    Operation(
        method="GET",
        path="/api/audit/verify",
        id="verifyAudit",
        tag="Audit",
        summary="Check that the audit log is as it was written",
        takes=contracts.Nothing,
        gives=contracts.AuditVerification,
        handler=api.audit_verify,
        scope="audit",
        response={"intact": True, "entries": 17, "head": "17:9f…", "faults": [], "notes": []},
    ),
    Operation(
        method="POST",
        path="/v1/chat/completions",
        id="createChatCompletion",
        tag="OpenAI",
        summary="Answer the last user message from the documents",
        description=(
            "Earlier messages are the history. System messages and tools change nothing; sampling "
            "is the server's setting. Text is streamed once it is judged. `nsllm` holds sources, "
            "scores, findings and verdict."
        ),
        takes=oc.Chat,
        gives=oc.ChatCompletion,
        handler=openai.chat,
        scope="ask",
        streams=True,
        request={"model": "nsllm", "messages": [{"role": "user", "content": _QUESTION}]},
        response=_completion(
            "chat.completion", "chatcmpl", {"message": {"role": "assistant", "content": _TEXT}}
        ),
        events='data: {"id": "…", "object": "chat.completion.chunk", …}\n\ndata: [DONE]\n\n',
        errors=(404, 409, 422, 429, 503, 504),
    ),
    Operation(
        method="POST",
        path="/v1/completions",
        id="createCompletion",
        tag="OpenAI",
        summary="Answer a prompt from the documents",
        takes=oc.Completions,
        gives=oc.Completion,
        handler=openai.complete,
        scope="ask",
        streams=True,
        request={"model": "nsllm", "prompt": _QUESTION},
        response=_completion("text_completion", "cmpl", {"text": _TEXT}),
        events='data: {"id": "…", "object": "text_completion", …}\n\ndata: [DONE]\n\n',
        errors=(404, 409, 422, 429, 503, 504),
    ),
    Operation(
        method="POST",
        path="/v1/embeddings",
        id="createEmbedding",
        tag="OpenAI",
        summary="Embed texts",
        takes=oc.Embeddings,
        gives=oc.EmbeddingList,
        handler=openai.embeddings,
        scope="ask",
        works=True,
        request={"model": "nsllm", "input": "Readings are kept for 30 days."},
        response={
            "data": [{"index": 0, "embedding": [0.6, 0.8], "object": "embedding"}],
            "model": "all-minilm-l6-v2",
            "usage": {"prompt_tokens": 7, "total_tokens": 7},
            "object": "list",
        },
        errors=(404, 409, 503, 504),
    ),
    Operation(
        method="GET",
        path="/v1/models",
        id="listOpenAiModels",
        tag="OpenAI",
        summary="List the models that requests may name",
        takes=contracts.Nothing,
        gives=oc.OpenAiModelList,
        handler=openai.list_models,
        scope="ask",
        response={"data": [_OPENAI_MODEL], "object": "list"},
    ),
    Operation(
        method="GET",
        path="/v1/models/{model:str}",
        id="getOpenAiModel",
        tag="OpenAI",
        summary="Describe a model",
        takes=contracts.Nothing,
        gives=oc.Model,
        handler=openai.get_model,
        scope="ask",
        response=_OPENAI_MODEL,
        errors=(404,),
        parameters={"model": "The model's id."},
    ),
    Operation(
        method="GET",
        path="/healthz",
        id="health",
        tag="Operation",
        summary="Tell that the server runs",
        takes=contracts.Nothing,
        gives=contracts.Health,
        handler=api.healthz,
        public=True,
        response={"status": "ok", "version": "0.1.0"},
    ),
    Operation(
        method="GET",
        path="/readyz",
        id="readiness",
        tag="Operation",
        summary="Tell whether questions are answered",
        description="200 once every workspace is indexed, otherwise 503 with the same body.",
        takes=contracts.Nothing,
        gives=contracts.Readiness,
        handler=api.readyz,
        public=True,
        response={"status": "ready"},
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="metrics",
        tag="Operation",
        summary="Return metrics in Prometheus's text format",
        takes=contracts.Nothing,
        gives=str,
        handler=api.metrics,
        media_type="text/plain",
        response="nsllm_requests_running 0.0\n",
    ),
)
