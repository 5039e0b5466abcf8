"""What texts from elsewhere are judged against; scripted models stand in for the real ones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from index.hashing import HashingEmbedder, make_chunker
from nsllm.app import Application
from nsllm.runtime import ModelRuntime
from nsllm.scoring.scorer import Classifiers
from nsllm.scoring.support import Reading
from nsllm.settings import Settings
from nsllm.types import Judgement

ABOUT = (
    "Raw readings of the northern relay station are written to the archive of the harrow "
    "cluster by the nightly worker, compressed with zstd, and kept there for {} days."
)


def read(pairs: Sequence[tuple[str, str]]) -> list[Reading]:
    """Support a claim whose words the text has."""
    return [
        Reading(logit=4.0 if set(claim.split()) <= set(text.split()) else -4.0, tokens=())
        for claim, text in pairs
    ]


@pytest.fixture
def application(
    isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    folder = tmp_path / "harrow"
    folder.mkdir()
    settings = Settings()
    models = ModelRuntime(settings)
    embedder = HashingEmbedder()
    answers = {
        "embedder": embedder,
        "chunker": make_chunker(),
        "classifiers": Classifiers(grounding=read),
        "remarks": [],
    }
    for name, answer in answers.items():
        monkeypatch.setattr(models, name, lambda answer=answer: answer)
    application = Application(folder, settings, models)
    yield application
    application.close()


def put(application: Application, **documents: str) -> None:
    for name, text in documents.items():
        (application.workspace / f"{name}.md").write_text(text, encoding="utf-8")


def of(judgement: Judgement, rule: str) -> list[str]:
    return [finding.message for finding in judgement.findings if finding.rule == rule]


@pytest.mark.parametrize(("draft", "other"), [("a", "b"), ("b", "a")])
async def test_a_near_copy_in_another_document_contradicts_a_changed_number(
    application: Application, draft: str, other: str
) -> None:
    """Whichever of the two was indexed first, and though they are as good as the same."""
    put(application, **{draft: ABOUT.format(60), other: ABOUT.format(30)})
    await application.index()
    judgement = await application.check(ABOUT.format(60), path=f"{draft}.md", generated=False)
    [message] = of(judgement, "grounding.claim")
    assert "the source says 30 days, the text says 60 days" in message


async def test_two_near_copies_are_both_compared(application: Application) -> None:
    put(application, a=ABOUT.format(30), b=ABOUT.format(60))
    await application.index()
    for days in (30, 60):
        judgement = await application.check(ABOUT.format(days), generated=False)
        assert judgement.scores.grounding == 1.0


async def test_a_file_does_not_support_itself_by_another_name(application: Application) -> None:
    put(application, CLAUDE=f"{ABOUT.format(60)} See `archive_days()`.", z="Boats cross rivers.")
    (application.workspace / "AGENTS.md").symlink_to("CLAUDE.md")
    await application.index()
    text = (application.workspace / "CLAUDE.md").read_text(encoding="utf-8")
    for name in ("CLAUDE.md", "AGENTS.md"):
        judgement = await application.check(text, path=name, generated=False)
        assert judgement.scores.grounding != 1.0
        assert of(judgement, "grounding.unknown-identifier") == [
            "The workspace has no identifier archive_days()."
        ]


async def test_a_claim_is_compared_with_what_it_finds_itself(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passages of all claims together would make a long text slow to check."""
    seen: list[tuple[str, str]] = []

    def watch(pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        seen.extend(pairs)
        return read(pairs)

    monkeypatch.setattr(application.models, "classifiers", lambda: Classifiers(grounding=watch))
    texts = {
        f"{subject} {number} is kept in the {place} vault for {number} years.": f"{place} vault"
        for number, (subject, place) in enumerate([("Barley", "red"), ("Rye", "blue")], start=3)
    }
    passages = {f"The {place} stands there. It is old.": place for place in texts.values()}

    def find(claim: str, _count: int, _is_own: object) -> list[object]:
        [text] = [text for text, place in passages.items() if place in claim]
        chunk = SimpleNamespace(path=text[:12], start=0, text=text, heading="", start_line=1)
        return [SimpleNamespace(chunk=chunk)]

    monkeypatch.setattr(application, "_retriever", lambda: SimpleNamespace(find_others=find))
    monkeypatch.setattr("nsllm.app.KnownNames", lambda _: SimpleNamespace(unknown=lambda *_: ()))
    put(application, a="Nothing.")
    await application.check(" ".join(texts))
    assert {claim for claim, _ in seen} == set(texts)
    for claim, window in seen:
        assert {place for place in passages.values() if place in window} <= {texts[claim]}


async def test_what_a_document_lacks_is_noted_and_not_rejected(application: Application) -> None:
    """As `nsllm check` does; of an answer the same is a rejection."""
    passages = ["Boats cross the river at noon. They are slow."]
    document = await application.score(ABOUT.format(30), passages, path="docs/a.md")
    answer = await application.score(ABOUT.format(30), passages)
    assert len(of(document, "grounding.unsourced")) == 1
    assert of(document, "grounding.claim") == []
    assert of(answer, "grounding.unsourced") == []
    assert of(answer, "grounding.claim")


async def test_a_claim_without_a_marker_is_found_where_passages_are_numbered(
    application: Application,
) -> None:
    passages = ["Boats cross the river at noon. They are slow."]
    text = "Boats cross the river at noon."
    missing = "citation.missing"
    assert of(await application.score(text, passages), missing) == []
    assert len(of(await application.score(text, passages, numbered=True), missing)) == 1
    assert of(await application.score(text, passages, path="a.md", numbered=True), missing) == []
    assert of(await application.score(f"{text} [1]", passages, numbered=True), missing) == []
    some = await application.score(f"They are slow [1]. {text}", passages)
    assert len(of(some, missing)) == 1


async def test_names_are_looked_up_in_the_passages(application: Application) -> None:
    rule = "grounding.unknown-identifier"
    text = "Set `cache_size` and pass `--wet`."
    passages = ["The option cache_size is read first.", "Pass --dry to try."]
    judgement = await application.score(text, passages)
    assert of(judgement, rule) == ["The passages have no flag --wet."]
    assert of(await application.score(text, []), rule) == []
