"""Rules, findings and verdicts."""

import pytest

from nsllm.governance.pipeline import judge
from nsllm.governance.plugins import Plugins
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.scoring.claims import claims
from nsllm.scoring.differences import Mention
from nsllm.scoring.identifiers import code_names
from nsllm.scoring.scorer import Measurement
from nsllm.settings import Governance
from nsllm.types import (
    AnswerMode,
    Claim,
    ClaimGrounding,
    Evidence,
    Judgement,
    ProblemKind,
    Scores,
    Severity,
    Verdict,
)

NEAREST = Evidence(marker=1, text="Backups are kept.")


def judged(
    text: str,
    *,
    grounding: float = 1.0,
    coherence: float = 1.0,
    passages: int = 2,
    mode: AnswerMode | None = "generate",
    limits: Governance = Governance(),  # noqa: B008 - frozen
) -> Judgement:
    grounded = tuple(
        ClaimGrounding(claim=claim, score=grounding, evidence=NEAREST) for claim in claims(text)
    )
    measurement = Measurement(scores=Scores(coherence=coherence), claims=grounded)
    subject = Subject(text=text, measurement=measurement, passages=passages, mode=mode)
    return judge(subject, Rulebook(limits, Plugins()))


def judged_document(
    text: str, *claims: ClaimGrounding, generated: bool, names: tuple[Mention, ...] = ()
) -> Judgement:
    """Judge a document by the standard rules."""
    subject = Subject(
        text=text,
        measurement=Measurement(scores=Scores(), claims=claims),
        passages=None,
        target="document",
        generated=generated,
        unknown_names=names,
    )
    return judge(subject, Rulebook(Governance(), Plugins()))


def rules(judgement: Judgement) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in judgement.findings]


def test_supported_and_cited_text_passes() -> None:
    judgement = judged("Backups are kept for ninety days. [1]")
    assert judgement.verdict is Verdict.PASS
    assert judgement.findings == ()


@pytest.mark.parametrize(
    ("grounding", "severity", "verdict"),
    [(0.4, Severity.WARN, Verdict.WARN), (0.1, Severity.REJECT, Verdict.REJECT)],
)
def test_unsupported_claims_are_found_on_their_words(
    grounding: float, severity: Severity, verdict: Verdict
) -> None:
    text = "# Title\n\nBackups are kept for ninety days. [1]"
    judgement = judged(text, grounding=grounding)
    [finding] = judgement.findings
    assert text[finding.start : finding.end] == "Backups are kept for ninety days. [1]"
    assert (finding.rule, finding.severity) == ("grounding.claim", severity)
    assert judgement.verdict is verdict


def test_a_marker_without_passage_rejects_on_the_marker() -> None:
    text = "Backups are kept for ninety days. [7]"
    judgement = judged(text)
    [finding] = judgement.findings
    assert (finding.rule, text[finding.start : finding.end]) == ("citation.unknown", "[7]")
    assert judgement.verdict is Verdict.REJECT


def test_a_generated_claim_needs_a_citation_but_text_from_elsewhere_does_not() -> None:
    text = "Backups are kept for ninety days."
    assert rules(judged(text)) == [("citation.missing", Severity.WARN)]
    assert rules(judged(text, mode=None)) == []
    [finding] = judged(text).findings
    assert finding.evidence == NEAREST


def test_long_texts_are_found_on_the_words_beyond_the_limit() -> None:
    text = "Backups are kept here. [1] one two three"
    judgement = judged(text, limits=Governance(max_words_warn=6, max_words_reject=20))
    finding = next(f for f in judgement.findings if f.rule == "length.long")
    assert text[finding.start : finding.end] == "two three"
    assert finding.severity is Severity.WARN


def test_incoherent_text_is_rejected() -> None:
    judgement = judged("Backups are kept. [1]", coherence=0.01)
    assert rules(judgement) == [("coherence", Severity.REJECT)]


def test_a_citation_of_the_wrong_source_is_found_where_another_one_supports_the_claim() -> None:
    text = "Backups are kept for ninety days. [2]"
    [claim] = claims(text)

    def found(
        score: float, cited: float | None, passages: int | None = 2
    ) -> list[tuple[str, Severity]]:
        grounded = ClaimGrounding(
            claim=claim, score=score, evidence=Evidence(marker=1, text=text), cited=cited
        )
        measurement = Measurement(scores=Scores(), claims=(grounded,))
        subject = Subject(text=text, measurement=measurement, passages=passages, mode="generate")
        return rules(judge(subject, Rulebook(Governance(), Plugins())))

    assert found(0.9, 0.1) == [("citation.unsupported", Severity.WARN)]
    assert found(0.9, 0.9) == found(0.9, 0.7) == found(0.9, None) == []
    # The markers of a document are not those of the passages that it is compared with.
    assert found(0.9, 0.1, passages=None) == []
    # What no source supports is one finding, not two.
    assert found(0.4, 0.1) == [("grounding.claim", Severity.WARN)]


