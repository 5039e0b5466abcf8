"""Options of the rules: profiles, settings, overrides, mistakes."""

from typing import Any

import msgspec
import pytest

from nsllm.errors import SettingsError
from nsllm.governance.checks import BUILT_IN
from nsllm.governance.explain import explain
from nsllm.governance.pipeline import judge
from nsllm.governance.plugins import Plugins
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.testing import check, find, subject
from nsllm.settings import Governance
from nsllm.types import Severity, Verdict


def rulebook(**table: Any) -> Rulebook:
    return Rulebook(msgspec.convert(table, Governance), Plugins())


def options(book: Rulebook, rule: str, path: str | None = None) -> Any:
    return book.configured(path)[rule].options


def test_the_profiles_are_ordered_from_strict_to_permissive() -> None:
    limits = [
        options(rulebook(profile=profile), "grounding.claim").reject
        for profile in ("strict", "standard", "permissive")
    ]
    assert limits == sorted(limits, reverse=True)
    assert len(set(limits)) == 3


def test_every_rule_holds_in_every_profile_on_texts_that_break_careless_ones() -> None:
    for rule in BUILT_IN:
        check(rule)


def test_short_keys_are_options_of_their_rules() -> None:
    book = rulebook(max_words_warn=5, claim_grounding_reject=0.1, require_citations=False)
    assert options(book, "length.long").warn == 5
    assert options(book, "grounding.claim").reject == 0.1
    assert options(book, "citation.missing").enabled is False


def test_a_rule_may_be_written_as_one_key_or_as_nested_tables() -> None:
    flat = rulebook(rules={"length.long": {"warn": 7}})
    nested = rulebook(rules={"length": {"long": {"warn": 7}}})
    assert options(flat, "length.long") == options(nested, "length.long")
    assert options(flat, "length.long").warn == 7


def test_a_rules_own_table_wins_over_short_key_and_profile() -> None:
    book = rulebook(
        profile="strict", max_words_warn=5, rules={"length.long": {"warn": 9, "reject": 10}}
    )
    configured = book.configured()["length.long"]
    assert (configured.options.warn, configured.options.reject) == (9, 10)
    assert configured.origins["warn"] == "governance.rules.length.long.warn"


def test_overrides_hold_in_their_folders_and_the_later_one_wins() -> None:
    book = rulebook(
        overrides=[
            {"paths": ["drafts/**"], "profile": "permissive"},
            {"paths": ["drafts/final/**"], "rules": {"grounding.claim": {"reject": 0.2}}},
        ]
    )
    assert options(book, "grounding.claim", "docs/a.md") == options(book, "grounding.claim")
    permissive = options(rulebook(profile="permissive"), "grounding.claim")
    assert options(book, "grounding.claim", "drafts/a.md") == permissive
    assert options(book, "grounding.claim", "drafts/final/a.md").reject == 0.2
    assert book.profile_of("drafts/final/a.md") == "permissive"


def test_overrides_of_other_documents_need_not_go_together() -> None:
    book = rulebook(
        overrides=[
            {"paths": ["docs/**"], "rules": {"grounding.claim": {"warn": 0.9, "reject": 0.8}}},
            {"paths": ["notes/**"], "rules": {"grounding.claim": {"warn": 0.4}}},
            {"paths": ["docs/api/"], "rules": {"grounding.claim": {"reject": 0.85}}},
        ]
    )
    assert options(book, "grounding.claim", "notes/a.md").warn == 0.4
    assert options(book, "grounding.claim", "docs/api/a.md").reject == 0.85


@pytest.mark.parametrize("paths", ["docs/api/**", "docs/api", "/docs/*.md", "**"])
def test_overrides_of_one_document_that_contradict_each_other_are_refused(paths: str) -> None:
    table = {"grounding.claim": {"warn": 0.9, "reject": 0.8}}
    other = {"grounding.claim": {"warn": 0.4}}
    overrides = [{"paths": ["docs/**"], "rules": table}, {"paths": [paths], "rules": other}]
    with pytest.raises(SettingsError, match="must be at most"):
        rulebook(overrides=overrides)


def test_a_profile_that_the_settings_do_not_go_with_is_not_explained() -> None:
    """Strict rejects below 0.5, and these warn below 0.45 only."""
    book = rulebook(rules={"grounding.claim": {"warn": 0.45}})
    [finding] = judge(subject("Backups are kept for ninety days.", grounding=0.4), book).findings
    explanation = explain(finding, book)
    assert explanation is not None
    assert "strict" not in " ".join(explanation.changes)


def test_a_rule_with_paths_is_for_those_documents_alone() -> None:
    table = {"text.forbidden": {"patterns": ["TODO"], "paths": ["docs/**"]}}
    book = rulebook(rules=table)

    def rules_for(path: str | None) -> set[str]:
        return {configured.rule.id for configured in book.of(subject("TODO", path=path))}

    assert "text.forbidden" in rules_for("docs/a.md")
    assert "text.forbidden" not in rules_for("src/a.md")
    assert "text.forbidden" not in rules_for(None)


