"""Patterns in .gitignore syntax that cannot be read."""

import pytest

from nsllm import patterns

UNREADABLE = ["!", "logs\\", "[z-a]"]


@pytest.mark.parametrize("bad", UNREADABLE)
def test_what_cannot_be_read_in_a_file_leaves_its_other_lines(bad: str) -> None:
    spec = patterns.compiled(["*.tmp", bad, "*.log"])
    assert [name for name in ("a.tmp", "b.log", "c.md") if spec.match_file(name)] == [
        "a.tmp",
        "b.log",
    ]


@pytest.mark.parametrize("bad", UNREADABLE)
def test_what_cannot_be_read_in_settings_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match=r"no pattern in \.gitignore syntax") as caught:
        patterns.check(["docs/**", bad])
    assert f"`{bad}`" in str(caught.value)
