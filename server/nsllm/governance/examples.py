"""Texts with what a rule should say of them: the tests of a workspace's rules."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from nsllm.errors import SettingsError, UsageError
from nsllm.governance.pipeline import judge
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.scorer import Measurement
from nsllm.settings import RuleExample
from nsllm.types import Finding, Judgement, Scores, Severity


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of examples: the tables of `[[examples]]`."""

    examples: Annotated[tuple[RuleExample, ...], msgspec.Meta(min_length=1)]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule said of an example."""

    example: RuleExample
    got: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether it is what was expected."""
        return self.got == self.example.expect


def read_examples(path: Path) -> tuple[RuleExample, ...]:
    """Return the examples of a TOML file with tables of `[[examples]]`.

    Raises:
        UsageError: the file cannot be read, or does not fit; names the key.
    """
    hint = "docs/RULES.md shows a file of examples."
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, _File).examples
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", hint=hint) from error
    except msgspec.ValidationError as error:
        raise UsageError(f"In {path}: {error}.", hint=hint) from error


def check_rules(examples: Sequence[RuleExample], rulebook: Rulebook) -> None:
    """Raise SettingsError where an example is of a rule that there is not."""
    for number, example in enumerate(examples):
        if example.rule not in rulebook.rules:
            raise SettingsError(
                f"`governance.examples[{number}].rule`: there is no rule `{example.rule}`.",
                hint="`nsllm rules list` lists them.",
            )


def needs_models(example: RuleExample, rulebook: Rulebook) -> bool:
    """Tell whether the rule of an example looks at what models measure."""
    return rulebook.rules[example.rule].measured


def judge_unmeasured(example: RuleExample, rulebook: Rulebook) -> Judgement:
    """Judge an example as if no model were there: no scores, no claims."""
    return judge(
        Subject(
            text=example.text,
            measurement=Measurement(scores=Scores(), claims=()),
            passages=len(example.passages) if example.path is None else None,
            mode="generate" if example.passages and example.path is None else None,
            target="answer" if example.path is None else "document",
            generated=example.path is None,
            path=example.path,
            chunks=tuple(passage_chunk(passage) for passage in example.passages),
        ),
        rulebook,
    )


def outcome(example: RuleExample, judgement: Judgement) -> Outcome:
    """Return what the example's rule said of it, and nothing of the other rules."""
    found = tuple(f for f in judgement.findings if f.rule == example.rule)
    gravest = max((f.severity for f in found), key=tuple(Severity).index, default=None)
    return Outcome(example=example, got=gravest.value if gravest else "pass", findings=found)
