"""What the tools take, and the JSON Schemas of that and of what they return."""

from typing import Annotated, Any

import msgspec

from nsllm.frontends.http.contracts import Body, LongText, ModelId, Name, Text, TopK
from nsllm.types import Mode

_Workspace = Annotated[
    Name | None,
    msgspec.Meta(description="Name of the workspace, where several are served; else the first."),
]
_TopK = Annotated[
    TopK | None, msgspec.Meta(description="How many passages; as in the settings if left out.")
]


class Search(Body, frozen=True, kw_only=True):
    """What to look for."""

    query: Annotated[
        Text, msgspec.Meta(description="What to look for: words, or a question in full.")
    ]
    top_k: _TopK = None
    workspace: _Workspace = None


class Ask(Body, frozen=True, kw_only=True):
    """What to answer, and how."""

    question: Annotated[Text, msgspec.Meta(description="The question, in full sentences.")]
    top_k: _TopK = None
    mode: Annotated[
        Mode | None,
        msgspec.Meta(
            description="`extract` quotes the documents, `generate` lets a language model write, "
            "`auto` generates if the model has passed the reading exam and quotes otherwise."
        ),
    ] = None
    model: Annotated[
        ModelId | None, msgspec.Meta(description="Id of the model that writes, if it is another.")
    ] = None
    session: Annotated[
        Name | None,
        msgspec.Meta(
            description="Any name for a conversation: a follow-up question of the same session "
            "is understood from the earlier ones."
        ),
    ] = None
    workspace: _Workspace = None


class Check(Body, frozen=True, kw_only=True):
    """What to judge: a text, a document of the workspace, or a text in place of that document."""

    text: Annotated[
        LongText | None,
        msgspec.Meta(description="The text to judge; left out, the document at `path` is judged."),
    ] = None
    path: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)] | None,
        msgspec.Meta(
            description="The document that the text is of, relative to the workspace with forward "
            "slashes. It is left out of the evidence, and decides which rules hold."
        ),
    ] = None
    generated: Annotated[
        bool | None,
        msgspec.Meta(
            description="Whether a model wrote it. Of what people wrote a claim may be new: that "
            "nothing is about it is noted, not rejected. Left out: true of `text`, else false."
        ),
    ] = None
    workspace: _Workspace = None


def schema_of(record: type) -> dict[str, Any]:
    """Return the JSON Schema of a record, with an object at its root as MCP asks for."""
    [root], components = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    name = root["$ref"].rpartition("/")[2]
    schema: dict[str, Any] = components.pop(name)
    return {**schema, "$defs": components} if components else schema