@pytest.mark.parametrize(
    ("source", "kind", "rule"),
    [
        ("# Backups are kept for sixty days.", "number", "grounding.claim"),
        ("keep(days=90, backups=7)", "number", "grounding.unsourced"),
        ("# Backups are kept for ninety long days.", "negation", "grounding.unsourced"),
    ],
)
def test_code_tells_against_what_people_write_by_an_amount_alone(
    source: str, kind: ProblemKind | None, rule: str
) -> None:
    text = "Backups are kept for ninety days."
    [claim] = claims(text)
    grounded = ClaimGrounding(
        claim=claim,
        score=0.1,
        evidence=Evidence(marker=1, text=source, path="server/keep.py"),
        kind=kind,
        contradicted=kind is not None,
    )
    [finding] = judged_document(text, grounded, generated=False).findings
    assert finding.rule == rule


@pytest.mark.parametrize(
    ("name", "generated", "count"),
    [
        ("tox", False, 0),
        ("PATH", False, 0),
        ("tox", True, 1),
        ("my_stop()", False, 0),
        ("my_stop()", True, 1),
        ("max_retries", False, 1),
    ],
)
def test_programs_and_examples_that_people_name_are_no_inventions(
    name: str, generated: bool, count: int
) -> None:
    text = f"Run `{name}` first."
    names = tuple(code_names(text))
    assert len(judged_document(text, generated=generated, names=names).findings) == count


@pytest.mark.parametrize(("generated", "count"), [(False, 0), (True, 1)])
def test_a_file_that_people_show_is_no_invention(generated: bool, count: int) -> None:
    text = "Create `main.py`:\n\n```python\nx = 1\n```\n"
    names = tuple(code_names(text))
    assert len(judged_document(text, generated=generated, names=names).findings) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("See #525 for details.", 0), ("See page 525 for details.", 1)],
)
def test_where_people_point_to_contradicts_nothing(text: str, count: int) -> None:
    [claim] = claims(text)
    grounded = ClaimGrounding(
        claim=claim,
        score=0.1,
        evidence=Evidence(marker=1, text=text.replace("525", "296")),
        kind="number",
        contradicted=True,
    )
    findings = judged_document(text, grounded, generated=False).findings
    assert [f.rule for f in findings].count("grounding.claim") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Chunked HTTP requests", 0),
        ("Backups, in three steps of your own choice and time:", 0),
        ("Backups kept: 90 days", 1),
        ("Backups are kept for long.", 1),
    ],
)
def test_labels_and_announcements_of_people_claim_nothing(text: str, count: int) -> None:
    claim = Claim(start=0, end=len(text), text=text)
    evidence = Evidence(marker=1, text=text)
    for kind in (None, "number"):
        for source in (evidence, None):
            grounded = ClaimGrounding(claim=claim, score=0.1, evidence=source, kind=kind)
            assert len(judged_document(text, grounded, generated=False).findings) == count


@pytest.mark.parametrize(
    ("source", "kind", "contradicted", "rule"),
    [
        ("Backups are kept for sixty days.", "number", True, "grounding.claim"),
        ("Backups are kept on 3 disks.", "number", True, "grounding.claim"),
        ("Backups are kept on disks.", "number", False, "grounding.unsourced"),
        ("The archive is on tape.", None, False, "grounding.unsourced"),
        ("The archive is kept on tape.", "number", True, "grounding.unsourced"),
        ("Backups are kept by Anna.", "name", True, "grounding.unsourced"),
        ("Backups are kept by `prune_days`.", "identifier", True, "grounding.unsourced"),
        ("Backups are not kept for ninety days.", "negation", True, "grounding.claim"),
        ("Backups are not kept.", "negation", True, "grounding.unsourced"),
        ("Backups are kept for days and days.", None, False, "grounding.unsourced"),
        ("Ninety days backups are kept, and kept again.", None, False, "grounding.claim"),
    ],
)
def test_of_what_people_write_only_what_a_source_is_about_can_contradict_it(
    source: str, kind: ProblemKind | None, contradicted: bool, rule: str
) -> None:
    text = "Backups are kept for ninety days."
    [claim] = claims(text)
    words = ((0, 7), (21, 32))
    grounded = ClaimGrounding(
        claim=claim,
        score=0.1,
        evidence=Evidence(marker=1, text=source),
        kind=kind,
        contradicted=contradicted,
        unsupported=words,
    )
    [finding] = judged_document(text, grounded, generated=False).findings
    assert finding.rule == rule
    assert (finding.severity is Severity.REJECT) == (rule == "grounding.claim")
    # Of generated text every claim has to have its source, and each unsupported word is shown.
    spans = [
        (f.rule, f.start, f.end) for f in judged_document(text, grounded, generated=True).findings
    ]
    assert spans == [("grounding.claim", start, end) for start, end in words]
