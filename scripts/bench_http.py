"""Measure the HTTP server: python scripts/bench_http.py [--clients N] [--seconds S].

Prints what a request costs over calling Application directly, for a search;
then what many clients at once see (searches, and answers that are cached), with every status, and
the server's memory. It needs the installed models of NSLLM_HOME (their folder is linked into a
temporary one).
"""

import argparse
import asyncio
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import msgspec

from bench_lsp import write_files
from nsllm import home, settings
from nsllm.app import Application
from nsllm.frontends import wire
from nsllm.runtime import ModelRuntime

QUERY = "alarms above the limit"
QUESTIONS = 6


def show(name: str, values: list[float]) -> None:
    """Print the middle, the 95th and 99th percentile and the worst of some milliseconds."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    print(
        f"{name:<38} p50 {at(0.5):7.2f}   p95 {at(0.95):7.2f}   p99 {at(0.99):7.2f}   "
        f"worst {ordered[-1]:8.2f} ms   ({len(ordered)})",
        flush=True,
    )


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Return the milliseconds that something takes."""
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1000


def serve(folder: Path, nsllm_home: Path) -> tuple[subprocess.Popen[str], str, str]:
    """Start a server; return its process, its address and its token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nsllm", "serve", str(folder), "--port", "0"],
        env={**os.environ, "NSLLM_HOME": str(nsllm_home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    if process.stderr is None:
        raise RuntimeError("a process started with pipes has them")
    for line in process.stderr:
        if line.startswith("{") and (url := msgspec.json.decode(line).get("url")):
            break
    else:
        raise RuntimeError("the server did not start")
    token = (nsllm_home / "server" / "token").read_text(encoding="utf-8").strip()
    return process, url, token


async def drain(process: subprocess.Popen[str]) -> None:
    """Read the log: a full pipe would hold the server up."""
    stream = process.stderr
    if stream is not None:
        await asyncio.to_thread(collections.deque, stream, 0)


def resident_mb(pid: int) -> float:
    """Return the megabytes that a process holds in memory; 0 where that cannot be read."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure_overhead(client: httpx.AsyncClient, folder: Path, times: int) -> None:
    """Compare the same search through HTTP and in this process, in turns."""
    loaded = settings.load(folder)
    application = Application(folder, loaded, ModelRuntime(loaded))
    body = {"query": QUERY, "top_k": 5}

    async def direct() -> object:
        found = await application.search(QUERY, 5)
        return wire.to_json([wire.source(i, one) for i, one in enumerate(found, start=1)])

    async def over_http() -> object:
        return (await client.post("/api/search", json=body)).raise_for_status().content

    async def health() -> object:
        return (await client.get("/healthz")).raise_for_status().content

    spent: dict[str, list[float]] = {"direct": [], "http": [], "empty": []}
    for number in range(times + 20):
        took = [await timed(direct), await timed(over_http), await timed(health)]
        if number >= 20:
            for name, value in zip(spent, took, strict=True):
                spent[name].append(value)
    await application.aclose()
    show("search, Application directly", spent["direct"])
    show("search, over HTTP", spent["http"])
    show("a request that does nothing (/healthz)", spent["empty"])
    pairs = zip(spent["http"], spent["direct"], strict=True)
    show("overhead, pair by pair", [http - direct for http, direct in pairs])


async def measure_load(client: httpx.AsyncClient, pid: int, clients: int, seconds: float) -> None:
    """Let many clients search and ask what was asked before, each as fast as it is answered."""
    statuses: collections.Counter[str] = collections.Counter()
    spent: dict[str, list[float]] = {"search": [], "ask": []}
    questions = [f"{QUERY} {number}" for number in range(QUESTIONS)]
    for question in questions:
        body = {"question": question, "mode": "extract"}
        (await client.post("/api/hybrid-query", json=body)).raise_for_status()
    cached = 0
    until = time.monotonic() + seconds

    async def send(kind: str, number: int) -> None:
        nonlocal cached
        question = questions[number % QUESTIONS]
        path, body = (
            ("/api/search", {"query": question, "top_k": 5})
            if kind == "search"
            else ("/api/hybrid-query", {"question": question, "mode": "extract"})
        )
        started = time.perf_counter()
        try:
            response = await client.post(path, json=body)
        except httpx.HTTPError as error:
            statuses[type(error).__name__] += 1
            return
        spent[kind].append((time.perf_counter() - started) * 1000)
        clean = response.status_code == 200 or "retry-after" in response.headers
        statuses[f"{response.status_code}{'' if clean else ' without Retry-After'}"] += 1
        cached += kind == "ask" and response.status_code == 200 and response.json()["cached"]

    async def one(number: int) -> None:
        while time.monotonic() < until:
            await send("ask" if number % 2 else "search", number)
            number += 1

    memory = [resident_mb(pid)]

    async def watch() -> None:
        for _ in range(4):
            await asyncio.sleep(seconds / 4)
            memory.append(resident_mb(pid))

    started = time.monotonic()
    await asyncio.gather(watch(), *(one(number) for number in range(clients)))
    took = time.monotonic() - started
    for kind, values in spent.items():
        show(f"{kind}, {clients} clients at once", values)
    total = sum(map(len, spent.values()))
    print(f"{total / took:.0f} requests/s for {took:.0f} s; answers: {dict(statuses)}")
    print(f"{cached} of {len(spent['ask'])} answers came from the cache")
    print(f"memory, at each quarter: {', '.join(f'{one:.0f} MB' for one in memory)}")


async def measure(folder: Path, nsllm_home: Path, given: argparse.Namespace) -> None:
    """Run all measurements against one server."""
    process, url, token = await asyncio.to_thread(serve, folder, nsllm_home)
    reading = asyncio.create_task(drain(process))
    limits = httpx.Limits(max_connections=given.clients)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with httpx.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=300
        ) as client:
            (await client.post("/api/index", json={})).raise_for_status()
            await measure_overhead(client, folder, given.times)
            await measure_load(client, process.pid, given.clients, given.seconds)
    finally:
        process.terminate()
        await reading
        await asyncio.to_thread(process.wait)
        if process.stderr:
            process.stderr.close()


def main() -> int:
    """Set up a workspace and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=int, default=300)
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="nsllm-bench-"))
    nsllm_home = scratch / "home"
    try:
        shutil.copytree(home.models_folder(), nsllm_home / "models", copy_function=os.link)
    except OSError:
        shutil.copytree(home.models_folder(), nsllm_home / "models", dirs_exist_ok=True)
    os.environ["NSLLM_HOME"] = str(nsllm_home)
    write_files(scratch / "notes", 200)
    try:
        asyncio.run(measure(scratch / "notes", nsllm_home, given))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
