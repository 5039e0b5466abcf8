"""The page of a rule: a file that comes with the package, opened at the rule's heading."""

from pathlib import Path

import pytest

from nsllm.frontends.lsp import rule_pages
from nsllm.governance.checks import BUILT_IN

PAGE = """\
# Rules

Some words on `grounding.claim`.

## `grounding.claim`

### citation.missing: no source

## Profiles and more
"""


def test_a_rule_leads_to_the_line_of_its_heading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "RULES.md"
    path.write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(rule_pages, "rules_file", lambda: path)
    assert rule_pages.page_of("grounding.claim") == f"{path.as_uri()}#L5"
    assert rule_pages.page_of("citation.missing") == f"{path.as_uri()}#L7"
    assert rule_pages.page_of("answer.not-found") is None


def test_without_the_file_there_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_pages, "rules_file", lambda: tmp_path / "RULES.md")
    assert rule_pages.page_of("grounding.claim") is None


@pytest.mark.parametrize("rule", [rule.id for rule in BUILT_IN])
def test_every_rule_that_comes_with_the_package_has_its_place(rule: str) -> None:
    page = rule_pages.page_of(rule)
    assert page is not None
    line = int(page.rpartition("#L")[2])
    text = rule_pages.rules_file().read_text("utf-8").splitlines()[line - 1]
    assert text.endswith(rule)
