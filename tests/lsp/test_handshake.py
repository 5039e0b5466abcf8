"""The handshake, with what several editors really send, and without any model."""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lsprotocol import types

from lsp.conftest import Starter
from lsp.editor import PULLING, PUSHED, until
from nsllm.frontends.lsp import audit, check, hybrid_query, index, models, search
from nsllm.frontends.lsp.handshake import REQUESTS, encoding_of, initialize_result, supports

CLIENTS = Path(__file__).parent / "clients"
RECORDED = ["neovim_v0.6.1", "neovim_v0.11.0", "emacs_v29.1", "visual_studio_code_v1.65.2"]


def recorded(name: str) -> dict[str, Any]:
    """What a client sent, as pytest-lsp or we recorded it."""
    own = CLIENTS / f"{name}.json"
    place = own if own.exists() else resources.files("pytest_lsp.clients") / f"{name}.json"
    capabilities: dict[str, Any] = json.loads(place.read_text("utf-8"))["capabilities"]
    return capabilities


@pytest.mark.parametrize("name", [*RECORDED, "helix_v25.01"])
async def test_other_editors_get_diagnostics_and_a_clean_goodbye(start: Starter, name: str) -> None:
    """Each starts, opens, edits, hovers, asks for actions, and leaves with status 0."""
    capabilities = recorded(name)
    editor = await start(capabilities)
    offered = editor.result["capabilities"]
    pulls = supports(capabilities, "textDocument.diagnostic")
    assert ("diagnosticProvider" in offered) == pulls
    known = (capabilities.get("general") or {}).get("positionEncodings") or ["utf-16"]
    assert offered["positionEncoding"] == known[0]
    uri = editor.open("file:///elsewhere/notes.md", "Some text.\n")
    end = types.Position(line=0, character=4)
    editor.edit(uri, 2, "Other", types.Range(start=types.Position(line=0, character=0), end=end))
    place = types.TextDocumentIdentifier(uri=uri)
    hover = types.HoverParams(text_document=place, position=end)
    assert await editor.text_document_hover_async(hover) is None
    lenses = types.CodeLensParams(text_document=place)
    assert not await editor.text_document_code_lens_async(lenses)
    if pulls:
        assert not (await editor.pull(uri)).items
    else:
        await until(lambda: uri in editor.diagnostics)
        assert not editor.diagnostics[uri]
    await editor.leave()
    assert editor.process.returncode == 0


async def test_what_is_registered_is_what_the_client_can_register(start: Starter) -> None:
    editor = await start(PULLING)
    await until(lambda: editor.registered)
    assert set(editor.registered) == {
        types.WORKSPACE_DID_CHANGE_CONFIGURATION,
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
    }
    silent = await start(PUSHED)
    await until(lambda: silent.status)
    assert silent.registered == []


async def test_a_client_that_keeps_no_promise_is_served_all_the_same(
    start: Starter, workspace: Path
) -> None:
    """It offered to watch files, to show progress and to be asked, and refuses each."""
    refuses = (
        types.CLIENT_REGISTER_CAPABILITY,
        types.WORKSPACE_CONFIGURATION,
        types.WINDOW_WORK_DONE_PROGRESS_CREATE,
        types.WORKSPACE_DIAGNOSTIC_REFRESH,
        types.WORKSPACE_CODE_LENS_REFRESH,
    )
    editor = await start(PULLING, refuses=refuses)
    assert await editor.ask("nsllm/models", action="list")
    editor.open(workspace / "docs" / "plans.md", "# Plans\n")
    await until(lambda: editor.status and not editor.status[-1]["busy"])
    path = workspace / "nsllm.toml"

    def noticed() -> bool:
        path.write_text('[models]\ngenerator = "mine"\n', encoding="utf-8")
        return editor.status[-1]["models"]["generator"] == "mine"

    await until(noticed)
    assert "internal" not in {status.get("code") for status in editor.status}


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, "utf-16"),
        ([], "utf-16"),
        (["utf-7"], "utf-16"),
        (["utf-8", "utf-16"], "utf-8"),
        (["ebcdic", "utf-32"], "utf-32"),
    ],
)
def test_the_encoding_is_the_clients_first_that_we_know(
    offered: list[str] | None, chosen: str
) -> None:
    capabilities = {} if offered is None else {"general": {"positionEncodings": offered}}
    assert encoding_of(capabilities) == chosen
    result = initialize_result({"capabilities": capabilities})
    assert result["capabilities"]["positionEncoding"] == chosen


def test_every_request_of_the_documentation_is_offered() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "PROTOCOL.md").read_text("utf-8")
    headings = {line[5:-1] for line in documented.splitlines() if line.startswith("### `nsllm/")}
    assert headings == {*REQUESTS, "nsllm/status"}


@pytest.mark.parametrize(
    ("request_name", "params"),
    [
        ("nsllm/hybridQuery", hybrid_query.HybridQuery),
        ("nsllm/search", search.Search),
        ("nsllm/check", check.Check),
        ("nsllm/answer", hybrid_query.AnswerDocument),
        ("nsllm/region", check.RegionsOf),
        ("nsllm/models", models.Models),
        ("nsllm/index", index.Index),
        ("nsllm/audit", audit.Audit),
    ],
)
def test_every_parameter_is_documented_and_has_a_test(
    request_name: str, params: type[msgspec.Struct]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "PROTOCOL.md").read_text("utf-8")
    section = text.split(f"### `{request_name}`")[1].split("###")[0]
    for field in msgspec.structs.fields(params):
        assert re.search(rf"\b{field.encode_name}\b", section), field.encode_name
    calls = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert f'.ask("{request_name}"' in calls


async def test_without_models_the_status_says_which_and_what_to_do(start: Starter) -> None:
    editor = await start()
    await until(lambda: editor.status and editor.status[-1]["health"] == "warning")
    status = editor.status[-1]
    assert "all-minilm-l6-v2" in status["message"]
    assert "nsllm models pull" in status["hint"]
    assert status["models"]["embedder"] == "all-minilm-l6-v2"
    assert [folder["documents"] for folder in status["folders"]] == [0]
