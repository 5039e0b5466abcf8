"""A session from its settings to its end: what changes around the documents, and how it ends."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from lsp.conftest import WORKSPACE, Starter, write_workspace
from lsp.editor import PULLING, PUSHED, Editor, RefusedError, home_with_models, until
from nsllm import home

QUESTION = "How long are readings kept?"


def configure(editor: Editor, settings: dict[str, Any]) -> None:
    """Change the editor's settings, and tell the server."""
    editor.set_configuration({"nsllm": settings})
    editor.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings={"nsllm": settings})
    )


@pytest.mark.parametrize("capabilities", [PULLING, {**PUSHED, "workspace": {}}])
async def test_a_wrong_setting_is_named_once_and_the_last_good_one_stays(
    start: Starter, capabilities: dict[str, Any]
) -> None:
    """Pulled where the client can be asked, taken from the notification where it cannot."""
    editor = await start(capabilities)
    configure(editor, {"models": {"generator": "another-model"}})
    await until(lambda: editor.status and editor.status[-1]["models"]["generator"][0] == "a")
    wrong = {"models": {"generator": "another-model"}, "retrieval": {"top_k": 0}}
    configure(editor, wrong)
    await until(lambda: editor.messages)
    configure(editor, wrong)
    await editor.ask("nsllm/audit", action="list")
    configure(editor, {**wrong, "server": {"path": "of the client"}, "audit": {"enabled": None}})
    await editor.ask("nsllm/audit", action="list")
    [message] = editor.messages
    assert "`retrieval.top_k`" in message.message
    assert message.type == types.MessageType.Error
    await until(lambda: editor.status[-1]["models"]["generator"] == "another-model")


async def test_a_broken_settings_file_is_named_and_mending_it_is_noticed(
    start: Starter, workspace: Path
) -> None:
    path = workspace / "nsllm.toml"
    path.write_text("[retrieval\n", encoding="utf-8")
    editor = await start()
    await until(lambda: editor.messages)
    assert "nsllm.toml" in editor.messages[0].message
    path.write_text('[generation]\nmode = "extract"\n[models]\ngenerator = "mine"\n', "utf-8")
    changed = types.FileEvent(uri=path.as_uri(), type=types.FileChangeType.Changed)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[changed]))
    await until(lambda: editor.status and editor.status[-1]["models"]["generator"] == "mine")


async def test_a_broken_settings_file_is_opened_where_the_user_says_so(
    start: Starter, workspace: Path
) -> None:
    asked: list[types.ShowMessageRequestParams] = []

    def choose(params: types.ShowMessageRequestParams) -> types.MessageActionItem:
        asked.append(params)
        return (params.actions or [])[0]

    window = {**PULLING["window"], "showDocument": {"support": True}}
    editor = await start({**PULLING, "window": window})
    editor.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(choose)
    path = workspace / "nsllm.toml"
    path.write_text("[retrieval]\ntop_k = 900\n", encoding="utf-8")
    changed = types.FileEvent(uri=path.as_uri(), type=types.FileChangeType.Created)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[changed]))
    await until(lambda: editor.shown_documents)
    assert "`retrieval.top_k`" in asked[0].message
    assert [document.uri for document in editor.shown_documents] == [path.as_uri()]


async def test_an_untrusted_workspace_chooses_no_models(start: Starter, workspace: Path) -> None:
    (workspace / "nsllm.toml").write_text('[models]\ngenerator = "evil"\n', encoding="utf-8")
    editor = await start(options={"trusted": False})
    await until(lambda: editor.status)
    await editor.ask("nsllm/audit", action="list")
    assert editor.status[-1]["models"]["generator"] == "smollm2-135m-instruct"


async def test_questions_without_a_folder_are_refused_with_what_to_do(start: Starter) -> None:
    editor = await start(folders=[])
    with pytest.raises(Exception, match="No folder is open"):
        await editor.ask("nsllm/hybridQuery", question=QUESTION)


