"""Measure the language server as an editor feels it: python scripts/bench_lsp.py [--files N].

Prints the time to `initialize`; from an edit to its being found; the hover and diagnostics requests
on the same connection while an answer is generated and files are indexed; and from a cancel to its
answer. It needs the installed models of NSLLM_HOME (their folder is linked into a temporary one).
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

from nsllm import home
from nsllm.frontends.lsp.positions import Lines

CLAIM = "The Team plan costs 95 euros a month and covers 50 relays."
QUESTION = "Describe at length what the notes say of readings, relays and alarms."
PARAGRAPH = (
    "Relay {n} sends its readings every {n} seconds to the server in hall {hall}. "
    "An alarm is raised after {n} readings above the limit of {limit} degrees, and reaches the "
    "engineer of hall {hall} by e-mail. Readings are kept for {days} days before they move to the "
    "archive, which is compressed at night."
)


class Client:
    """The smallest client: frames, ids, and what time each answer took."""

    def __init__(self, nsllm_home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nsllm", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NSLLM_HOME": str(nsllm_home)},
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a process started with pipes has them")
        self._in, self._out = self.process.stdin, self.process.stdout
        self._ids = itertools.count(1)
        self._answers: dict[int, Queue[tuple[float, dict[str, Any]]]] = {}
        self.deltas = 0
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification."""
        self._write({"method": method, "params": params})

    def begin(self, method: str, params: dict[str, Any]) -> int:
        """Send a request and return its id."""
        number = next(self._ids)
        self._answers[number] = Queue()
        self._write({"id": number, "method": method, "params": params})
        return number

    def wait(self, number: int, timeout_s: float = 600) -> tuple[float, dict[str, Any]]:
        """Return when the answer came, and the answer."""
        return self._answers[number].get(timeout=timeout_s)

    def ask(self, method: str, params: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Send a request; return its milliseconds and its answer."""
        started = time.perf_counter()
        at, answer = self.wait(self.begin(method, params))
        return (at - started) * 1000, answer

    def is_answered(self, number: int) -> bool:
        """Tell whether the answer has come."""
        return not self._answers[number].empty()

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._in.flush()

    def _read(self) -> None:
        while header := self._out.readline():
            length = int(header.split(b":")[1])
            while self._out.readline().strip():
                pass
            message = json.loads(self._out.read(length))
            if "method" in message and "id" in message:
                result: list[Any] | None = (
                    [{}] if message["method"] == "workspace/configuration" else None
                )
                self._write({"id": message["id"], "result": result})
            elif "id" in message:
                self._answers[message["id"]].put((time.perf_counter(), message))
            elif message["method"] == "$/progress":
                self.deltas += message["params"]["value"].get("kind") == "delta"
        self.ended.set()


def write_files(folder: Path, count: int) -> None:
    """Write a workspace of `count` short documents."""
    folder.mkdir(parents=True)
    (folder / "plans.md").write_text(f"# Plans\n\n{CLAIM.replace('95', '80')}\n", encoding="utf-8")
    for n in range(count - 1):
        text = PARAGRAPH.format(n=n, hall=n % 40, limit=20 + n % 60, days=n % 365)
        path = folder / f"part-{n % 20}" / f"note-{n}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# Note {n}\n\n{text}\n", encoding="utf-8")


@contextmanager
def serving(folder: Path, nsllm_home: Path) -> Iterator[tuple[Client, float]]:
    """Start a server on a folder; yield the client and the milliseconds to `initialize`."""
    started = time.perf_counter()
    client = Client(nsllm_home)
    capabilities = {
        "workspace": {"configuration": True, "diagnostics": {"refreshSupport": True}},
        "textDocument": {"diagnostic": {}},
    }
    params = {
        "processId": os.getpid(),
        "capabilities": capabilities,
        "workspaceFolders": [{"uri": folder.as_uri(), "name": "bench"}],
    }
    at, _ = client.wait(client.begin("initialize", params))
    client.send("initialized", {})
    yield client, (at - started) * 1000
    client.ask("shutdown", {})
    client.send("exit", {})
    client.ended.wait(30)
    client.process.wait(30)


def indexed(client: Client) -> int:
    """Wait until nothing is indexed any more, and return the number of documents."""
    while True:
        _, answer = client.ask("nsllm/index", {"action": "status"})
        [folder] = answer["result"]["folders"]
        if not folder["busy"]:
            return int(folder["documents"])
        time.sleep(0.2)


def measure_edits(client: Client, folder: Path, times: int = 10) -> list[float]:
    """Return the milliseconds from an edit's notification to a search that finds it."""
    path = folder / "plans.md"
    uri, text = path.as_uri(), path.read_text(encoding="utf-8")
    item = {"uri": uri, "languageId": "markdown", "version": 1, "text": text}
    client.send("textDocument/didOpen", {"textDocument": item})
    found = []
    for n in range(2, times + 2):
        word = f"vermilion{n}"
        end = Lines(text, "utf-16").range((len(text), len(text)))
        added = f"\nThe casing of series {n} is called {word}.\n"
        text += added
        started = time.perf_counter()
        document = {"uri": uri, "version": n}
        change = {"range": end, "text": added}
        client.send(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )
        while True:
            query = {"query": f"casing {word}", "top_k": 3}
            _, answer = client.ask("nsllm/search", query)
            if any(word in hit["text"] for hit in answer["result"]["hits"]):
                break
        found.append((time.perf_counter() - started) * 1000)
    return found


def govern(client: Client, folder: Path) -> str:
    """Open a document with one finding, and return its URI."""
    uri = (folder / "generated.md").as_uri()
    text = f"# Notes\n\n{CLAIM}\n"
    item = {"uri": uri, "languageId": "markdown", "version": 1, "text": text}
    client.send("textDocument/didOpen", {"textDocument": item})
    lines = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": len(CLAIM)}}
    client.ask("nsllm/check", {"uri": uri, "range": lines, "generated": True})
    client.ask("nsllm/region", {"uri": uri})
    return uri


def measure_under_load(client: Client, uri: str, load: list[int]) -> dict[str, list[float]]:
    """Return the milliseconds of hovers and diagnostics while the requests of `load` run."""
    place = {"textDocument": {"uri": uri}}
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "hover": (
            "textDocument/hover",
            {**place, "position": {"line": 2, "character": CLAIM.index("95")}},
        ),
        "diagnostics": ("textDocument/diagnostic", place),
    }
    spent: dict[str, list[float]] = {name: [] for name in requests}
    while not any(client.is_answered(number) for number in load):
        for name, (method, params) in requests.items():
            took, answer = client.ask(method, params)
            if not answer.get("result"):
                raise RuntimeError(f"{method} answered {answer}")
            spent[name].append(took)
            time.sleep(0.02)
    return spent


