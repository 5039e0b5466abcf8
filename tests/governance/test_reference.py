"""docs/RULES.md describes every rule, as it is."""

import importlib.util

from conftest import REPOSITORY
from nsllm.governance.checks import BUILT_IN


def test_the_reference_is_not_stale() -> None:
    path = REPOSITORY / "scripts" / "generate_rules.py"
    spec = importlib.util.spec_from_file_location("generate_rules", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (REPOSITORY / "docs" / "RULES.md").read_text(encoding="utf-8")
    assert module.page(text) == text, "run: python scripts/generate_rules.py"
    for rule in BUILT_IN:
        assert f"\n### {rule.id}\n" in text
