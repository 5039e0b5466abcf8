"""Why a finding is what it is, and what would make it another one."""

import msgspec

from nsllm.errors import SettingsError
from nsllm.governance.rulebook import Configured, Rulebook
from nsllm.governance.rules import Options, severity_of, thresholds
from nsllm.settings import Profile
from nsllm.types import Finding, Severity

PROFILES: tuple[Profile, ...] = ("strict", "standard", "permissive")
_OUTCOME = {
    None: "no finding",
    Severity.INFO: "a note",
    Severity.WARN: "a warning",
    Severity.REJECT: "a rejection",
}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Which rule decided, by what, and what would change it, in sentences."""

    rule: str
    decided: str
    changes: tuple[str, ...]


def explain(finding: Finding, rulebook: Rulebook, path: str | None = None) -> Explanation | None:
    """Explain a finding on the document at `path`; None for what is no rule's, such as a note."""
    configured = rulebook.configured(path).get(finding.rule)
    if configured is None:
        return None
    return Explanation(
        rule=finding.rule,
        decided=_decided(finding, configured, rulebook.profile_of(path)),
        changes=tuple(_changes(finding, configured, rulebook, path)),
    )


def _decided(finding: Finding, configured: Configured, profile: Profile) -> str:
    options: Options = configured.options
    if finding.value is None or options.worse is None:
        origin = configured.origins.get("severity", f"profile {profile}")
        return f"`severity` of {finding.rule} is {options.severity.value} ({origin})."
    warn, reject = thresholds(options)
    beyond = finding.value < reject if options.worse == "below" else finding.value > reject
    name, limit = ("reject", reject) if beyond else ("warn", warn)
    origin = configured.origins.get(name, f"profile {profile}")
    text = f"{_figure(finding.value)} is {options.worse} `{name}`, {_figure(limit)} ({origin})."
    if beyond and options.severity is not Severity.REJECT:
        cap = configured.origins.get("severity", f"profile {profile}")
        text += f" `severity` allows {options.severity.value} at most ({cap})."
    return text


def _changes(
    finding: Finding, configured: Configured, rulebook: Rulebook, path: str | None
) -> list[str]:
    rule, options = configured.rule, configured.options
    changes = [f"In the text: {rule.advice}"] if rule.advice else []
    if finding.value is not None and options.worse is not None:
        warn, reject = thresholds(options)
        than = "from" if options.worse == "below" else "up to"
        if finding.severity is Severity.REJECT:
            changes.append(f"A value {than} {_figure(reject)} would be a warning.")
        changes.append(f"A value {than} {_figure(warn)} would be no finding.")
    for profile in PROFILES:
        try:
            other = rulebook.under(profile, rule.id, path).options
        except SettingsError:
            continue  # What is set goes with this profile only: nothing is said of the other.
        severity = severity_of(other, finding.value) if other.enabled else None
        if profile != rulebook.profile_of(path) and severity is not finding.severity:
            changes.append(f"In the profile {profile} it would be {_OUTCOME[severity]}.")
    changes.append(
        f"In nsllm.toml: `[governance.rules.{rule.id}]` sets its options; "
        f"in the text: a comment `nsllm-ignore {rule.id}` on the line above."
    )
    return changes


def _figure(value: float) -> str:
    return f"{value:.0f}" if value == int(value) and abs(value) >= 2 else f"{value:.2f}"
