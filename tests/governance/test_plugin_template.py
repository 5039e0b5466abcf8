"""The template in examples/plugin does what its README says."""

import sys
import tomllib
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from conftest import REPOSITORY
from nsllm.governance import plugins
from nsllm.governance.pipeline import judge
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.testing import subject
from nsllm.settings import Governance

TEMPLATE = REPOSITORY / "examples" / "plugin"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the template as its pyproject.toml says, for one test."""
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text("utf-8"))["project"]
    [(name, value)] = project["entry-points"][plugins.GROUP].items()
    points = EntryPoints([EntryPoint(name=name, value=value, group=plugins.GROUP)])
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.select(group=group))
    monkeypatch.syspath_prepend(str(TEMPLATE / "src"))
    monkeypatch.delitem(sys.modules, "acme_rules", raising=False)


@pytest.mark.usefixtures("installed")
def test_its_rule_is_judged_with_the_others() -> None:
    text = subject("Please wait. STOP THIS NOW! It goes on.")
    [finding] = judge(text, Rulebook(Governance())).findings
    assert finding.rule == "acme.shouting"
    table = {"acme": {"shouting": {"warn": 0.95, "reject": 1.0}}}
    [softer] = judge(text, Rulebook(Governance(rules=table))).findings
    assert (finding.severity, softer.severity) == ("reject", "warn")


@pytest.mark.usefixtures("installed")
def test_its_own_tests_pass() -> None:
    namespace: dict[str, object] = {}
    source = (TEMPLATE / "tests" / "test_shouting.py").read_text("utf-8")
    exec(compile(source, "test_shouting.py", "exec"), namespace)
    tests = [test for name, test in namespace.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        assert callable(test)
        test()
