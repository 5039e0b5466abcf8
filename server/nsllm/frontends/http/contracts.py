"""What the API takes and returns: one record for each body, with its ranges."""

from typing import Annotated, Literal

import msgspec

from nsllm.frontends.wire import WireFinding, WireModel, WireSource
from nsllm.governance.records import Acceptance
from nsllm.types import Mode, Scores

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=8_000, pattern=r"\S")]
LongText = Annotated[str, msgspec.Meta(max_length=200_000)]
TopK = Annotated[int, msgspec.Meta(ge=1, le=50)]
ModelId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body; a key that is not known is refused."""


class HybridQuery(Body, frozen=True, kw_only=True):
    """A question over the documents of a workspace."""

    question: Text
    top_k: TopK | None = None
    mode: Mode | None = None
    model: ModelId | None = None
    workspace: Name | None = None
    session: Name | None = None


class Search(Body, frozen=True, kw_only=True):
    """A query for passages."""

    query: Text
    top_k: TopK | None = None
    workspace: Name | None = None


class Embed(Body, frozen=True, kw_only=True):
    """Texts to embed."""

    texts: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=20_000)]],
        msgspec.Meta(min_length=1, max_length=256),
    ]


class Score(Body, frozen=True, kw_only=True):
    """A text and the passages to judge it against."""

    answer: LongText
    passages: Annotated[list[LongText], msgspec.Meta(max_length=100)]
    question: Annotated[str, msgspec.Meta(max_length=8_000)] | None = None
    perplexity: bool = False


class Check(Body, frozen=True, kw_only=True):
    """A text to judge against the workspace; `path` is the document that it stands in."""

    text: LongText
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)] | None = None
    generated: bool = True
    workspace: Name | None = None


class UseModel(Body, frozen=True, kw_only=True):
    """The model to answer or to embed with from now on."""

    id: ModelId


class Index(Body, frozen=True, kw_only=True):
    """What to do with the index of a workspace, or of all of them."""

    action: Literal["sync", "rebuild"] = "sync"
    workspace: Name | None = None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Which records to list: up to `limit`, newest first, from below the number `before`."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: Number | None = None


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No parameters."""


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """The passages nearest to a query, best first."""

    hits: list[WireSource]


class Vectors(msgspec.Struct, frozen=True, kw_only=True):
    """A unit vector for each text, in order."""

    model: str
    dimension: int
    vectors: list[list[float]]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, findings and verdict of a text."""

    scores: Scores
    findings: list[WireFinding]
    verdict: str


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """All models that are known."""

    models: list[WireModel]


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace and the state of its index."""

    workspace: str
    state: Literal["indexing", "ready", "failed"]
    documents: int
    chunks: int
    skipped: int
    problem: str | None = None


class FolderList(msgspec.Struct, frozen=True, kw_only=True):
    """The workspaces that are served; the first one answers where none is named."""

    workspaces: list[Folder]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the audit log."""

    number: int
    id: str
    time: str
    workspace: str
    client: str
    question: str
    text: str
    mode: str
    model: str | None
    verdict: str
    scores: Scores
    findings: list[WireFinding]
    accepted: Acceptance | msgspec.UnsetType = msgspec.UNSET
    """Of a record of mode `accept`: it is of a finding that the user accepted on `text`."""


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit log; `next` is the `before` of the page after it."""

    records: list[AuditEntry]
    next: int | None


class AuditFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written, about the entries `first` to `last`."""

    kind: str
    message: str
    first: int | None
    last: int | None


class AuditVerification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the audit log is as it was written; `head` may be noted elsewhere."""

    intact: bool
    entries: int
    head: str
    faults: list[AuditFault]
    notes: list[str]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the server runs."""

    status: Literal["ok"]
    version: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether questions are answered already, and still."""

    status: Literal["ready", "indexing", "failed", "stopping"]
