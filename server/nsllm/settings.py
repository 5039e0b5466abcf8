"""The one schema of all settings, and their layers merged.

Later layers win: defaults, the user's `nsllm.toml`, the workspace's `nsllm.toml`, `NSLLM_*`
variables (`NSLLM_RETRIEVAL_TOP_K=8`), then what the command line or the editor sets.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from nsllm import home, patterns
from nsllm import settings_layers as layers
from nsllm.errors import SettingsError
from nsllm.types import Mode

FILE_NAME = "nsllm.toml"
MOST_DAYS = 36_500  # A hundred years; not every larger number leads to a date.

Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Provider = Literal["auto", "cpu", "cuda", "directml", "coreml"]
Stream = Literal["auto", "live", "strict"]
Profile = Literal["strict", "standard", "permissive"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of nsllm.toml."""


class Documents(_Section, frozen=True, kw_only=True):
    """Which files are indexed."""

    exclude: tuple[str, ...] = ()
    """Documents to leave out, in .gitignore syntax; .gitignore and .nsllmignore hold besides."""
    gitignore: bool = True
    """Leave out what the workspace's .gitignore files leave out."""
    max_size_bytes: Count = 2_000_000
    """Larger files are left out, and named in the report."""

    def __post_init__(self) -> None:
        patterns.check(self.exclude)


class Retrieval(_Section, frozen=True, kw_only=True):
    """How passages are found."""

    top_k: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    """Passages for one question."""
    candidates: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    """Chunks that each of the two searches proposes before they are fused."""
    lexical_weight: Unit = 0.4
    """Share of the word search in the fused order; the rest is the vector search's."""


class Models(_Section, frozen=True, kw_only=True):
    """Which models are used, and on what."""

    embedder: str = "all-minilm-l6-v2"
    """Id of the model that embeds chunks and questions."""
    generator: str = "smollm2-135m-instruct"
    """Id of the model that writes answers."""
    grounding: str = "nsllm-grounding"
    """Id of the model that compares claims with their sources."""
    toxicity: str = "nsllm-toxicity"
    """Id of the model that finds hatred and threats."""
    provider: Provider = "auto"
    """Where the generator runs, `auto` on the best that works; all other models run on the CPU."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    """Threads of one model; 0 is one for each physical core."""
    idle_unload_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    """The generator leaves memory after this long without a question; 0 keeps it."""
    download: bool = True
    """Whether a missing model may be downloaded, after saying what, from where and how large."""


class Remote(_Section, frozen=True, kw_only=True):
    """A generator on another machine. Questions and passages are sent there when it writes.

    Read from the user's own file, the environment and the editor, never from a workspace's file.
    """

    url: str = ""
    """Address of an OpenAI-compatible server, such as `http://host:8000/v1`; empty: none. The text
    of questions, earlier answers and passages leaves this machine to it whenever `remote` is the
    generator (`models.generator`)."""
    model: str = "nsllm"
    """Id of the server's model; `nsllm` is the one that another machine's `nsllm serve` uses."""
    token_file: str = ""
    """File that holds the token for the server, and nothing else."""
    token_variable: str = "NSLLM_REMOTE_TOKEN"  # noqa: S105 - a name, not a token
    """Environment variable with the token, where there is no file."""
    connect_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Longest time until the server takes a connection."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    """Longest silence of the server."""


class Generation(_Section, frozen=True, kw_only=True):
    """How answers are written."""

    mode: Mode = "auto"
    """`auto` lets a model write only if it passed the reading exam, and quotes otherwise."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=8192)] = 256
    """Longest generated answer."""
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.0
    """0 always takes the likeliest token."""
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Share of the likeliest tokens that are drawn from; needs a temperature above 0."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Seed of the draw."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    """Longest time for one answer."""


class Extraction(_Section, frozen=True, kw_only=True):
    """How answers are quoted."""

    max_sentences: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    """Most sentences in a quoted answer; fewer where one stands out."""
    min_confidence: Unit = 0.5
    """Below this probability that the passages answer, the answer is that nothing was found."""


