"""`nsllm index --watch` misses nothing from its first step on, and `--rebuild` comes before it."""

from pathlib import Path
from typing import Any

import pytest
import typer

from index.hashing import HashingEmbedder, make_chunker
from nsllm.cli import index as command
from nsllm.index.report import IndexReport
from nsllm.runtime import ModelRuntime


def test_what_changes_during_the_first_index_is_reported(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Writing(HashingEmbedder):
        """Writes one more document while the first ones are embedded."""

        def embed(self, texts: Any) -> Any:
            (workspace / "new.md").write_text("# New\n\nNew.\n", encoding="utf-8")
            return super().embed(texts)

    reports: list[IndexReport] = []

    def show(report: IndexReport, *, json: bool) -> None:
        reports.append(report)
        if report.documents == 3:
            raise KeyboardInterrupt

    embedder = Writing()
    monkeypatch.setattr(ModelRuntime, "missing", lambda _models: [])
    monkeypatch.setattr(ModelRuntime, "embedder", lambda _models: embedder)
    monkeypatch.setattr(ModelRuntime, "chunker", lambda _models: make_chunker())
    monkeypatch.setattr(command, "_print_report", show)
    with pytest.raises(typer.Exit):
        command.index(workspace, watch=True, json=True)
    assert [report.documents for report in reports] == [2, 3]


@pytest.mark.parametrize("watch", [False, True])
def test_a_rebuild_embeds_what_has_not_changed(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, watch: bool
) -> None:
    reports: list[IndexReport] = []

    def show(report: IndexReport, *, json: bool) -> None:
        reports.append(report)
        if report.unchanged:
            raise KeyboardInterrupt

    monkeypatch.setattr(ModelRuntime, "missing", lambda _models: [])
    monkeypatch.setattr(ModelRuntime, "embedder", lambda _models: HashingEmbedder())
    monkeypatch.setattr(ModelRuntime, "chunker", lambda _models: make_chunker())
    monkeypatch.setattr(command, "_print_report", show)
    command.index(workspace)
    if watch:
        with pytest.raises(typer.Exit):
            command.index(workspace, rebuild=True, watch=True)
    else:
        command.index(workspace, rebuild=True)
    assert [(one.added, one.changed) for one in reports[:2]] == [(2, 0), (0, 2)]
    assert len(reports) == (3 if watch else 2)