async def test_malformed_messages_harm_no_other(start: Starter) -> None:
    editor = await start()
    refused: Future[Any] = Future()
    editor.protocol._request_futures["bad"] = refused
    hover = {"jsonrpc": "2.0", "id": "bad", "method": "textDocument/hover", "params": {}}
    unknown = {"jsonrpc": "2.0", "method": "no/such/notification"}
    for body in (b"{", b"[]", json.dumps(unknown).encode(), json.dumps(hover).encode()):
        editor.protocol.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(Exception, match="do not fit"):
        await asyncio.wrap_future(refused)
    with pytest.raises(Exception, match="Method Not Found"):
        await editor.ask("nsllm/noSuchRequest")
    assert (await editor.ask("nsllm/audit", action="list"))["records"] == []


@pytest.mark.enable_socket
@pytest.mark.parametrize("kind", ["tcp", "ws"])
async def test_a_developer_may_connect_by_socket(isolated_home: Path, kind: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nsllm", "lsp", f"--{kind}", str(port)),
        env={**os.environ, "NSLLM_HOME": str(isolated_home)},
    )
    editor = Editor()

    async def connected() -> bool:
        try:
            await (editor.start_tcp if kind == "tcp" else editor.start_ws)("127.0.0.1", port)
        except OSError:
            return False
        return True

    await until(connected)
    params = types.InitializeParams(capabilities=types.ClientCapabilities())
    result = await editor.initialize_session(params)
    assert result.server_info.name == "nsllm"
    assert (await editor.ask("nsllm/audit", action="list"))["records"] == []
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await asyncio.wait_for(server.wait(), 30) == 0
    await editor.stop()


async def test_the_end_of_the_input_ends_the_server(start: Starter) -> None:
    editor = await start()
    editor.process.stdin.close()
    assert await asyncio.wait_for(editor.process.wait(), 30) == 1


async def test_without_shutdown_an_exit_is_a_failure(start: Starter) -> None:
    editor = await start()
    editor.exit(None)
    assert await asyncio.wait_for(editor.process.wait(), 30) == 1


async def test_the_server_ends_with_the_editors_process(start: Starter) -> None:
    """The pipes may outlive an editor that crashed: another process can hold them."""
    stand_in = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def name(params: types.InitializeParams) -> None:
        params.process_id = stand_in.pid

    editor = await start(client=name)
    await editor.ask("nsllm/audit", action="list")
    stand_in.kill()
    await asyncio.to_thread(stand_in.communicate)
    assert await asyncio.wait_for(editor.process.wait(), 30) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
async def test_a_termination_signal_is_a_clean_end(start: Starter) -> None:
    editor = await start()
    await editor.ask("nsllm/audit", action="list")
    os.kill(editor.process.pid, signal.SIGTERM)
    assert await asyncio.wait_for(editor.process.wait(), 30) == 1


