"""Answers that are repeated: with the real models, and only where nothing has changed."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from lsp.conftest import write_workspace
from nsllm import home
from nsllm.app import Application
from nsllm.errors import RateLimitedError
from nsllm.governance.audit import AuditLog
from nsllm.runtime import COHERENCE, ModelRuntime
from nsllm.settings import Models, Settings
from nsllm.types import Answer, AnswerEvent, Delta, Question, Retrieved, Turn, Withdrawn

pytestmark = pytest.mark.models

QUESTION = Question(text="How long are readings kept?")
Open = Callable[..., Application]


@pytest.fixture
def folder(models_home: Path, isolated_home: Path, tmp_path: Path) -> Path:
    isolated_home.mkdir(parents=True, exist_ok=True)
    (isolated_home / "models").mkdir()
    for model in (models_home / "models").iterdir():
        (isolated_home / "models" / model.name).symlink_to(model)
    return write_workspace(tmp_path / "harrow")


@pytest_asyncio.fixture
async def start(folder: Path) -> AsyncIterator[Open]:
    """Open the workspace under given settings, as another process would."""
    opened: list[Application] = []

    def begin(**tables: Any) -> Application:
        settings = msgspec.convert({"models": {"threads": 1}, **tables}, Settings)
        opened.append(Application(folder, settings, ModelRuntime(settings)))
        return opened[-1]

    yield begin
    for one in opened:
        await one.aclose()


async def ask(app: Application, question: Question = QUESTION) -> tuple[Answer, list[AnswerEvent]]:
    events: list[AnswerEvent] = []
    return await app.ask(question, events.append, client="test"), events


def shown(events: list[AnswerEvent]) -> str:
    """Return the text that a reader sees at last."""
    text = ""
    for event in events:
        if isinstance(event, Delta):
            text += event.text
        elif isinstance(event, Withdrawn):
            text = ""
    return text


def same(one: Answer, other: Answer) -> bool:
    """Compare all but what is new each time."""
    blank = {"id": "", "timings_ms": {}, "cached": False}
    return msgspec.structs.replace(one, **blank) == msgspec.structs.replace(other, **blank)


async def test_an_answer_is_repeated_by_another_process(start: Open) -> None:
    first = start()
    await first.index()
    made, events = await ask(first)
    assert not made.cached
    assert "30 days" in made.text
    repeated, again = await ask(start())
    assert repeated.cached
    assert same(repeated, made)
    assert repeated.id != made.id
    assert again == events
    assert isinstance(events[0], Retrieved)
    assert set(repeated.timings_ms) == {"retrieval", "total"}
    records = list(AuditLog(home.audit_path()).records())
    assert [(r.id, r.cached_from, r.client) for r in records] == [
        (made.id, "", "test"),
        (repeated.id, made.id, "test"),
    ]
    for name in ("text", "verdict", "findings", "scores", "evidence", "settings_sha256"):
        assert getattr(records[0], name) == getattr(records[1], name)


@pytest.mark.parametrize("stream", ["live", "strict"])
async def test_a_written_answer_is_shown_as_it_was(start: Open, stream: str) -> None:
    """What was rejected and withdrawn on the way is not shown again; no token is counted."""
    app = start(governance={"stream": stream}, generation={"max_tokens": 24})
    await app.index()
    question = msgspec.structs.replace(QUESTION, mode="generate")
    made, events = await ask(app, question)
    repeated, again = await ask(app, question)
    assert (made.cached, repeated.cached) == (False, True)
    assert same(repeated, made)
    assert again[0] == events[0]
    assert shown(again) == shown(events)
    assert all(isinstance(event, Delta) and not event.tokens for event in again[1:])
    records = list(AuditLog(home.audit_path()).records())
    assert records[1].tokens == 0


async def test_what_decides_an_answer_makes_another(start: Open, folder: Path) -> None:
    app = start()
    await app.index()
    await ask(app)
    for other in (
        msgspec.structs.replace(QUESTION, top_k=3),
        msgspec.structs.replace(QUESTION, text="How long are readings kept"),
        msgspec.structs.replace(QUESTION, history=(Turn(question="Hello?", answer="Hello."),)),
    ):
        answer, _ = await ask(app, other)
        assert not answer.cached, other
    for tables in ({"governance": {"max_words_warn": 3}}, {"extraction": {"max_sentences": 1}}):
        changed, _ = await ask(start(**tables))
        assert not changed.cached
    assert (await ask(app))[0].cached
    (folder / "docs" / "storage.md").write_text("# Storage\n\nReadings are kept for 90 days.\n")
    await app.index()
    answer, _ = await ask(app)
    assert not answer.cached
    assert "90 days" in answer.text


@pytest.mark.parametrize(
    ("model", "score"),
    [
        (Models().grounding, "grounding"),
        (Models().toxicity, "toxicity"),
        (COHERENCE, "coherence"),
    ],
)
async def test_without_a_model_another_judgement_is_made(
    start: Open, model: str, score: str
) -> None:
    app = start()
    await app.index()
    await ask(app)
    (home.models_folder() / model).unlink()
    answer, _ = await ask(start())
    assert not answer.cached
    [finding] = answer.judgement.findings
    assert finding.rule == "model.missing"
    assert f"The {score} of the text was not measured" in finding.message
    assert f"nsllm models pull {model}" in finding.message
    assert getattr(answer.judgement.scores, score) is None


async def test_names_that_came_or_went_are_judged_anew(start: Open, folder: Path) -> None:
    """A judgement looks beyond the passages for code names, so they are part of what decides."""
    guide = folder / "docs" / "pairing.md"
    guide.write_text("# Pairing\n\nTo pair a relay, call `pair_relay()` in `relay/pairing.py`.\n")
    app = start()
    await app.index()
    question = Question(text="How do I pair a relay?", top_k=1)
    made, _ = await ask(app, question)
    assert "relay/pairing.py" in made.text
    assert (await ask(app, question))[0].cached
    names = [f for f in made.judgement.findings if f.rule == "grounding.unknown-identifier"]
    # What a quotation names is known by the very passage that it quotes.
    assert names == []
    kept = app._open_index()
    from nsllm.names import KnownNames, NameFound

    gone = NameFound(key="tools/gone.py", is_identifier=False, known=False)
    assert KnownNames(kept).still([gone])
    (folder / "tools").mkdir()
    (folder / "tools" / "gone.py").write_text("x = 1\n")
    assert not KnownNames(kept).still([gone])


async def test_nothing_unsaved_is_kept(start: Open, folder: Path) -> None:
    app = start()
    await app.index()
    text = "# Storage\n\nReadings are kept for 77 days.\n"
    await app.update_buffer("docs/storage.md", text)
    for _ in range(2):
        answer, _ = await ask(app)
        assert not answer.cached
        assert "77 days" in answer.text
    status = app.cache.status()
    assert status.entries == {"answer": 0, "embedding": 0}
    await app.update_buffer("docs/storage.md", (folder / "docs/storage.md").read_text())
    await ask(app)
    assert app.cache.status().entries["answer"] == 1


async def test_a_repeated_answer_counts_as_a_question(start: Open) -> None:
    app = start(limits={"requests_per_minute": 2})
    await app.index()
    await ask(app)
    assert (await ask(app))[0].cached
    with pytest.raises(RateLimitedError):
        await ask(app)


async def test_a_damaged_cache_costs_no_answer(
    start: Open, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = start()
    await app.index()
    made, _ = await ask(app)
    app.cache.close()
    path = home.cache_path(folder)
    path.write_bytes(b"damaged" + path.read_bytes()[7:])
    answer, _ = await ask(app)
    assert not answer.cached
    assert same(answer, made)
    assert "a new one begins" in caplog.text
    assert (await ask(app))[0].cached


async def test_it_can_be_turned_off(start: Open, folder: Path) -> None:
    app = start(cache={"size_bytes": 0})
    await app.index()
    for _ in range(2):
        assert not (await ask(app))[0].cached
    assert not home.cache_path(folder).exists()


async def test_sentences_are_embedded_once(start: Open) -> None:
    app = start()
    await app.index()
    await ask(app)
    embedder = app.models.embedder()
    seen: list[str] = []
    real = embedder.embed
    embedder.embed = lambda texts: seen.extend(texts) or real(texts)  # type: ignore[method-assign]
    await ask(app, Question(text="For how many days does Harrow keep readings?"))
    passages = "Readings are kept for 30 days. Older readings move to the archive at night."
    assert seen
    assert not [text for text in seen if text in passages]
    vectors = await app.embed(["A relay.", "A light.", "A relay."])
    assert (vectors == real(["A relay.", "A light.", "A relay."])).all()
