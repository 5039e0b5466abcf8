"""Patterns in .gitignore syntax, as people write them: some cannot be read."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def compiled(patterns: Sequence[str]) -> "GitIgnoreSpec":
    """Return the patterns of a file; those that cannot be read match nothing, as in git."""
    from pathspec import GitIgnoreSpec  # an editor's server starts faster without

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error):
        return GitIgnoreSpec.from_lines(line for line in patterns if _problem(line) is None)


def check(patterns: Iterable[str]) -> None:
    """Refuse patterns of the settings that cannot be read.

    Raises:
        ValueError: one of them; names it.
    """
    for pattern in patterns:
        problem = _problem(pattern)
        if problem is not None:
            raise ValueError(f"`{pattern}` is no pattern in .gitignore syntax: {problem}")


def _problem(pattern: str) -> str | None:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([pattern])
    except (ValueError, re.error) as error:
        return str(error)
    return None