class Override(_Section, frozen=True, kw_only=True):
    """Other rules for some documents: a table of `[[governance.overrides]]`."""

    paths: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """The documents, in .gitignore syntax."""
    profile: Profile | None = None
    """The profile in these documents."""
    rules: dict[str, Any] = {}
    """Options by rule id, over those of `governance.rules`."""

    def __post_init__(self) -> None:
        patterns.check(self.paths)


class RuleExample(_Section, frozen=True, kw_only=True):
    """A text and what a rule should say of it: a table of `[[governance.examples]]`."""

    rule: str
    text: str
    expect: Literal["pass", "info", "warn", "reject"]
    """The gravest finding of the rule; `pass`: none."""
    passages: tuple[str, ...] = ()
    """What the text is compared with, in the order of its citation markers."""
    path: str | None = None
    """The document that the text stands in; left out, the text is an answer."""


class Governance(_Section, frozen=True, kw_only=True):
    """The rules that texts are judged by. A key that is not set is as in the profile."""

    profile: Profile = "standard"
    """How strict the rules are where nothing else is set; docs/RULES.md has each rule's options."""
    min_words_warn: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Shorter answers get a warning."""
    max_words_warn: Count | None = None
    """Longer answers get a warning."""
    max_words_reject: Count | None = None
    """Longer answers are rejected."""
    claim_grounding_warn: Unit | None = None
    """A claim supported less than this gets a warning."""
    claim_grounding_reject: Unit | None = None
    """A claim supported less than this rejects the answer."""
    coherence_warn: Unit | None = None
    """Answers less coherent than this get a warning."""
    coherence_reject: Unit | None = None
    """Answers less coherent than this are rejected."""
    toxicity_warn: Unit | None = None
    """A sentence more likely hateful or threatening than this gets a warning."""
    toxicity_reject: Unit | None = None
    """A sentence more likely hateful or threatening than this rejects the text."""
    require_citations: bool | None = None
    """A generated claim without a citation gets a warning."""
    stream: Stream = "auto"
    """`live` shows text as it is written and withdraws it if it is rejected; `strict` holds each
    sentence until it is judged; `auto` is `strict` in the profile `strict`, otherwise `live`."""
    rules: dict[str, Any] = {}
    """Options by rule id, such as `[governance.rules.length.long]`; see docs/RULES.md."""
    overrides: tuple[Override, ...] = ()
    """Other rules for some documents; see docs/RULES.md."""
    examples: tuple[RuleExample, ...] = ()
    """Texts with what the rules should say of them, for `nsllm rules test`."""


class Check(_Section, frozen=True, kw_only=True):
    """Which documents editors govern whole, besides generated text, which they always do."""

    folders: tuple[str, ...] = ()
    """Documents to govern whole while they are open, in .gitignore syntax: `docs/**`."""

    def __post_init__(self) -> None:
        patterns.check(self.folders)


class Audit(_Section, frozen=True, kw_only=True):
    """What is kept of each answer."""

    enabled: bool = True
    """Write a record of each answer to audit.db."""
    redact: bool = True
    """Replace passwords, keys and tokens by their kind before a record is written."""
    keep_days: Annotated[int, msgspec.Meta(ge=0, le=MOST_DAYS)] = 0
    """Older records are removed, and the removal is recorded; 0 keeps all."""
    durable: bool = False
    """Wait until each record is on the disk, so that a power cut loses none; takes longer."""


class Cache(_Section, frozen=True, kw_only=True):
    """What is kept so that the same question need not be answered twice; see docs/CACHE.md."""

    size_bytes: Annotated[int, msgspec.Meta(ge=0)] = 64_000_000
    """Most that the cache of one workspace takes; 0 turns it off."""


class Limits(_Section, frozen=True, kw_only=True):
    """How much may be asked; 0 is no limit. A client may use up a minute's share at once."""

    requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Questions, searches and other calls that cost work, of one client."""
    tokens_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Generated tokens of one client."""
    total_requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The same of all clients together."""
    total_tokens_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Generated tokens of all clients together."""


