"""A question over the limit is refused with the time to wait, before any model is needed."""

from pathlib import Path

import pytest

from lsp.conftest import Starter
from lsp.editor import RefusedError


async def test_a_refused_question_says_how_long_to_wait(
    start: Starter, isolated_home: Path
) -> None:
    isolated_home.mkdir()
    (isolated_home / "nsllm.toml").write_text("[limits]\nrequests_per_minute = 1\n")
    editor = await start()
    # The first is counted, and fails for the want of models.
    with pytest.raises(RefusedError) as first:
        await editor.ask("nsllm/hybridQuery", question="How long?", session="a")
    assert first.value.data["code"] == "model.missing"
    with pytest.raises(RefusedError) as second:
        await editor.ask("nsllm/hybridQuery", question="How long?", session="a")
    assert second.value.data["code"] == "rate.limited"
    assert 50 < second.value.data["retry_after_s"] <= 60
    assert second.value.message == ("The limit of 1 request a minute for one client is used up.")
    # Another session is another client.
    with pytest.raises(RefusedError) as other:
        await editor.ask("nsllm/hybridQuery", question="How long?", session="b")
    assert other.value.data["code"] == "model.missing"
