"""The rules that need no model, one text at a time."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nsllm.errors import SettingsError
from nsllm.governance.checks import BUILT_IN
from nsllm.governance.checks.structure import locate
from nsllm.governance.testing import find, subject
from nsllm.types import Severity

RULES = {rule.id: rule for rule in BUILT_IN}


def found(
    rule: str,
    text: str,
    options: Mapping[str, Any] | None = None,
    *,
    passages: Sequence[str] = (),
) -> list[str]:
    """Return the words of each finding."""
    looked_at = subject(text, passages=passages)
    return [text[f.start : f.end] for f in find(RULES[rule], looked_at, options=options)]


@pytest.mark.parametrize(
    ("rule", "text", "words"),
    [
        ("secret", "The key is AKIAIOSFODNN7QWERTZU.", ["AKIAIOSFODNN7QWERTZU"]),
        ("secret", "The key is AKIAIOSFODNN7EXAMPLE.", []),
        ("secret", 'Set `password = "changeme1"` and `api_key: YOUR_KEY_123`.', []),
        ("secret", "It prints eyJhbGciOiJIUzI1NiJ9.eyJzb21lIjoicGF5bG9hZCJ9.c2lnbmF0dXJl.", []),
        (
            "secret",
            "It prints eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyIsImlhdCI6MX0.c2lnbmF0dXJl.",
            ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyIsImlhdCI6MX0.c2lnbmF0dXJl"],
        ),
        ("secret", "![](https://example.org/grove/badge.svg?style=flat&token=4ZFc9dwKqY)", []),
        ("secret", "See https://example.org/grove?token=4ZFc9dwKqY.", ["4ZFc9dwKqY."]),
        ("secret", "Choose a token and keep your password to yourself.", []),
        ("personal.email", "Ask anna.maier@firma.de or bob@example.com.", ["anna.maier@firma.de"]),
        ("personal.email", "Clone git@github.com:a/b.git, see logo@2x.png and user@host.", []),
        ("personal.phone", "Call +49 30 901820 now.", ["+49 30 901820"]),
        ("personal.phone", "Version +1.2.3, C++17, 2024-05-06, +100 lines.", []),
        (
            "personal.iban",
            "Pay DE89 3704 0044 0532 0130 00 today.",
            ["DE89 3704 0044 0532 0130 00"],
        ),
        ("personal.iban", "Pay DE88 3704 0044 0532 0130 00 today.", []),
        (
            "personal.iban",
            "IBAN AT61 1904 3002 3457 3201 BIC OPSKATWW, DE89 3704 0044 0532 0130 00.",
            ["AT61 1904 3002 3457 3201", "DE89 3704 0044 0532 0130 00"],
        ),
        (
            "personal.iban",
            "AT61 1904 3002 3457 3201 DE89 3704 0044 0532 0130 00 PAID NOW",
            ["AT61 1904 3002 3457 3201", "DE89 3704 0044 0532 0130 00"],
        ),
        ("personal.card", "Card 4111 1111 1111 1111 is used.", ["4111 1111 1111 1111"]),
        (
            "personal.card",
            "Or 3782 822463 10005, 378282246310005.",
            ["3782 822463 10005", "378282246310005"],
        ),
        ("personal.card", "Or 2223 0031 2200 3222.", ["2223 0031 2200 3222"]),
        ("personal.card", "Not 2220 0000 0000 0003 or 3782 822463 10006.", []),
        ("personal.card", "Build 4111 1111 1111 1112, id 0000000000000000.", []),
    ],
)
def test_secrets_and_personal_data(rule: str, text: str, words: list[str]) -> None:
    assert found(rule, text) == words


def test_a_long_copy_is_found_whole_and_a_short_one_is_not() -> None:
    source = " ".join(f"word{number}" for number in range(100))
    text = f"As they say: {source} And so on."
    limits = {"warn": 20, "reject": 90, "enabled": True}
    [copy] = found("verbatim", text, limits, passages=[source.upper()])
    assert copy.startswith("word0 ")
    assert copy.endswith(" word99")
    assert found("verbatim", " ".join(source.split()[:20]), limits, passages=[source]) == []
    [finding] = find(RULES["verbatim"], subject(text, passages=[source]), options=limits)
    assert (finding.severity, finding.value) == (Severity.REJECT, 100)


@pytest.mark.parametrize(
    ("before", "between", "after", "is_quotation"),
    [
        ("They say: “", " ", "” [1]", True),
        ("They say: „", " ", "“ [1]", True),
        ('They say ("', "\n", '").', True),
        ("They say:\r\n\r\n> ", "\r\n> ", "\r\n", True),
        ("> ", "\n\n> ", "", True),
        ("They say: ", " ", "", False),
        ('A 5" disk: ', " ", ' and a 3" disk', False),
        ("> Not this.\n\n", " ", "\n\n> Nor this.", False),
        ('"One ', ".\n\n", '."', False),
    ],
)
def test_a_marked_quotation_is_no_copy(
    before: str, between: str, after: str, is_quotation: bool
) -> None:
    half, other = (" ".join(f"{word}{n}" for n in range(30)) for word in ("first", "second"))
    text = f"{before}{half}{between}{other}{after}"
    limits = {"warn": 20, "reject": 90, "enabled": True}
    copies = found("verbatim", text, limits, passages=[f"{half} {other}"])
    assert copies == ([] if is_quotation else [f"{half}{between}{other}"])


def test_a_pattern_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(SettingsError, match="nested too deeply"):
        found("text.forbidden", "a", {"patterns": ["(" * 50_000 + ")" * 50_000]})


def test_forbidden_and_required_patterns() -> None:
    table = {"pattern": "world-class", "message": "No marketing.", "ignore_case": True}
    options = {"patterns": [r"\bTODO\b", table]}
    text = "A World-Class tool. TODO: more. TODOS stay."
    assert found("text.forbidden", text, options) == ["TODO", "World-Class"]
    assert found("text.required", "Nothing.", {"patterns": ["^Licence:"]}) == [""]
    assert found("text.required", "x\nLicence: MIT", {"patterns": ["^Licence:"]}) == []


def test_a_pattern_without_end_is_given_up_and_named() -> None:
    """Patterns come from workspaces that others wrote."""
    options = {"patterns": ["(?:a|aa)+[^a!]"]}
    for rule in ("text.forbidden", "text.required"):
        [finding] = find(RULES[rule], "a" * 60 + "!", options=options)
        assert "given up" in finding.message


SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "ports": {"type": "array", "items": {"type": "integer"}},
    },
}


@pytest.mark.parametrize("schema", [SCHEMA, json.dumps(SCHEMA)])
def test_json_misfits_are_found_on_their_values(schema: object) -> None:
    options = {"schema": schema}
    assert found("json.schema", '{"name": "ok", "ports": [1]}', options) == []
    assert found("json.schema", '{"name": "ok", "ports": [1, "a"]}', options) == ['"a"']
    fenced = '```json\n{"name": "NO"}\n```'
    assert found("json.schema", fenced, options) == ['"NO"']
    assert found("json.schema", fenced.replace("\n", "\r\n"), options) == ['"NO"']
    assert found("json.schema", "{}", options) == ["{}"]
    assert found("json.schema", "{'name': 1}", options) == ["'"]
    assert found("json.schema", "no schema, no rule") == []


def test_a_schema_reaches_no_network() -> None:
    options = {"schema": {"$ref": "https://schemas.example.org/nothing.json"}}
    [finding] = find(RULES["json.schema"], "{}", options=options)
    assert "outside it" in finding.message


@pytest.mark.parametrize(
    ("text", "schema", "reason"),
    [
        ("[" * 50_000, {"type": "object"}, "nested too deeply"),
        ("9" * 5000, {"type": "object"}, "too long a number"),
        ("[" * 900 + "]" * 900, {"items": {"$ref": "#"}}, "nested too deeply"),
        ("1e400", {"multipleOf": 0.5}, "out of range"),
    ],
    ids=["deep", "long number", "deep for the schema", "infinite"],
)
def test_json_that_cannot_be_read_is_a_finding(
    text: str, schema: dict[str, Any], reason: str
) -> None:
    fenced = f"```json\n{text}\n```"
    [finding] = find(RULES["json.schema"], subject(fenced), options={"schema": schema})
    assert reason in finding.message
    assert fenced[finding.start : finding.end] == text


def test_a_schema_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SettingsError, match="nested too deeply"):
        found("json.schema", "{}", {"schema": "[" * 50_000})


def test_half_a_character_in_a_name_is_spelt_out() -> None:
    options = {"schema": {"additionalProperties": {"type": "string"}}}
    [finding] = find(RULES["json.schema"], subject(r'{"\ud800": 1}'), options=options)
    assert r"\ud800" in finding.message
    finding.message.encode()


def test_values_are_located_by_their_path() -> None:
    text = ' {"a": [1, {"b": "x, }]"}], "c": {"a": 2}} '
    value = json.loads(text)
    for path in ([], ["a"], ["a", 0], ["a", 1], ["a", 1, "b"], ["c"], ["c", "a"]):
        expected = value
        for step in path:
            expected = expected[step]
        start, end = locate(text, path)
        assert json.loads(text[start:end]) == expected


def test_sentences_in_other_languages_are_found() -> None:
    text = (
        "Backups are kept for ninety days in the vault of the second site.\n\n"
        "Die Sicherungen werden neunzig Tage lang im Tresor des zweiten Standorts aufbewahrt.\n\n"
        "Run `nsllm check docs --format sarif` now.\n"
    )
    [german] = found("language", text, {"languages": ["en"]})
    assert german.startswith("Die Sicherungen")
    assert found("language", text, {"languages": ["en", "de"]}) == []
    assert found("language", text) == []
