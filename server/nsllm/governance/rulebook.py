"""The rules of a workspace with their options: profile, settings and overrides in one place.

The layers of a rule's options, of which each later one wins: its defaults, the profile, the
short keys such as `governance.max_words_warn`, `[governance.rules.ID]`, and the overrides that
name the document, in their order.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from pathspec import GitIgnoreSpec

from nsllm import patterns
from nsllm.errors import SettingsError
from nsllm.governance import plugins
from nsllm.governance.checks import BUILT_IN
from nsllm.governance.rules import Options, Rule, Subject, thresholds
from nsllm.settings import Governance, Profile

FAILED = "rule.failed"
"""The id of findings about rules that broke down."""

_SHORT_KEYS = {
    "min_words_warn": ("length.short", "warn"),
    "max_words_warn": ("length.long", "warn"),
    "max_words_reject": ("length.long", "reject"),
    "claim_grounding_warn": ("grounding.claim", "warn"),
    "claim_grounding_reject": ("grounding.claim", "reject"),
    "coherence_warn": ("coherence", "warn"),
    "coherence_reject": ("coherence", "reject"),
    "toxicity_warn": ("toxicity", "warn"),
    "toxicity_reject": ("toxicity", "reject"),
    "require_citations": ("citation.missing", "enabled"),
}
_Tables = dict[str, dict[str, tuple[str, Any]]]
"""Options by rule id (or name of a plug-in), each with the key that sets it, and its value."""

_HINT = "docs/RULES.md lists every rule with its options; `nsllm rules list` those in use."


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with the options that hold for a text, and where each of them was set."""

    rule: Rule[Any]
    options: Any
    origins: Mapping[str, str]
    """Key of an option → the setting or profile that decided it; missing: the default."""


class Rulebook:
    """The rules that hold in a workspace.

    Raises:
        SettingsError: the settings name no rule, or an option that it does not have or take.
    """

    def __init__(self, governance: Governance, installed: plugins.Plugins | None = None) -> None:
        found = plugins.load() if installed is None else installed
        self.profile: Profile = governance.profile
        self.failed = dict(found.failed)
        self.rules: dict[str, Rule[Any]] = {rule.id: rule for rule in BUILT_IN}
        self._plugins: dict[str, list[str]] = {name: [] for name in self.failed}
        for rule in found.rules:
            if rule.id in self.rules:
                self.failed[rule.id] = "a rule that comes with NS-LLM has this id"
            else:
                self.rules[rule.id] = rule
                self._plugins.setdefault(rule.id.partition(".")[0], []).append(rule.id)
        self._short = _short_tables(governance)
        self._tables = self._by_rule(governance.rules, "governance.rules")
        self._overrides = [
            (
                GitIgnoreSpec.from_lines(override.paths),
                override.profile,
                self._by_rule(override.rules, f"governance.overrides[{number}].rules"),
            )
            for number, override in enumerate(governance.overrides)
        ]
        self._known: dict[tuple[int, ...], dict[str, Configured]] = {}
        # Every override is read now: a mistake in one shows before its folder is opened. It is read
        # with those that hold for the same path, as it need not make sense with others, or alone.
        self._configure(())
        for number, override in enumerate(governance.overrides):
            for matching in {self._matching(_sample(pattern)) for pattern in override.paths}:
                self._configure(matching if number in matching else (number,))

    def configured(self, path: str | None = None) -> Mapping[str, Configured]:
        """Return every rule, by id, as it holds for the document at `path`; None: an answer."""
        return self._configure(self._matching(path))

    def profile_of(self, path: str | None) -> Profile:
        """Return the profile that holds for the document at `path`."""
        return self._profile(self._matching(path))

    @property
    def is_repeatable(self) -> bool:
        """Whether an answer that was judged once would be judged the same again.

        Rules of other packages promise nothing: their code may change, or ask someone else.
        """
        own = {rule.id for rule in BUILT_IN}
        return not self.failed and all(
            name in own or not one.options.enabled or "answer" not in one.options.applies_to
            for name, one in self.configured().items()
        )

    def under(self, profile: Profile, rule_id: str, path: str | None) -> Configured:
        """Return a rule as it would be in another profile, with everything else as it is."""
        tables = self._tables_of(self._matching(path))
        return _configure(self.rules[rule_id], profile, self._short, tables)

    def of(self, subject: Subject) -> Iterator[Configured]:
        """Yield the rules that apply to a text."""
        for configured in self.configured(subject.path).values():
            if applies(configured.options, subject):
                yield configured

    def failed_for(self, path: str | None) -> dict[str, str]:
        """Return what went wrong with plug-ins, without those that are disabled for a document."""
        given: _Tables = {}
        for table in self._tables_of(self._matching(path)):
            for name in table.keys() & self.failed.keys():
                given[name] = given.get(name, {}) | table[name]
        return {
            name: reason
            for name, reason in self.failed.items()
            if given.get(name, {}).get("enabled", ("", True))[1] is not False
        }

    def _configure(self, matching: tuple[int, ...]) -> dict[str, Configured]:
        if matching not in self._known:
            profile = self._profile(matching)
            tables = self._tables_of(matching)
            self._known[matching] = {
                rule.id: _configure(rule, profile, self._short, tables)
                for rule in self.rules.values()
            }
        return self._known[matching]

    def _profile(self, matching: tuple[int, ...]) -> Profile:
        profile = self.profile
        for number in matching:
            profile = self._overrides[number][1] or profile
        return profile

    def _matching(self, path: str | None) -> tuple[int, ...]:
        return tuple(
            number
            for number, (spec, _, _) in enumerate(self._overrides)
            if path is not None and spec.match_file(path)
        )

    def _tables_of(self, matching: tuple[int, ...]) -> list[_Tables]:
        return [self._tables, *(self._overrides[number][2] for number in matching)]

    def _by_rule(self, table: Mapping[str, Any], key: str) -> _Tables:
        """Return the options by rule id, each with the key of its table.

        An id may be written as one key or as nested tables: `[governance.rules.length.long]`.
        `enabled` of a plug-in is that of all its rules, but for those with one of their own.
        """
        found: _Tables = {}
        whole: _Tables = {}
        waiting: list[tuple[str, Mapping[str, Any]]] = [("", table)]
        while waiting:
            prefix, options = waiting.pop()
            for name, value in options.items():
                full = f"{prefix}.{name}" if prefix else name
                if isinstance(value, Mapping) and (
                    self._begins_an_id(full) or full in self._plugins
                ):
                    waiting.append((full, value))
                elif prefix in self.rules:
                    found.setdefault(prefix, {})[name] = (f"{key}.{full}", value)
                elif prefix in self._plugins and name == "enabled":
                    whole[prefix] = {name: (f"{key}.{full}", value)}
                elif not self._is_of_a_failed_plugin(full):
                    raise self._unknown(key, full)
        for plugin, given in whole.items():
            for rule in (plugin, *self._plugins[plugin]):
                found[rule] = given | found.get(rule, {})
        return found

    def _begins_an_id(self, name: str) -> bool:
        return any(rule == name or rule.startswith(f"{name}.") for rule in self.rules)

    def _is_of_a_failed_plugin(self, name: str) -> bool:
        return name.partition(".")[0] in self.failed

    def _unknown(self, key: str, name: str) -> SettingsError:
        near = get_close_matches(name, self.rules, n=1)
        guess = f" Did you mean `{near[0]}`?" if near else ""
        return SettingsError(f"`{key}.{name}`: there is no rule `{name}`.{guess}", hint=_HINT)


