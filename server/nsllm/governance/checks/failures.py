"""Rules that break down: what they are called, and how grave that is."""

from collections.abc import Iterator

from nsllm.governance.rules import Observation, Options, Rule, Subject
from nsllm.types import Severity


def find_nothing(_subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find nothing: the pipeline itself tells which rules failed."""
    return iter(())


RULES = (
    Rule(
        id="rule.failed",
        summary="A rule of an installed plug-in that could not be loaded, or broke down.",
        find=find_nothing,
        options=Options(severity=Severity.WARN),
        strict={"severity": "reject"},
        advice="Update or remove the plug-in, or disable it in `governance.rules`, by its name.",
    ),
)
