"""What `nsllm check` found: files with their judgements, findings with their places."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from nsllm.frontends.lsp.positions import Encoding, Lines
from nsllm.governance.explain import Explanation
from nsllm.governance.rules import Rule
from nsllm.types import Evidence, Finding, Judgement, Verdict

ORDER = tuple(Verdict)
"""From the best to the worst."""


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """Where a finding stands; lines and columns count from 1, the end is behind the last one."""

    line: int
    column: int
    end_line: int
    end_column: int


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its explanation, and the text it is about."""

    finding: Finding
    words: str
    explanation: Explanation | None = None


class CheckedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file and its judgement; `shown` is its path as the user's own place sees it."""

    shown: str
    text: str
    judgement: Judgement
    findings: tuple[Located, ...]

    def regions(self, encoding: Encoding = "utf-32") -> list[Region]:
        """Return the region of each finding, its columns in units of the encoding."""
        lines = Lines(self.text, encoding)
        return [_region(lines, located.finding) for located in self.findings]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run of `nsllm check` found."""

    files: tuple[CheckedFile, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    """Files that could not be checked, and why."""
    rules: tuple[Rule[Any], ...] = ()
    """Every rule that could have found something."""
    workspace: Path = Path()
    """What the paths of evidence are relative to."""

    @property
    def verdict(self) -> Verdict:
        """The verdict of the worst file; without any, the text passes."""
        return worst([file.judgement.verdict for file in self.files])

    def place_of(self, evidence: Evidence) -> str | None:
        """Return the path of a finding's evidence as the user's own place sees it."""
        return shown(self.workspace / evidence.path) if evidence.path else None


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of several verdicts."""
    return max(verdicts, key=ORDER.index, default=Verdict.PASS)


def shown(path: Path) -> str:
    """Return a path relative to the current folder where it is below that, with slashes."""
    absolute = path.absolute()
    try:
        return absolute.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return absolute.as_posix()


def _region(lines: Lines, finding: Finding) -> Region:
    (line, column), (end_line, end_column) = (
        lines.position(finding.start),
        lines.position(finding.end),
    )
    return Region(
        line=line + 1, column=column + 1, end_line=end_line + 1, end_column=end_column + 1
    )