def applies(options: Options, subject: Subject) -> bool:
    """Tell whether a rule with these options is for a text."""
    if not options.enabled or subject.target not in options.applies_to:
        return False
    return not options.paths or (
        subject.path is not None
        and GitIgnoreSpec.from_lines(options.paths).match_file(subject.path)
    )


def _sample(pattern: str) -> str:
    """Return a path that a pattern in .gitignore syntax names, if it has no sets in brackets."""
    within = "a" if pattern.endswith("/") else ""
    return re.sub(r"[*?]+", "a", pattern.lstrip("!/") + within) or "a"


def _short_tables(governance: Governance) -> dict[str, list[tuple[str, str, Any]]]:
    """Return what the short keys set, by rule id: option, key and value."""
    tables: dict[str, list[tuple[str, str, Any]]] = {}
    for key, (rule, option) in _SHORT_KEYS.items():
        value = getattr(governance, key)
        if value is not None:
            tables.setdefault(rule, []).append((option, f"governance.{key}", value))
    return tables


def _configure(
    rule: Rule[Any],
    profile: Profile,
    short: Mapping[str, list[tuple[str, str, Any]]],
    tables: list[_Tables],
) -> Configured:
    values: dict[str, Any] = msgspec.structs.asdict(rule.options)
    origins: dict[str, str] = {}
    profiles: dict[str, Mapping[str, Any]] = {"strict": rule.strict, "permissive": rule.permissive}
    for option, value in profiles.get(profile, {}).items():
        values[option], origins[option] = value, f"profile {profile}"
    for option, key, value in short.get(rule.id, ()):
        values[option], origins[option] = value, key
    for table in tables:
        for option, (key, value) in table.get(rule.id, {}).items():
            values[option], origins[option] = value, key
    options = _convert(rule, values, origins)
    return Configured(rule=rule, options=options, origins=origins)


def _convert(rule: Rule[Any], values: dict[str, Any], origins: Mapping[str, str]) -> Options:
    kind: type[Options] = type(rule.options)
    for option, value in values.items():
        # One at a time, so that the message can name the key; JSON Schema's own words for a type
        # are kept out of it.
        try:
            one = msgspec.convert({**msgspec.to_builtins(rule.options), option: value}, kind)
            patterns.check(one.paths)
        except (msgspec.ValidationError, ValueError) as error:
            text = str(error).partition(" - at `$")[0]
            if "unknown field" in text:
                text = f"The rule `{rule.id}` has no such option"
            where = origins.get(option, rule.id)
            raise SettingsError(f"`{where}`: {text[:1].lower()}{text[1:]}.", hint=_HINT) from error
    options = msgspec.convert(values, kind)
    _check_order(rule, options, origins)
    return options


def _check_order(rule: Rule[Any], options: Options, origins: Mapping[str, str]) -> None:
    """Refuse thresholds that would reject what is not even worth a warning."""
    if options.worse is None:
        return
    warn, reject = thresholds(options)
    if warn < reject if options.worse == "below" else warn > reject:
        where = " and ".join(
            f"`{origins.get(name, f'{rule.id}.{name}')}`" for name in ("warn", "reject")
        )
        wanted = "at most" if options.worse == "below" else "at least"
        raise SettingsError(
            f"{where}: `reject` ({reject:g}) must be {wanted} `warn` ({warn:g}).", hint=_HINT
        )
