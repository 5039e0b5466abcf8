"""Whatever is wrong with the input, the machine or its disk: a sentence, a code, nothing lost."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Run

OK, FINDINGS, USAGE, ENVIRONMENT = 0, 1, 2, 3
ASKED = "How long are readings kept?"
pytestmark = pytest.mark.models


def fails(done: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    """Assert the exit code, the words of the message, and that no traceback is shown."""
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    for word in words:
        assert word in said, said


def answers(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == OK, done.stderr
    assert "30 days" in json.loads(done.stdout)["text"]


def left_out(nsllm: Run) -> dict[str, str]:
    """Index and return the reasons by path for what was left out."""
    done = nsllm("index", "--json")
    assert done.returncode == OK, done.stderr
    return {skipped["path"]: skipped["reason"] for skipped in json.loads(done.stdout)["skipped"]}


def test_an_empty_workspace(nsllm: Run, with_models: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    fails(nsllm("ask", ASKED, "-w", empty), ENVIRONMENT, str(empty), "nothing to index")


def test_a_workspace_that_is_not_there(nsllm: Run, with_models: Path, tmp_path: Path) -> None:
    fails(nsllm("ask", ASKED, "-w", tmp_path / "gone"), ENVIRONMENT, "gone")


@pytest.mark.usefixtures("with_models")
def test_files_that_are_not_text_are_named_and_left_out(nsllm: Run, workspace: Path) -> None:
    (workspace / "huge.md").write_bytes(b"word " * 10_000_000)
    (workspace / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 50)
    (workspace / "broken.md").write_bytes(b"caf\xe9 \xff\xfe\x80 is not UTF-8 \xc3\x28\n" * 20)
    found = left_out(nsllm)
    assert found.keys() >= {"huge.md", "image.png"}
    assert "2.0 MB" in found["huge.md"] or "2,000,000" in found["huge.md"], found["huge.md"]
    answers(nsllm("ask", ASKED, "--json"))


@pytest.mark.usefixtures("with_models")
def test_an_unreadable_file_is_named_and_left_out(nsllm: Run, workspace: Path) -> None:
    # Root reads every file, so a link that leads to itself stands for one that cannot be opened.
    (workspace / "loop.md").symlink_to("loop.md")
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        (workspace / "locked.md").write_text("Nobody reads this.", encoding="utf-8")
        (workspace / "locked.md").chmod(0)
        assert "locked.md" in left_out(nsllm)
    answers(nsllm("ask", ASKED, "--json"))


def test_a_corrupt_index_is_built_again(nsllm: Run, with_models: Path) -> None:
    assert nsllm("index").returncode == OK
    [catalogue] = (with_models / "workspaces").glob("*/*.db")
    catalogue.write_bytes(b"this is not a database" * 500)
    answers(nsllm("ask", ASKED, "--json"))


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "deleted"])
def test_a_damaged_model_is_named(nsllm: Run, with_models: Path, damage: str) -> None:
    model = with_models / "models" / "all-minilm-l6-v2" / "model.onnx"
    body = model.read_bytes()
    model.unlink()  # the file is linked to the other tests' own
    if damage == "truncated":
        model.write_bytes(body[: len(body) // 2])
    elif damage == "overwritten":
        model.write_bytes(b"\0" * len(body))
    done = nsllm("search", "archive")
    fails(done, ENVIRONMENT, "all-minilm-l6-v2", "nsllm models pull")


def test_a_full_disk_while_indexing(
    nsllm: Run, with_models: Path, workspace: Path, small_disk: Callable[[Path, int], None]
) -> None:
    small_disk(with_models / "workspaces", 1_000_000)
    answers(nsllm("ask", ASKED, "--json"))
    for number in range(40):
        text = "".join(f"Rule {number}.{i} of the long book says so.\n\n" for i in range(400))
        (workspace / f"long-{number}.md").write_text(text, encoding="utf-8")
    fails(nsllm("index"), ENVIRONMENT, "full")
    for path in workspace.glob("long-*.md"):
        path.unlink()
    answers(nsllm("ask", ASKED, "--json"))


def test_a_full_disk_while_recording(
    nsllm: Run, with_models: Path, small_disk: Callable[[Path, int], None]
) -> None:
    answers(nsllm("ask", ASKED, "--json"))
    kept = with_models.with_name("kept")
    shutil.move(with_models, kept)
    small_disk(with_models, 200_000)
    for name in ("models", "workspaces"):
        (with_models / name).symlink_to(kept / name)
    (with_models / "filler").write_bytes(b"\0" * 190_000)
    fails(nsllm("ask", ASKED), ENVIRONMENT, "full", "audit.db")
    (with_models / "filler").unlink()
    answers(nsllm("ask", ASKED, "--json"))


def test_no_network_at_the_first_pull(nsllm: Run, isolated_home: Path) -> None:
    # An address of the reserved range that nobody answers stands for the missing network.
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
    }
    done = nsllm("ask", ASKED, "--yes", **offline)
    fails(done, ENVIRONMENT, "all-minilm-l6-v2")
    assert not list((isolated_home / "models").glob("*/manifest.json"))


def test_a_download_that_nobody_agreed_to(nsllm: Run) -> None:
    fails(nsllm("ask", ASKED), ENVIRONMENT, "nsllm models pull", "83.5 MB", "Apache-2.0")


@pytest.mark.usefixtures("with_models")
@pytest.mark.parametrize("mode", ["extract", "generate"])
def test_a_question_longer_than_the_context(nsllm: Run, mode: str) -> None:
    question = "Is the relay " + "very " * 20_000 + "slow?"
    done = nsllm("ask", question, "--mode", mode)
    if mode == "generate":
        fails(done, USAGE, "question", "tokens")
    else:
        # Reading takes the beginning of it; nothing has to fit a generator's context.
        assert done.returncode in {OK, USAGE}, done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("with_models")
def test_an_empty_question(nsllm: Run) -> None:
    fails(nsllm("ask", "  "), USAGE, "question is empty")


def test_two_processes_index_at_once(
    nsllm: Run, with_models: Path, workspace: Path, isolated_home: Path
) -> None:
    for number in range(60):
        (workspace / f"note-{number}.md").write_text(f"Note {number} is short.\n", "utf-8")
    environment = {**os.environ, "NSLLM_HOME": str(isolated_home)}
    command = [sys.executable, "-m", "nsllm", "index", "--json"]
    both = [
        subprocess.Popen(command, cwd=workspace, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    reports = [json.loads(process.communicate(timeout=110)[0]) for process in both]
    assert [process.returncode for process in both] == [OK, OK]
    assert {report["documents"] for report in reports} == {62}
    assert sum(report["added"] for report in reports) == 62
    answers(nsllm("ask", ASKED, "--json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask"], ["question"]),
        (["ask", ASKED, "--top-k", "0"], ["top-k"]),
        (["ask", ASKED, "--mode", "guess"], ["generation.mode", "guess"]),
        (["ask", ASKED, "--model", "gpt-9"], ["gpt-9"]),
        (["search"], ["--queries"]),
        (["score", "missing.jsonl"], ["missing.jsonl"]),
        (["models", "pull", "gpt-9"], ["gpt-9"]),
        (["frobnicate"], ["frobnicate"]),
    ],
)
@pytest.mark.usefixtures("with_models")
def test_a_request_that_cannot_be_met(nsllm: Run, arguments: list[str], words: list[str]) -> None:
    fails(nsllm(*arguments), USAGE, *words)


@pytest.mark.usefixtures("with_models")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json", ["line 2"]),
        ('{"id": "2", "passages": []}', ["line 2", "answer"]),
        ('{"id": "2", "answer": 5, "passages": []}', ["line 2", "answer"]),
    ],
)
def test_a_bad_line_is_named_and_the_output_of_before_is_kept(
    nsllm: Run, workspace: Path, line: str, words: list[str]
) -> None:
    good = '{"id": "1", "answer": "Readings are kept.", "passages": ["Readings are kept."]}'
    (workspace / "in.jsonl").write_text(f"{good}\n{line}\n", encoding="utf-8")
    (workspace / "out.jsonl").write_text("kept\n", encoding="utf-8")
    fails(nsllm("score", "in.jsonl", "-o", "out.jsonl"), USAGE, "in.jsonl", *words)
    assert (workspace / "out.jsonl").read_text("utf-8") == "kept\n"


@pytest.mark.usefixtures("with_models")
def test_a_setting_that_does_not_exist_is_named(nsllm: Run, workspace: Path) -> None:
    (workspace / "nsllm.toml").write_text("[retrieval]\ntop_kk = 3\n", encoding="utf-8")
    fails(nsllm("ask", ASKED), USAGE, "nsllm.toml", "retrieval.top_kk")


@pytest.mark.usefixtures("with_models")
def test_errors_come_as_json_where_json_was_asked_for(nsllm: Run) -> None:
    done = nsllm("ask", " ", "--json")
    assert done.returncode == USAGE
    assert json.loads(done.stdout)["error"]["code"] == "question"
