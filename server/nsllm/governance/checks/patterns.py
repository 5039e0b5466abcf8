"""Patterns that a text must not, or must, contain."""

from collections.abc import Iterator, Sequence

import msgspec
import regex

from nsllm.governance.rules import Observation, Options, Rule, Subject
from nsllm.types import Severity

_TIMEOUT_S = 0.5
"""Patterns come from workspaces: one that backtracks without end must not stop the judging."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A regular expression, and what to say of it."""

    pattern: str
    message: str = ""
    ignore_case: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no regular expression."""
        try:
            self.compiled()
        except regex.error as error:
            raise ValueError(f"`{self.pattern}` is no regular expression: {error}") from error
        except RecursionError as error:
            raise ValueError("The pattern is nested too deeply") from error

    def compiled(self) -> "regex.Pattern[str]":
        """Return the expression; `^` and `$` match at every line."""
        flags = regex.MULTILINE | (regex.IGNORECASE if self.ignore_case else 0)
        return regex.compile(self.pattern, flags)


class PatternOptions(Options, frozen=True, kw_only=True):
    """Options of the rules about patterns."""

    severity: Severity = Severity.WARN
    patterns: tuple[str | Pattern, ...] = ()
    """Regular expressions, or tables of `pattern`, `message` and `ignore_case`."""

    def __post_init__(self) -> None:
        """Refuse what is no regular expression."""
        list(_tables(self.patterns))


def find_forbidden(subject: Subject, options: PatternOptions) -> Iterator[Observation]:
    """Find every match of the patterns."""
    for table in _tables(options.patterns):
        try:
            for match in table.compiled().finditer(subject.text, timeout=_TIMEOUT_S):
                if match.end() > match.start():
                    message = table.message or f"This must not be here: it matches {_name(table)}."
                    yield Observation(start=match.start(), end=match.end(), message=message)
        except TimeoutError:
            yield _too_slow(table)


def find_lacking(subject: Subject, options: PatternOptions) -> Iterator[Observation]:
    """Find the patterns without a match."""
    for table in _tables(options.patterns):
        try:
            found = table.compiled().search(subject.text, timeout=_TIMEOUT_S)
        except TimeoutError:
            yield _too_slow(table)
            continue
        if not found:
            message = table.message or f"Something is missing: nothing matches {_name(table)}."
            yield Observation(start=0, end=0, message=message)


def _tables(patterns: Sequence[str | Pattern]) -> Iterator[Pattern]:
    for pattern in patterns:
        yield Pattern(pattern=pattern) if isinstance(pattern, str) else pattern


def _name(table: Pattern) -> str:
    return f"`{table.pattern}`"


def _too_slow(table: Pattern) -> Observation:
    message = f"The pattern {_name(table)} took more than {_TIMEOUT_S:g} s, and was given up."
    return Observation(start=0, end=0, message=message)


RULES = (
    Rule(
        id="text.forbidden",
        summary="A match of one of the patterns in `patterns`.",
        find=find_forbidden,
        options=PatternOptions(),
        advice="Write it without the match, or change the pattern.",
    ),
    Rule(
        id="text.required",
        summary="A text without a match of one of the patterns in `patterns`.",
        find=find_lacking,
        options=PatternOptions(),
        advice="Add what is required, or change the pattern.",
    ),
)
