"""A worker process that speaks the frames and follows a script: the fake at the process edge.

`python scripted_worker.py FOLDER`: FOLDER/script.json is a list of modes, one for each start of
the process; the last one repeats. FOLDER/starts counts the starts, FOLDER/requests.log lists what
arrived.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from nsllm.generation import messages
from nsllm.generation.messages import (
    Cancel,
    Done,
    Failed,
    Generate,
    Load,
    Loaded,
    Score,
    Scored,
    Tokens,
)


def main() -> None:
    folder = Path(sys.argv[1])
    counter = folder / "starts"
    start = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(start + 1))
    script = json.loads((folder / "script.json").read_text())
    mode = script[min(start, len(script) - 1)]
    log = (folder / "requests.log").open("a", buffering=1)
    source, sink = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb", buffering=0)

    def say(reply: messages.Reply) -> None:
        sink.write(messages.encode(reply))

    while (request := messages.read_request(source)) is not None:
        log.write(f"{type(request).__name__} {getattr(request, 'id', '')}\n")
        if isinstance(request, Load):
            if mode == "silent on load":
                continue
            if mode == "no memory":
                say(Failed(id=None, code="memory", message="Too large.", hint="Get more."))
                continue
            say(Loaded(load_ms=1, device=mode, context_tokens=100, memory_bytes=None))
        elif isinstance(request, Score):
            say(Scored(id=request.id, logprobs=(-1.0,) * len(request.continuation)))
        elif isinstance(request, Cancel):
            if mode != "deaf":
                say(Done(id=request.id, finish="cancelled", prefill_ms=1, decode_ms=1))
        elif isinstance(request, Generate):
            answer(mode, request, say, sink)


def answer(mode, request, say, sink) -> None:
    tokens = request.prompt if mode != "flood" else range(100_000)
    for token in tokens:
        say(Tokens(id=request.id, ids=(token,), logprobs=(-0.5,)))
        if mode in {"silent", "deaf"}:
            return
        if mode == "crash":
            sys.stderr.write("first line\nthe native library gave up\n")
            sys.exit(3)
        if mode == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "garbage":
            sink.write(b"\x00\x00\x00\x04junk and more")
            time.sleep(60)
        if mode == "huge frame":
            sink.write(b"\xff\xff\xff\xff")
            time.sleep(60)
        if mode == "half a frame":
            sink.write(b"\x00\x00\x00\x40abc")
            sys.exit(0)
        if mode == "closes its pipe":
            sink.close()
            os.close(1)
            time.sleep(60)
        if mode == "request fails":
            say(Failed(id=request.id, code="question", message="Too long.", hint="Shorten it."))
            return
    say(Done(id=request.id, finish="stop", prefill_ms=1, decode_ms=1))


main()