def measure_cancel(client: Client) -> float:
    """Return the milliseconds from a cancel to its answer.

    The answer is sent when the worker has confirmed that it stopped: from then on it is free.
    """
    params = {"question": QUESTION, "mode": "generate", "partialResultToken": "bench"}
    request = client.begin("nsllm/hybridQuery", params)
    before = client.deltas
    while client.deltas < before + 3:
        time.sleep(0.005)
    started = time.perf_counter()
    client.send("$/cancelRequest", {"id": request})
    at, _ = client.wait(request)
    return (at - started) * 1000


def show(name: str, values: list[float]) -> None:
    """Print the middle, the 95th percentile and the worst of some milliseconds."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    print(
        f"{name:<44} p50 {at(0.5):7.1f} ms   p95 {at(0.95):7.1f} ms   "
        f"worst {ordered[-1]:7.1f} ms   ({len(ordered)} requests)",
        flush=True,
    )


def main() -> int:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    files = parser.parse_args().files
    scratch = Path(tempfile.mkdtemp(prefix="nsllm-bench-"))
    try:
        shutil.copytree(home.models_folder(), scratch / "home" / "models", copy_function=os.link)
    except OSError:
        shutil.copytree(home.models_folder(), scratch / "home" / "models", dirs_exist_ok=True)
    small, large = scratch / "small", scratch / "large"
    write_files(small, 40)
    write_files(large, files)
    starts = []
    for _ in range(5):
        with serving(small, scratch / "home") as (client, took):
            starts.append(took)
    show("initialize, from the start of the process", starts)
    with serving(small, scratch / "home") as (client, _):
        indexed(client)
        client.ask("nsllm/search", {"query": "warm"})
        show("an edit until a search finds it", measure_edits(client, small))
        show("a cancel until the worker is free", [measure_cancel(client) for _ in range(3)])
    with serving(small, scratch / "home") as (client, _):
        indexed(client)
        uri = govern(client, small)
        question = {
            "question": QUESTION,
            "mode": "generate",
            "workspace": small.as_uri(),
            "partialResultToken": "load",
        }
        answers = [client.begin("nsllm/hybridQuery", question)]
        while not client.deltas:
            time.sleep(0.01)
        change_folder(client, large)
        index = client.begin("nsllm/index", {"action": "sync", "workspace": large.as_uri()})
        spent: dict[str, list[float]] = {"hover": [], "diagnostics": []}
        started = time.perf_counter()
        while not client.is_answered(index):
            for name, values in measure_under_load(client, uri, [answers[-1], index]).items():
                spent[name] += values
            answers.append(client.begin("nsllm/hybridQuery", question))
        print(f"{files} files indexed beside answers in {time.perf_counter() - started:.1f} s")
        client.send("$/cancelRequest", {"id": answers[-1]})
        for name, values in spent.items():
            show(f"{name} while indexing and generating", values)
        print(f"answers begun meanwhile: {len(answers)}; pieces of text: {client.deltas}")
    shutil.rmtree(scratch, ignore_errors=True)
    return 0


def change_folder(client: Client, folder: Path) -> None:
    """Add a folder to the workspace."""
    added = [{"uri": folder.as_uri(), "name": folder.name}]
    client.send("workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": []}})


if __name__ == "__main__":
    sys.exit(main())
