"""The rule, by the kit that comes with NS-LLM."""

from acme_rules import RULES

from nsllm.governance.testing import check, find

[SHOUTING] = RULES


def test_the_rule_keeps_to_what_rules_must_do():
    check(SHOUTING)


def test_capitals_are_found_on_their_sentence():
    text = "Please wait. STOP THIS NOW! It goes on."
    [finding] = find(SHOUTING, text)
    assert text[finding.start : finding.end] == "STOP THIS NOW!"
    assert finding.severity == "reject"


def test_options_decide():
    assert find(SHOUTING, "The HTTP API of NASA.", options={"warn": 0.2})
    assert not find(SHOUTING, "The HTTP API of NASA.", options={"min_letters": 50})