def test_answers_are_measured_for_length_and_documents_are_not_unless_told() -> None:
    long = "word " * 2000
    rule = next(rule for rule in BUILT_IN if rule.id == "length.long")
    assert find(rule, long)
    assert not find(rule, subject(long, path="a.md"))
    assert find(rule, subject(long, path="a.md"), options={"applies_to": ["document"]})


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"rules": {"grounding.clam": {"warn": 1}}}, "governance.rules.grounding.clam"),
        ({"rules": {"grounding": {"clam": {"warn": 1}}}}, "governance.rules.grounding.clam"),
        ({"rules": {"grounding.claim": {"warm": 1}}}, "governance.rules.grounding.claim.warm"),
        ({"rules": {"grounding.claim": {"warn": 2}}}, "governance.rules.grounding.claim.warn"),
        ({"rules": {"grounding.claim": {"warn": "x"}}}, "governance.rules.grounding.claim.warn"),
        ({"rules": {"grounding.claim": {"severity": "bad"}}}, "grounding.claim.severity"),
        ({"rules": {"length.long": {"warn": 900}}}, "governance.rules.length.long.warn"),
        ({"max_words_warn": 900}, "governance.max_words_warn"),
        ({"rules": {"text.forbidden": {"patterns": ["("]}}}, "text.forbidden.patterns"),
        ({"rules": {"json.schema": {"schema": {"type": 5}}}}, "json.schema.schema"),
        (
            {"overrides": [{"paths": ["a/**"], "rules": {"coherence": {"warn": -1}}}]},
            "governance.overrides[0].rules.coherence.warn",
        ),
    ],
)
def test_a_mistake_is_named_by_its_full_key(table: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rulebook(**table)
    assert named in caught.value.message
    assert "Traceback" not in str(caught.value)


def test_a_near_miss_is_guessed() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean `grounding\.claim`"):
        rulebook(rules={"grounding.clam": {"warn": 1}})


def test_no_small_change_of_a_threshold_turns_every_text_into_a_pass() -> None:
    """The verdict of a value never gets better when a threshold gets stricter."""
    text = subject("Backups are kept for ninety days.", grounding=0.45)
    verdicts = [
        judge(text, rulebook(rules={"grounding.claim": {"warn": 0.9, "reject": reject / 100}}))
        for reject in range(0, 91, 5)
    ]
    order = [tuple(Verdict).index(judgement.verdict) for judgement in verdicts]
    assert order == sorted(order)
    assert set(order) == {1, 2}


def test_an_explanation_names_the_threshold_its_origin_and_what_changes_it() -> None:
    book = rulebook(rules={"grounding.claim": {"warn": 0.8, "reject": 0.5}})
    [finding] = judge(subject("Backups are kept for ninety days.", grounding=0.4), book).findings
    explanation = explain(finding, book)
    assert explanation is not None
    assert "0.40 is below `reject`, 0.50" in explanation.decided
    assert "governance.rules.grounding.claim.reject" in explanation.decided
    changes = " ".join(explanation.changes)
    assert "from 0.50 would be a warning" in changes
    assert "from 0.80 would be no finding" in changes
    assert "nsllm-ignore grounding.claim" in changes


@pytest.mark.parametrize("profile", ["strict", "permissive"])
def test_what_an_explanation_says_of_another_profile_comes_true(profile: str) -> None:
    text = subject("Backups are kept for ninety days.", grounding=0.45)
    [finding] = judge(text, rulebook()).findings
    explanation = explain(finding, rulebook())
    assert explanation is not None
    severities = {f.severity for f in judge(text, rulebook(profile=profile)).findings}
    said = " ".join(explanation.changes)
    expected = {Severity.REJECT: "a rejection", Severity.WARN: "a warning"}
    wanted = [expected[severity] for severity in severities] or ["no finding"]
    if severities != {finding.severity}:
        assert f"In the profile {profile} it would be {wanted[0]}." in said
    else:
        assert f"In the profile {profile}" not in said


def test_severity_caps_what_thresholds_say() -> None:
    book = rulebook(rules={"grounding.claim": {"severity": "warn"}})
    judgement = judge(subject("Backups are kept for ninety days.", grounding=0.0), book)
    assert judgement.verdict is Verdict.WARN
    explanation = explain(judgement.findings[0], book)
    assert explanation is not None
    assert "allows warn at most" in explanation.decided


def test_a_folder_that_models_write_can_be_judged_as_generated_by_an_override() -> None:
    """What docs/CHECK.md says in place of `--generated`."""
    rules = {"grounding": {"unsourced": {"severity": "reject"}}}
    book = rulebook(overrides=[{"paths": ["docs/generated/**"], "rules": rules}])
    assert [
        options(book, "grounding.unsourced", path).severity
        for path in ("docs/generated/api.md", "docs/guide.md")
    ] == [Severity.REJECT, Severity.INFO]