async def test_the_protocol_alone_is_on_stdout(start: Starter, isolated_home: Path) -> None:
    """What is not `initialize` is refused until then, and all that comes out is framed.

    A cancel that comes too late is nothing to write of either.
    """
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "nsllm/search", "params": {"query": "x"}},
        {"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": {"capabilities": {}}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 2}},
        {"jsonrpc": "2.0", "id": 3, "method": "shutdown"},
        {"jsonrpc": "2.0", "method": "exit"},
    ]
    bodies = [json.dumps(message).encode() for message in messages]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nsllm", "lsp", "--stdio"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NSLLM_HOME": str(isolated_home)},
    )
    out, errors = await server.communicate(
        b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    )
    assert (server.returncode, errors) == (0, b"")
    answers = []
    while out:
        header, _, rest = out.partition(b"\r\n\r\n")
        length = int(header.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        answers.append(json.loads(rest[:length]))
        out = rest[length:]
    assert [answer.get("id") for answer in answers] == [1, 2, 3]
    assert answers[0]["error"]["code"] == -32002
    assert answers[1]["result"]["serverInfo"]["name"] == "nsllm"


@pytest.mark.models
async def test_folders_come_and_go_and_each_is_searched_alone(
    start: Starter, editor_home: Path, workspace: Path, tmp_path: Path
) -> None:
    editor = await start(home=editor_home)
    await editor.indexed(len(WORKSPACE))
    other = tmp_path / "other"
    other.mkdir()
    (other / "tea.md").write_text("Green tea steeps for two minutes.\n", encoding="utf-8")
    change_folders(editor, added=other)
    await editor.indexed(len(WORKSPACE) + 1)
    query = {"query": "How long does tea steep?"}
    hits = (await editor.ask("nsllm/search", **query, workspace=other.as_uri()))["hits"]
    assert [hit["path"] for hit in hits] == ["tea.md"]
    hits = (await editor.ask("nsllm/search", **query, workspace=workspace.as_uri()))["hits"]
    assert "tea.md" not in [hit["path"] for hit in hits]
    # Without a folder the active document's counts.
    editor.open(other / "tea.md", "Green tea steeps for two minutes.\n")
    hits = (await editor.ask("nsllm/search", **query))["hits"]
    assert [hit["path"] for hit in hits] == ["tea.md"]
    change_folders(editor, removed=other)
    await editor.indexed(len(WORKSPACE))
    with pytest.raises(Exception, match="not in the workspace"):
        await editor.ask("nsllm/search", **query, workspace=other.as_uri())


def change_folders(
    editor: Editor, *, added: Path | None = None, removed: Path | None = None
) -> None:
    event = types.WorkspaceFoldersChangeEvent(
        *(
            [types.WorkspaceFolder(uri=folder.as_uri(), name=folder.name)] if folder else []
            for folder in (added, removed)
        )
    )
    editor.workspace_did_change_workspace_folders(
        types.DidChangeWorkspaceFoldersParams(event=event)
    )


@pytest.mark.models
async def test_renamed_and_changed_files_are_followed(
    start: Starter, editor_home: Path, workspace: Path
) -> None:
    editor = await start(home=editor_home)
    await editor.indexed(len(WORKSPACE))
    old, new = workspace / "docs" / "plans.md", workspace / "docs" / "prices.md"
    old.rename(new)
    renamed = types.FileRename(old_uri=old.as_uri(), new_uri=new.as_uri())
    editor.workspace_did_rename_files(types.RenameFilesParams(files=[renamed]))

    async def found(path: str, query: str) -> bool:
        hits = (await editor.ask("nsllm/search", query=query, top_k=1))["hits"]
        return [hit["path"] for hit in hits] == [path]

    await until(lambda: found("docs/prices.md", "price of the Team plan"))
    added = workspace / "docs" / "casing.md"
    added.write_text("The casing is vermilion.\n", encoding="utf-8")
    event = types.FileEvent(uri=added.as_uri(), type=types.FileChangeType.Created)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[event]))
    await until(lambda: found("docs/casing.md", "vermilion casing"))


async def test_a_client_that_cannot_watch_files_is_watched_for(
    start: Starter, workspace: Path
) -> None:
    """No notification comes: the server itself sees the settings file come and change."""
    editor = await start(PUSHED)
    await until(lambda: editor.status)
    await editor.ask("nsllm/audit", action="list")
    path = workspace / "nsllm.toml"

    def noticed(model: str) -> bool:
        # Written until it is seen: what came before the watcher started is nobody's to report.
        path.write_text(f'[models]\ngenerator = "{model}"\n', encoding="utf-8")
        return editor.status[-1]["models"]["generator"] == model

    await until(lambda: noticed("mine"))
    await until(lambda: noticed("another"))


@pytest.mark.models
async def test_files_changed_elsewhere_are_found_without_a_watching_client(
    start: Starter, editor_home: Path, workspace: Path
) -> None:
    editor = await start(PUSHED, home=editor_home)
    await editor.indexed(len(WORKSPACE))
    (workspace / "docs" / "casing.md").write_text("The casing is vermilion.\n", encoding="utf-8")
    (workspace / "docs" / "plans.md").unlink()

    async def followed() -> bool:
        hits = (await editor.ask("nsllm/search", query="vermilion casing", top_k=9))["hits"]
        paths = {hit["path"] for hit in hits}
        return "docs/casing.md" in paths and "docs/plans.md" not in paths

    await until(followed)


@pytest.mark.models
async def test_answers_and_generated_regions_are_known_after_a_restart(
    start: Starter, editor_home: Path, workspace: Path
) -> None:
    first = await start(home=editor_home)
    await first.indexed(len(WORKSPACE))
    answer = await first.ask("nsllm/hybridQuery", question=QUESTION, mode="extract")
    await first.leave()
    second = await start(home=editor_home)
    await second.indexed(len(WORKSPACE))
    text = (await second.ask("nsllm/answer", uri=answer["uri"]))["text"]
    assert answer["text"] in text
    assert "[1] docs/storage.md:" in text
    uri = second.open(workspace / "kept.md", f"# Kept\n\nMy words.\n\n{answer['text']}\n")
    [region] = (await second.ask("nsllm/region", uri=uri))["regions"]
    assert region["answer_id"] == answer["id"]
    assert region["range"]["start"]["line"] == 4


