"""The rules that come with NS-LLM, one module for each subject."""

from typing import Any

from nsllm.governance.checks import citations, coherence, failures, grounding, length, toxicity
from nsllm.governance.rules import Rule

BUILT_IN: tuple[Rule[Any], ...] = (
    *length.RULES,
    *grounding.RULES,
    *citations.RULES,
    *coherence.RULES,
    *toxicity.RULES,
    *failures.RULES,
)
