"""For authors of plug-ins: run a rule on a text, and check that it keeps to what rules must do.

from nsllm.governance.testing import check, find

def test_shouting_is_found():
    check(RULE)
    [finding] = find(RULE, "STOP NOW")
    assert finding.severity == "warn"
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nsllm.errors import SettingsError
from nsllm.governance.pipeline import apply
from nsllm.governance.plugins import Plugins
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Rule, Subject, Target
from nsllm.scoring.claims import claims
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.scorer import Measurement
from nsllm.settings import Governance, Profile
from nsllm.types import ClaimGrounding, Evidence, Finding, Scores

_TEXTS = (
    "",
    " \n\t\r\n",
    "One sentence.",
    "# A heading\n\n- an item [1]\n- another\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "```python\nprint('unfinished",
    "Grüße 👩‍🔬 e\u0301 \u202eabc\u202c 日本語。\r\nEnde",
    "\ufeffa\x00b\ud800c",
    "word " * 2000,
)


def subject(
    text: str,
    *,
    passages: Sequence[str] = (),
    path: str | None = None,
    scores: Mapping[str, float] | None = None,
    grounding: float = 1.0,
) -> Subject:
    """Return a text as rules see it: an answer, or with a `path` a document.

    No model runs: `scores` are those of `nsllm.types.Scores` that the rule looks at, and every
    claim is supported by `grounding`.
    """
    target: Target = "answer" if path is None else "document"
    evidence = Evidence(marker=1, text=passages[0]) if passages else None
    measured = tuple(
        ClaimGrounding(claim=claim, score=grounding, evidence=evidence) for claim in claims(text)
    )
    return Subject(
        text=text,
        measurement=Measurement(scores=Scores(**(scores or {})), claims=measured),
        passages=len(passages) if path is None else None,
        target=target,
        path=path,
        chunks=tuple(passage_chunk(passage) for passage in passages),
    )


def find(
    rule: Rule[Any],
    text: str | Subject,
    *,
    profile: Profile = "standard",
    options: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Return what the rule finds in a text under a profile, with the options of an nsllm.toml.

    Raises:
        SettingsError: the rule has no such option, or does not take the value.
        Exception: whatever the rule raises, which in use would become a finding.
    """
    looked_at = subject(text) if isinstance(text, str) else text
    rulebook = _rulebook(rule, profile, options or {})
    for configured in rulebook.of(looked_at):
        if configured.rule.id == rule.id:
            return list(apply(configured, looked_at))
    return []


def check(rule: Rule[Any]) -> None:
    """Check that a rule keeps to what rules must do, on texts that break careless ones.

    Raises:
        AssertionError: its options do not hold in a profile, it says different things of the same
            text, or it raises or observes something outside the text; names the text.
    """
    if not rule.summary:
        raise AssertionError(f"{rule.id} has no summary.")
    for profile in ("strict", "standard", "permissive"):
        try:
            _rulebook(rule, profile, {})
        except SettingsError as error:
            raise AssertionError(f"{rule.id} in the profile {profile}: {error}") from error
    for text in _TEXTS:
        for path in (None, "docs/page.md"):
            looked_at = subject(text, passages=("One sentence.",), path=path)
            try:
                first = find(rule, looked_at, options={"enabled": True})
                again = find(rule, looked_at, options={"enabled": True})
            except Exception as error:
                raise AssertionError(f"{rule.id} fails on {text[:40]!r}: {error!r}") from error
            if first != again:
                raise AssertionError(f"{rule.id} says different things of {text[:40]!r}.")


def _rulebook(rule: Rule[Any], profile: Profile, options: Mapping[str, Any]) -> Rulebook:
    governance = Governance(profile=profile, rules={rule.id: dict(options)})
    known = Rulebook(Governance(), Plugins()).rules
    installed = Plugins() if rule.id in known else Plugins(rules=(rule,))
    book = Rulebook(governance, installed)
    if book.rules[rule.id] is not rule:
        raise AssertionError(f"{rule.id} is the id of a rule that comes with NS-LLM.")
    return book
