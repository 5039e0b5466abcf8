"""`nsllm rules`: what holds, where it was set, and whether the examples agree."""

import json
from pathlib import Path

import pytest

from nsllm.cli.main import run

SETTINGS = """
[governance]
max_words_warn = 50

[governance.rules.text.forbidden]
patterns = ["TODO"]
paths = ["docs/**"]

[[governance.overrides]]
paths = ["docs/drafts/**"]
rules = { "text.forbidden" = { severity = "reject" } }

[[governance.examples]]
rule = "text.forbidden"
text = "A TODO."
path = "docs/a.md"
expect = "warn"

[[governance.examples]]
rule = "text.forbidden"
text = "A TODO."
path = "docs/drafts/a.md"
expect = "reject"

[[governance.examples]]
rule = "text.forbidden"
text = "A TODO in an answer."
expect = "pass"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "nsllm.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


def test_examples_beside_the_rules_are_run_without_models(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rules", "test"]) == 0
    said = capsys.readouterr()
    assert said.out.count("ok") == 3
    assert "3 examples, 0 failed" in said.err


MEASURED = """
[[examples]]
rule = "citation.missing"
text = "Backups are kept for 30 days."
passages = ["Backups are kept for 30 days."]
expect = "warn"

[[examples]]
rule = "grounding.unsourced"
text = "The northern relay was painted green last summer."
passages = ["Backups are kept for 30 days."]
path = "docs/a.md"
expect = "info"

[[examples]]
rule = "grounding.unknown-identifier"
text = "Set `keep_days` to keep backups."
passages = ["Backups are kept for 30 days."]
expect = "warn"
"""


@pytest.mark.models
@pytest.mark.timeout(300)
def test_rules_on_citations_sources_and_names_can_be_tested(
    place: Path, with_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "more.toml").write_text(MEASURED, encoding="utf-8")
    assert run(["rules", "test", "more.toml"]) == 0, capsys.readouterr().out


def test_a_failed_example_is_shown_with_what_was_found(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = '[[examples]]\nrule = "length.long"\ntext = "Short."\nexpect = "warn"\n'
    (place / "more.toml").write_text(more, encoding="utf-8")
    assert run(["rules", "test", "more.toml"]) == 1
    said = capsys.readouterr()
    assert "FAIL  length.long" in said.out
    assert "expected warn, got pass" in said.out
    assert run(["rules", "test", "more.toml", "--json"]) == 1
    outcomes = json.loads(capsys.readouterr().out)["outcomes"]
    assert [outcome["passed"] for outcome in outcomes] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[examples]]\nrule = "no.such"\ntext = "a"\nexpect = "warn"\n', "no.such"),
        ('[[examples]]\nrule = "secret"\ntext = "a"\nexpect = "bad"\n', "expect"),
        ("[[examples]\n", "cannot be read"),
    ],
)
def test_mistakes_in_examples_are_named(
    place: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (place / "more.toml").write_text(text, encoding="utf-8")
    assert run(["rules", "test", "more.toml"]) == 2
    assert words in capsys.readouterr().err


def test_no_example_is_a_mistake_not_a_success(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "nsllm.toml").unlink()
    assert run(["rules", "test"]) == 2
    assert "There is no example to run." in capsys.readouterr().err


def test_show_names_the_place_where_each_option_was_set(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rules", "show", "text.forbidden", "--path", "docs/drafts/a.md", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["options"]["severity"] == "reject"
    assert record["origins"]["severity"] == (
        "governance.overrides[0].rules.text.forbidden.severity"
    )
    assert run(["rules", "show", "length.long"]) == 0
    assert "warn = 50  (governance.max_words_warn)" in capsys.readouterr().out
    assert run(["rules", "show", "no.such"]) == 2


def test_list_names_every_rule(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list"]) == 0
    said = capsys.readouterr().out
    assert "length.long" in said
    assert "warn > 50" in said
