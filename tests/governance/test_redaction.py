"""Secrets are replaced by their kind; what only looks like one stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsllm.governance.redaction import redact

SECRETS = [
    ("aws-key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("github-token", "github_pat_" + "A1b2" * 12),
    ("gitlab-token", "glpat-" + "x7Yz" * 6),
    ("slack-token", "xoxb-" + "1234567890-abcdef"),
    ("stripe-key", "sk_live_" + "a1B2c3D4" * 3),
    ("google-key", "AIza" + "Sy0" * 11 + "ab"),
    ("model-key", "sk-proj-" + "a1B2c3D4" * 4),
    ("npm-token", "npm_" + "a1B2" * 9),
    ("web-token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
    ("private-key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"),
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS, ids=[kind for kind, _ in SECRETS])
def test_a_secret_of_a_known_form_goes(kind: str, secret: str) -> None:
    redacted = redact(f"Before {secret} after.")
    assert redacted.text == f"Before [redacted {kind}] after."
    assert redacted.kinds == (kind,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://app:hunter2@db/x", "postgres://app:[redacted password]@db/x"),
        ('password = "correct horse"', 'password = "[redacted password]"'),
        ("DB_PASSWORD=s3cr3t-value", "DB_PASSWORD=[redacted password]"),
        ("api_key: 9f8e7d6c5b4a", "api_key: [redacted password]"),
        (
            "Authorization: Bearer " + "abcDEF123456" * 2,
            "Authorization: Bearer [redacted bearer-token]",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted private-key]"),
    ],
)
def test_only_the_secret_itself_is_replaced(text: str, expected: str) -> None:
    assert redact(text).text == expected


def test_what_was_replaced_is_known_where_nothing_tells_that_it_is_a_secret() -> None:
    known = redact("Log in with password: sw0rd_fish-9x_y! or postgres://app:abc@db.").secrets
    said = "The workspace has no identifier {}, no {}, abc and no other fish."
    assert redact(said.format("sw0rd_fish-9x_y!", "sw0rd_fish"), known).text == said.format(
        "[redacted password]!", "[redacted password]"
    )


def test_of_a_known_secret_no_end_is_left() -> None:
    known = redact("password: xyz-ghp_1").secrets
    assert redact("ghp_" + "a1B2" * 9 + "xyz-ghp_1", known).text == "[redacted github-token]"


@pytest.mark.parametrize(
    "text",
    [
        "The token: a word that the tokenizer makes.",
        "Set `password` in the file; the password is asked for at the start.",
        "Each secret is kept for 30 days.",
        "Run `harrow --token TOKEN` or see https://example.org:8080/a@b.",
        "task-runner, risk-averse, sk-ip",
        "max_tokens = 256 and tokens: many",
        "SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_prose_about_secrets_stays(text: str) -> None:
    assert redact(text).text == text


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["word ", "né€ ", "\n", *(s + " " for _, s in SECRETS)]), max_size=8)
)
def test_offsets_of_what_stays_are_carried(parts: list[str]) -> None:
    text = "".join(parts)
    redacted = redact(text)
    position = 0
    for part in parts:
        start, end = redacted.carry(position), redacted.carry(position + len(part))
        if part.strip() and part in {"word ", "né€ "}:
            assert redacted.text[start:end] == part
        position += len(part)
    assert redact(redacted.text).text == redacted.text
