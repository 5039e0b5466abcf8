"""Rules of other packages: found, run, and contained when they break."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from nsllm.errors import SettingsError
from nsllm.governance import plugins
from nsllm.governance.pipeline import judge
from nsllm.governance.plugins import Plugins
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Observation, Options, Rule, Subject
from nsllm.governance.testing import check, find, subject
from nsllm.settings import Governance, Override
from nsllm.types import Severity, Verdict


def find_shouting(looked_at: Subject, _options: Options) -> Iterator[Observation]:
    if looked_at.text.isupper():
        yield Observation(start=0, end=len(looked_at.text), message="This shouts.")


def find_never(_subject: Subject, _options: Options) -> Iterator[Observation]:
    raise RuntimeError("out of order")


def find_outside(looked_at: Subject, _options: Options) -> Iterator[Observation]:
    yield Observation(start=0, end=len(looked_at.text) + 1, message="Too far.")


def rule(find: Any = find_shouting, name: str = "acme.shouting") -> Rule[Options]:
    return Rule(
        id=name, summary="A text that shouts.", find=find, options=Options(severity=Severity.WARN)
    )


SHOUTING = rule()
MANY = (SHOUTING, rule(name="acme.other"))
STRANGER = rule(name="other.shouting")


def judged(found: Plugins, text: str = "STOP NOW", **settings: Any) -> Any:
    return judge(subject(text), Rulebook(Governance(**settings), found))


def test_a_plugins_rule_is_judged_with_the_others() -> None:
    judgement = judged(Plugins(rules=MANY))
    assert [finding.rule for finding in judgement.findings] == ["acme.other", "acme.shouting"]
    off = {"acme": {"shouting": {"enabled": False}, "other": {"severity": "reject"}}}
    judgement = judged(Plugins(rules=MANY), rules=off)
    assert [(f.rule, f.severity) for f in judgement.findings] == [("acme.other", Severity.REJECT)]


@pytest.mark.parametrize(
    ("broken", "words"), [(find_never, "out of order"), (find_outside, "observed 0 to 9")]
)
def test_a_rule_that_breaks_down_becomes_a_finding(broken: Any, words: str) -> None:
    judgement = judged(Plugins(rules=(rule(broken),)))
    [finding] = judgement.findings
    assert finding.rule == "rule.failed"
    assert "acme.shouting" in finding.message
    assert words in finding.message
    assert judgement.verdict is Verdict.WARN
    assert judged(Plugins(rules=(rule(broken),)), profile="strict").verdict is Verdict.REJECT


def install(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    points = EntryPoints([EntryPoint(name=name, value=value, group=plugins.GROUP)])
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.select(group=group))


def test_entry_points_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "acme_rules", sys.modules[__name__])
    install(monkeypatch, "acme", "acme_rules:MANY")
    assert plugins.load().rules == MANY
    install(monkeypatch, "acme", "acme_rules:SHOUTING")
    assert plugins.load().rules == (SHOUTING,)
    install(monkeypatch, "acme", "acme_rules:STRANGER")
    assert "does not begin with acme." in plugins.load().failed["acme"]
    install(monkeypatch, "acme", "acme_rules:find_never")
    assert "acme" in plugins.load().failed


def test_a_plugin_that_cannot_be_loaded_is_a_finding_and_its_settings_no_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "acme", "no_such_module_anywhere:RULES")
    settings = Governance(rules={"acme": {"shouting": {"warn": 0.5}}})
    [finding] = judge(subject("Quiet."), Rulebook(settings)).findings
    assert finding.rule == "rule.failed"
    assert "no_such_module_anywhere" in finding.message
    with pytest.raises(SettingsError, match="acmee"):
        Rulebook(Governance(rules={"acmee": {"shouting": {}}}))


@pytest.mark.parametrize("plugin", [Plugins(rules=MANY), Plugins(failed={"acme": "No."})])
def test_a_plugin_is_disabled_by_its_name_loaded_or_not(plugin: Plugins) -> None:
    assert judged(plugin).findings
    off = {"acme": {"enabled": False}}
    assert judged(plugin, rules=off).findings == ()
    book = Rulebook(Governance(overrides=(Override(paths=("docs/**",), rules=off),)), plugin)
    assert judge(subject("STOP NOW", path="a.md"), book).findings
    assert judge(subject("STOP NOW", path="docs/a.md"), book).findings == ()


def test_a_rule_of_its_own_table_is_not_disabled_with_its_plugin() -> None:
    one = {"acme": {"enabled": False, "other": {"enabled": True}}}
    [finding] = judged(Plugins(rules=MANY), rules=one).findings
    assert finding.rule == "acme.other"


@pytest.mark.parametrize("options", [{"paths": ["docs/**"]}, {"applies_to": ["document"]}])
def test_failed_rules_are_told_of_where_their_rule_holds(options: dict[str, Any]) -> None:
    book = Rulebook(Governance(rules={"rule.failed": options}), Plugins(failed={"acme": "No."}))
    assert judge(subject("STOP NOW", path="docs/a.md"), book).findings
    assert judge(subject("STOP NOW"), book).findings == ()


def test_a_plugin_cannot_take_the_place_of_a_rule() -> None:
    judgement = judged(Plugins(rules=(rule(name="length.long"),)))
    assert "has this id" in judgement.findings[0].message


def test_the_kit_passes_good_rules() -> None:
    check(SHOUTING)
    [finding] = find(SHOUTING, "STOP NOW")
    assert finding.severity is Severity.WARN
    assert find(SHOUTING, "Please stop.") == []
    assert find(SHOUTING, "STOP NOW", options={"enabled": False}) == []


@pytest.mark.parametrize("broken", [find_never, find_outside])
def test_the_kit_fails_rules_that_raise_or_look_beyond_the_text(broken: Any) -> None:
    with pytest.raises(AssertionError, match=r"acme\.shouting"):
        check(rule(broken))


def test_the_kit_fails_rules_that_change_their_mind() -> None:
    calls = iter(range(1_000))

    def fickle(looked_at: Subject, _options: Options) -> Iterator[Observation]:
        yield Observation(start=0, end=0, message=f"Call {next(calls)}.")

    with pytest.raises(AssertionError, match="different things"):
        check(rule(fickle))


def test_the_kit_fails_options_that_do_not_hold() -> None:
    broken = Rule(
        id="acme.shouting",
        summary="A text that shouts.",
        find=find_shouting,
        options=Options(),
        strict={"volume": 3},
    )
    with pytest.raises(AssertionError, match="strict"):
        check(broken)
