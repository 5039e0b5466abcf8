"""The line above a generated region is short enough to be read."""

import pytest

from nsllm.frontends.lsp import code_lens
from nsllm.frontends.lsp.governor import Part
from nsllm.types import Judgement, Scores, Verdict


@pytest.mark.parametrize(
    ("count", "said"), [(3, "from 1.md, 2.md, 3.md"), (5, "from 1.md, 2.md, 3.md and 2 more")]
)
def test_a_lens_names_as_many_sources_as_fit(count: int, said: str) -> None:
    judgement = Judgement(scores=Scores(), findings=(), verdict=Verdict.PASS)
    passages = tuple((f"{number}.md", 1, 2) for number in range(1, count + 1))
    part = Part(span=(0, 1), judgement=judgement, passages=passages)
    assert code_lens.title(part) == f"Generated text passed · {said}"
