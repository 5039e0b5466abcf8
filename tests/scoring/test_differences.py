"""What a claim says and its source does not, and what kind of thing that is."""

import pytest

from nsllm.scoring.differences import differences, mentions


@pytest.mark.parametrize(
    ("claim", "source", "kind", "message"),
    [
        (
            "It waits 60 s.",
            "The timeout is 30 s.",
            "number",
            "the source says 30 s, the text says 60 s",
        ),
        (
            "It waits 30 ms.",
            "The timeout is 30 s.",
            "unit",
            "the source says 30 s, the text says 30 ms",
        ),
        (
            "Founded in 2001.",
            "Founded in 2002.",
            "date",
            "the source says 2002, the text says 2001",
        ),
        ("Ready in May.", "Ready in June.", "date", "the source says June, the text says May"),
        (
            "Needs Python 3.9.",
            "Needs Python 3.10.",
            "version",
            "the source says 3.10, the text says 3.9",
        ),
        (
            "Set `foo_bar`.",
            "Set `foo_baz`.",
            "identifier",
            "the source says foo_baz, the text says foo_bar",
        ),
        (
            "Edit config.yaml.",
            "Edit config.toml.",
            "path",
            "the source says config.toml, the text says config.yaml",
        ),
        (
            "Pass --force.",
            "Pass --dry-run.",
            "flag",
            "the source says --dry-run, the text says --force",
        ),
        ("Built by Google.", "Built by a small team.", "name", "the source does not say Google"),
        (
            "It does not retry failed jobs.",
            "It retries failed jobs.",
            "negation",
            "one of the text and its source denies what the other affirms",
        ),
    ],
)
def test_the_first_difference_is_named(claim: str, source: str, kind: str, message: str) -> None:
    first = differences(claim, source)[0]
    assert (first.kind, first.message) == (kind, message)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It waits 60 s.", "It waits one minute."),
        ("It holds 1,000 rows.", "It holds 1000 rows."),
        ("It keeps 50 percent.", "It keeps 50%."),
        ("It keeps two copies.", "It keeps 2 copies."),
        ("Released in 2002.", "Released on 3 May 2002."),
        ("Version 2.1 is needed.", "It needs v2.1."),
        ("Call `run()` first.", "First call run."),
        ("It does not run.", "It never runs."),
        ("It was made in the US by hand.", "It was made in the United States by hand."),
    ],
)
def test_what_is_written_otherwise_is_no_difference(claim: str, source: str) -> None:
    assert differences(claim, source) == []


def test_mentions_know_where_they_stand() -> None:
    text = "Run `tool --fast` in /srv/data/x for 30 s with v2.3."
    found = mentions(text)
    assert {m.kind for m in found} == {"flag", "path", "number", "version"}
    for mention in found:
        assert text[mention.start : mention.end] == mention.text


EXCHANGED = [
    ("`server_name` overrides `host_name` there.", "`host_name` overrides `server_name` there."),
    ("It grew from 5 to 10 in 3 days.", "It grew from 10 to 5 in 3 days."),
    ("Then Berlin wrote back to London.", "Then London wrote back to Berlin."),
]


@pytest.mark.parametrize(("claim", "source"), EXCHANGED)
def test_two_things_that_changed_places_are_named_both(claim: str, source: str) -> None:
    first, second = [d for d in differences(claim, source) if d.exchanged]
    assert (first.said, first.offered) == (second.offered, second.said)
    assert [claim[d.start : d.end] for d in (first, second)] == [first.said, second.said]


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Set `baz_qux` or `foo_bar` first.", "Set `foo_bar` or `baz_qux` first."),
        ("`a_b` is called by `c_d`.", "`c_d` calls `a_b`."),
        ("`host_name` overrides `server_name`.", "`host_name` overrides `server_name`."),
    ],
)
def test_another_order_of_the_same_is_no_exchange(claim: str, source: str) -> None:
    assert not any(difference.exchanged for difference in differences(claim, source))


def test_a_long_gap_between_two_names_is_read_once() -> None:
    """The test's time limit tells: with the square of its length it would take minutes."""
    gap = " " * 200_000
    found = differences(f"Pass --fast{gap}--slow to it.", "Pass --slow --fast to it.")
    assert [one.said for one in found if one.exchanged] == ["--fast", "--slow"]


def test_a_version_is_no_amount_of_the_same_figure() -> None:
    found = differences("A server needs 2 GB of memory.", "Clients call `/v2` of the API.")
    assert [(one.kind, one.said) for one in found] == [("number", "2 GB")]
