"""Rules of other packages: entry points of the group `nsllm.checks`.

The name of an entry point begins the ids of its rules (`acme` → `acme.style`), so that settings
for the rules of a plug-in that fails to load are known to be its own. docs/RULES.md shows one.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from nsllm.governance.rules import Rule

GROUP = "nsllm.checks"


class Plugins(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the installed plug-ins, and what went wrong with the others."""

    rules: tuple[Rule[Any], ...] = ()
    failed: dict[str, str] = {}
    """What went wrong, by the name of the plug-in."""


def load() -> Plugins:
    """Load every installed plug-in; one that fails is named and left out."""
    rules: list[Rule[Any]] = []
    failed: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            rules += _rules_of(point)
        except Exception as error:  # noqa: BLE001 - other people's code runs on import
            failed[point.name] = f"{type(error).__name__}: {error}"
    return Plugins(rules=tuple(rules), failed=failed)


def _rules_of(point: EntryPoint) -> tuple[Rule[Any], ...]:
    loaded = point.load()
    rules = (loaded,) if isinstance(loaded, Rule) else tuple(loaded)
    seen: set[str] = set()
    for rule in rules:
        if not isinstance(rule, Rule):
            raise TypeError(f"{point.value} holds {type(rule).__name__}, not nsllm rules")
        if rule.id != point.name and not rule.id.startswith(f"{point.name}."):
            raise ValueError(f"the rule id {rule.id} does not begin with {point.name}.")
        if rule.id in seen:
            raise ValueError(f"the rule id {rule.id} is given twice")
        seen.add(rule.id)
    return rules