@pytest.mark.models
async def test_an_answer_comes_although_it_cannot_be_remembered(
    start: Starter, isolated_home: Path, models_home: Path, workspace: Path
) -> None:
    damaged = home.workspace_folder(workspace) / "regions.db"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no database" * 100)
    editor = await start(home=home_with_models(isolated_home, models_home))
    await editor.indexed(len(WORKSPACE))
    answer = await editor.ask("nsllm/hybridQuery", question=QUESTION, mode="extract")
    assert "30 days" in answer["text"]
    await until(lambda: editor.status[-1]["health"] == "warning")
    assert "regions.db" in editor.status[-1]["message"]


@pytest.mark.models
async def test_two_folders_share_one_set_of_models(
    start: Starter, editor_home: Path, workspace: Path, tmp_path: Path
) -> None:
    """Both are indexed, and nothing is left of the server or its children at the end."""
    other = write_workspace(tmp_path / "twin")
    editor = await start(home=editor_home, folders=[workspace, other])
    await editor.indexed(2 * len(WORKSPACE))
    titles = {
        value["title"]
        for values in editor.progress.values()
        for value in values
        if value["kind"] == "begin"
    }
    assert titles == {"Indexing harrow", "Indexing twin"}
    folders = {folder["workspace"] for folder in editor.status[-1]["folders"]}
    assert folders == {workspace.as_uri(), other.as_uri()}


@pytest.mark.models
async def test_a_model_that_was_deleted_is_named_and_the_rest_goes_on(
    start: Starter, models_home: Path, workspace: Path, tmp_path: Path
) -> None:
    home = home_with_models(tmp_path / "home", models_home)
    editor = await start(home=home)
    await editor.indexed(len(WORKSPACE))
    shutil.rmtree(home / "models" / "smollm2-135m-instruct")
    with pytest.raises(RefusedError, match="smollm2-135m-instruct") as refused:
        await editor.ask("nsllm/hybridQuery", question=QUESTION, mode="generate")
    assert refused.value.data["code"] == "model.missing"
    assert "nsllm models pull" in refused.value.data["hint"]
    answer = await editor.ask("nsllm/hybridQuery", question=QUESTION, mode="extract")
    assert "30 days" in answer["text"]


@pytest.mark.models
async def test_what_is_accepted_in_an_answers_document_is_gone_from_it(
    start: Starter, editor_home: Path, workspace: Path, tmp_path: Path
) -> None:
    """Of two folders it is the answer's own in which it is accepted, and asked again."""
    other = write_workspace(tmp_path / "twin")
    settings = {"governance": {"min_words_warn": 400}}
    editor = await start(home=editor_home, folders=[other, workspace], settings=settings)
    await editor.indexed(2 * len(WORKSPACE))
    answer = await editor.ask(
        "nsllm/hybridQuery", question=QUESTION, mode="extract", workspace=workspace.as_uri()
    )
    assert answer["verdict"] == "warn"
    document = await editor.ask("nsllm/answer", uri=answer["uri"])
    assert document["workspace"] == workspace.as_uri()
    uri = editor.open(answer["uri"], document["text"])
    [region] = (await editor.ask("nsllm/region", uri=uri))["regions"]
    found = (await editor.pull(uri)).items
    assert {diagnostic.code for diagnostic in found} == {f["rule"] for f in region["findings"]}
    actions = await editor.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            range=found[0].range,
            context=types.CodeActionContext(diagnostics=[]),
        )
    )
    [again] = [action for action in actions if action.title == "Ask again"]
    assert again.command.arguments[0]["workspace"] == workspace.as_uri()
    for diagnostic in found:
        finding = {"uri": uri, "rule": diagnostic.code, "text": diagnostic.data["text"]}
        accepted = await editor.ask(
            "nsllm/audit", action="accept", finding=finding | {"reason": "Short."}
        )
        assert accepted["records"][0]["workspace"] == str(workspace)
    [region] = (await editor.ask("nsllm/region", uri=uri))["regions"]
    assert (region["findings"], region["verdict"]) == ([], "pass")