class Server(_Section, frozen=True, kw_only=True):
    """`nsllm serve`. Read from the user's own file and the environment, never from a workspace."""

    host: str = "127.0.0.1"
    """The address to listen on; another one than this machine's own takes tokens."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8642
    """The port to listen on; 0 takes a free one."""
    require_token: bool = True
    """Whether requests take a token."""
    token_file: str = ""
    """File that holds the owner's token, such as a container's secret; empty: one is made."""
    allowed_hosts: tuple[str, ...] = ()
    """Names under which the server is reached, besides this machine's own."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call the server, such as `https://wiki.example.org`."""
    tls_certificate: str = ""
    """PEM file of the certificate, with its chain; empty: no TLS."""
    tls_key: str = ""
    """PEM file of the certificate's key."""
    max_body_bytes: Count = 2_000_000
    """Larger requests are refused."""
    request_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    """Longest time for one request."""
    concurrency: Count = 16
    """Requests that are worked on at once."""
    queue: Annotated[int, msgspec.Meta(ge=0)] = 256
    """Requests that may wait for their turn; further ones are told to come back."""
    lend: bool = False
    """Whether other machines may use the generator itself, on their own prompts: what it writes is
    neither governed nor recorded here, but there."""
    shutdown_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How long requests may go on after the server was told to stop."""
    traces_endpoint: str = ""
    """URL of an OpenTelemetry collector (OTLP over HTTP); empty: no traces."""


class Settings(_Section, frozen=True, kw_only=True):
    """All settings."""

    documents: Documents = Documents()
    retrieval: Retrieval = Retrieval()
    models: Models = Models()
    remote: Remote = Remote()
    generation: Generation = Generation()
    extraction: Extraction = Extraction()
    governance: Governance = Governance()
    check: Check = Check()
    audit: Audit = Audit()
    cache: Cache = Cache()
    limits: Limits = Limits()
    server: Server = Server()


# What a workspace that the user has not trusted may not decide.
RESTRICTED = frozenset({"models", "remote", "audit", "cache", "limits", "server"})

# What no workspace's file may decide, trusted or not: where text is sent, and which file is the
# token that goes with it.
OWN_ONLY = frozenset({"remote"})

# What no editor sets: VS Code's own `nsllm.server.*` says how it starts the language server.
NOT_IN_EDITORS = frozenset({"server"})

# Tables of tables: neither a variable nor a form in an editor can hold them.
FILE_ONLY = frozenset({"governance.rules", "governance.overrides", "governance.examples"})


def load(
    workspace: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    trusted: bool = True,
) -> Settings:
    """Read and merge all layers.

    Raises:
        SettingsError: a layer holds an unknown key or a value out of range; names both.
    """
    read: list[tuple[str | Path, dict[str, Any]]] = []
    for folder in (home.settings_folder(), workspace):
        if folder is None:
            continue
        table = layers.read_file(folder / FILE_NAME)
        if folder is workspace:
            refused = OWN_ONLY if trusted else RESTRICTED
            table = {key: value for key, value in table.items() if key not in refused}
        read.append((folder / FILE_NAME, table))
    variables = layers.read_environment(environment or os.environ, Settings, FILE_ONLY)
    read += [("environment", variables), ("the command line", dict(overrides or {}))]
    merged: dict[str, Any] = {}
    for origin, table in read:
        _convert(table, origin)
        layers.merge(merged, table)
    return _convert(merged, "the merged settings")


def check(text: str, path: Path) -> None:
    """Tell whether a file may hold this text.

    Raises:
        SettingsError: it is no TOML, or a key is unknown or a value out of range.
    """
    _convert(layers.parse(text, path), path)


def _convert(table: dict[str, Any], origin: str | Path) -> Settings:
    try:
        # Variables are text, so numbers and booleans may come as strings.
        return msgspec.convert(table, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"In {origin}: {_name_key(str(error))}.",
            hint="docs/SETTINGS.md lists every key with its range and default.",
            file=origin if isinstance(origin, Path) else None,
        ) from error


def _name_key(message: str) -> str:
    text, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", text)
    if unknown:
        return f"there is no setting `{'.'.join(filter(None, [key, unknown[1]]))}`"
    return f"`{key}`: {text[:1].lower()}{text[1:]}" if key else text
