"""The rules that come with NS-LLM, one module for each subject."""

from typing import Any

from nsllm.governance.checks import (
    citations,
    coherence,
    failures,
    grounding,
    language,
    length,
    patterns,
    personal,
    secrets,
    structure,
    toxicity,
    verbatim,
)
from nsllm.governance.rules import Rule

BUILT_IN: tuple[Rule[Any], ...] = (
    *grounding.RULES,
    *citations.RULES,
    *toxicity.RULES,
    *coherence.RULES,
    *secrets.RULES,
    *personal.RULES,
    *verbatim.RULES,
    *length.RULES,
    *language.RULES,
    *patterns.RULES,
    *structure.RULES,
    *failures.RULES,
)
