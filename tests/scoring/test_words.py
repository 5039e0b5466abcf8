"""What the words of a sentence assert."""

import pytest

from nsllm.scoring.words import asserted_words, content_words, names, negations, quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,600 ms", [("1600", "ms")]),
        ("ninety days", [("90", "day")]),
        ("30s and 2 hours", [("30", "s"), ("2", "h")]),
        ("v2.3.1", [("2.3.1", None)]),
        ("80 % or 80%", [("80", "%"), ("80", "%")]),
        ("no numbers", []),
    ],
)
def test_quantities_are_normalised(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(q.value, q.unit) for q in quantities(text)] == expected


def test_quantities_know_where_they_stand() -> None:
    text = "It waits 1,600 ms here."
    [found] = quantities(text)
    assert text[found.start : found.end] == found.text == "1,600 ms"


def test_inflected_words_meet() -> None:
    assert content_words("rotated backups") == content_words("rotates a backup")


def test_names_are_code_flags_paths_and_capitalised_words() -> None:
    assert names("Use `x --y` and --dry-run in /etc/foo.toml of Foo with max_size") == {
        "x --y",
        "--dry-run",
        "/etc/foo.toml",
        "foo",
        "max_size",
    }


def test_negations_are_counted() -> None:
    assert negations("It does not run, and never will.") == 2
    assert negations("It runs.") == 0


def test_numbers_are_one_word_with_their_units() -> None:
    assert asserted_words("Kept for ninety days.") == asserted_words("kept for 90 days")
    assert asserted_words("waits 30s") == asserted_words("waits 30 seconds")
    assert asserted_words("waits 30 s") != asserted_words("waits 30 ms")
