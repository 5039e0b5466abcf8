"""Another machine's `nsllm serve` as the generator: a live server with the embedded model."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from http_live import Live, until
from lsp.conftest import write_workspace
from lsp.editor import home_with_models
from nsllm import home
from nsllm.app import Application
from nsllm.errors import RemoteError
from nsllm.generation.remote import RemoteWriter
from nsllm.governance.audit import AuditLog
from nsllm.runtime import ModelRuntime
from nsllm.settings import Generation, Remote, Settings
from nsllm.types import Chunk, Delta, Passage, Question

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]

MODEL = "smollm2-135m-instruct"
QUESTION = "How long are readings kept?"
PASSAGES = [
    Passage(
        chunk=Chunk(
            path="docs/storage.md",
            start=0,
            end=len(text),
            start_line=1,
            end_line=1,
            text=text,
            heading="Storage",
        ),
        score=1.0,
        similarity=1.0,
    )
    for text in ("Readings are kept for 30 days.", "The archive is compressed with zstd.")
]
SAMPLING = Generation(max_tokens=24)


@pytest.fixture(scope="module")
def lender(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server on other documents, which lends its model."""
    folder = tmp_path_factory.mktemp("lender")
    (folder / "docs").mkdir()
    (folder / "docs" / "other.md").write_text("# Other\n\nNothing of this is asked for.\n")
    server = Live(
        home_with_models(folder / "home", models_home), [folder / "docs"], NSLLM_SERVER_LEND="true"
    ).ready()
    yield server
    server.stop()


@pytest.fixture
def token(lender: Live, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NSLLM_REMOTE_TOKEN", lender.token)
    return lender.token


def remote(server: Live, **others: str) -> Remote:
    return Remote(url=f"{server.url}/v1", **others)


@pytest_asyncio.fixture
async def app(
    lender: Live, token: str, models_home: Path, isolated_home: Path, tmp_path: Path
) -> AsyncIterator[Application]:
    """A workspace here, whose answers the server writes."""
    home_with_models(isolated_home, models_home)
    settings = msgspec.structs.replace(
        msgspec.convert({"models": {"threads": 1, "generator": "remote"}}, Settings),
        remote=remote(lender),
        generation=SAMPLING,
    )
    opened = Application(write_workspace(tmp_path / "harrow"), settings, ModelRuntime(settings))
    yield opened
    await opened.aclose()


async def test_it_writes_what_the_same_model_writes_here(
    lender: Live, token: str, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSLLM_HOME", str(models_home))
    settings = msgspec.structs.replace(
        msgspec.convert({"models": {"threads": 1}}, Settings), generation=SAMPLING
    )
    runtime = ModelRuntime(settings)
    try:
        here = await runtime.writer(MODEL).write(QUESTION, PASSAGES)
    finally:
        await runtime.aclose()
    deltas: list[Delta] = []
    there = await RemoteWriter(remote(lender), SAMPLING).write(
        QUESTION, PASSAGES, listener=deltas.append
    )
    assert there.text == here.text
    assert there.found == here.found
    assert there.finish == here.finish
    assert there.perplexity == pytest.approx(here.perplexity, rel=1e-3)
    assert len(deltas) > 3
    assert there.model == f"nsllm at {lender.url}/v1"


async def test_its_text_is_governed_and_recorded_here(app: Application, lender: Live) -> None:
    await app.index()
    question = Question(text=QUESTION, mode="generate", top_k=2)
    answers = [await app.ask(question, client="test") for _ in range(2)]
    where = f"{lender.url}/v1"
    for answer, record in zip(answers, AuditLog(home.audit_path()).records(), strict=True):
        assert not answer.cached
        assert {passage.chunk.path for passage in answer.passages} <= {
            path.relative_to(app.workspace).as_posix() for path in app.workspace.rglob("*.*")
        }
        assert record.tokens > 0
        assert [(m.id, m.address) for m in record.models if m.task == "generation"] == [
            ("nsllm", where)
        ]
        # What a model of this size writes may be rejected here: then that is on record.
        if answer.mode == "generate":
            assert answer.model == f"nsllm at {where}"
        else:
            assert {one.mode for one in record.rejected} == {"generate"}
    # Without the exam, mode auto quotes, and nothing is sent.
    quoted = await app.ask(Question(text=QUESTION), client="test")
    assert (quoted.mode, quoted.judgement.scores.perplexity) == ("extract", None)
    assert quoted.model is None


async def test_its_refusals_are_named(lender: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSLLM_REMOTE_TOKEN", "nsllm_wrong")
    with pytest.raises(RemoteError) as caught:
        await RemoteWriter(remote(lender), SAMPLING).write(QUESTION, PASSAGES)
    assert caught.value.reason == "refused"
    monkeypatch.setenv("NSLLM_REMOTE_TOKEN", lender.token)
    with pytest.raises(RemoteError) as caught:
        await RemoteWriter(remote(lender, model="nobodys"), SAMPLING).write(QUESTION, PASSAGES)
    assert caught.value.reason == "model"
    assert "nobodys" in caught.value.message


async def test_who_leaves_frees_its_slot(lender: Live, token: str) -> None:
    begun = asyncio.Event()
    long = RemoteWriter(remote(lender), Generation(max_tokens=4000))
    task = asyncio.create_task(
        long.write("Count to a thousand.", PASSAGES, listener=lambda _: begun.set())
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(until, lambda: lender.metric("nsllm_requests_running") == 0)


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nsllm", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_commands_say_where_text_goes(lender: Live, models_home: Path, isolated_home: Path) -> None:
    home_with_models(isolated_home, models_home)
    where = f"{lender.url}/v1"
    variables = {"NSLLM_REMOTE_URL": where, "NSLLM_REMOTE_TOKEN": lender.token}
    listed = json.loads(command("models", "list", "--json", **variables).stdout)
    [entry] = [model for model in listed if model["id"] == "remote"]
    assert (entry["remote"], entry["installed"], entry["in_use"]) == (where, True, False)
    assert all("remote" not in model for model in listed if model["id"] != "remote")
    used = command("models", "use", "remote", **variables)
    assert used.returncode == 0
    assert "leave this machine" in " ".join(used.stderr.split())
    for changed, state, said in (
        ({}, "ok", "questions and passages are sent there"),
        ({"NSLLM_REMOTE_TOKEN": "nsllm_wrong"}, "error", "refuses the token (401)"),
        ({"NSLLM_REMOTE_MODEL": "nobodys"}, "error", "has no model nobodys"),
        ({"NSLLM_REMOTE_URL": "http://127.0.0.1:9/v1"}, "error", "cannot be reached"),
    ):
        found = json.loads(command("doctor", "--json", **{**variables, **changed}).stdout)
        [check] = [one for one in found if one["name"] == "remote"]
        assert (check["state"], said in check["detail"]) == (state, True), check


def test_a_server_lends_nothing_unless_its_owner_says_so(
    models_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_workspace(tmp_path / "harrow")
    server = Live(home_with_models(tmp_path / "home", models_home), [folder])
    try:
        server.ready()
        monkeypatch.setenv("NSLLM_REMOTE_TOKEN", server.token)
        with pytest.raises(RemoteError, match="does not lend") as caught:
            asyncio.run(RemoteWriter(remote(server), SAMPLING).write(QUESTION, PASSAGES))
        assert caught.value.reason == "refused"
    finally:
        server.stop()
