"""Measure generation: what the worker process costs, and what it gives.

`python scripts/bench_generation.py MODEL_FOLDER`: decode speed through the worker beside the bare
library in a process of its own (rounds interleaved, medians), the longest gap of the event loop
while a text is written, and the time from a cancellation to a worker at rest.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

from nsllm.embedding.tokenizer import Tokenizer
from nsllm.generation.client import GeneratorClient, GeneratorModel, Sampling
from nsllm.generation.messages import Tokens

TEXT = (
    "The harbour of the old town was quiet in the early morning. The fishermen had left before "
    "dawn, and only the gulls were there to see what happened next. "
)
TICK_S = 0.001


def bare(folder: str, threads: int) -> None:
    """Answer each line of standard input, token ids and a count, by the tokens per second."""
    import onnxruntime_genai as og  # noqa: TID251 - the bare library is what is compared with

    config = og.Config(folder)
    session = {"intra_op_num_threads": threads}
    config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
    model = og.Model(config)
    for line in sys.stdin:
        prompt, count = json.loads(line)
        params = og.GeneratorParams(model)
        params.set_search_options(do_sample=False, max_length=len(prompt) + count)
        generator = og.Generator(model, params)
        generator.append_tokens(prompt)
        generator.generate_next_token()
        started, tokens = time.perf_counter(), 0
        while not generator.is_done():
            generator.generate_next_token()
            tokens += 1
        print(tokens / (time.perf_counter() - started), flush=True)


async def decode(
    client: GeneratorClient, model: GeneratorModel, prompt: list[int], count: int
) -> float:
    """Return the tokens per second after the first one, as the client sees them."""
    events = client.generate(model, prompt, Sampling(max_tokens=count))
    times = [time.perf_counter() async for event in events if isinstance(event, Tokens)]
    return (len(times) - 1) / (times[-1] - times[0])


async def compare(
    client: GeneratorClient, model: GeneratorModel, prompt: list[int], rounds: int
) -> None:
    """Print the decode speed of both, measured in turns."""
    count = 128
    command = [sys.executable, __file__, str(model.folder), "--bare"]
    command += ["--threads", str(model.threads)]
    through: list[float] = []
    direct: list[float] = []
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    for number in range(rounds + 1):
        process.stdin.write(json.dumps([prompt, count]).encode() + b"\n")
        speed = float(await process.stdout.readline())
        through_speed = await decode(client, model, prompt, count)
        if number:  # The first round warms both up.
            direct.append(speed)
            through.append(through_speed)
    process.stdin.close()
    await process.wait()
    ratio = statistics.median(a / b for a, b in zip(through, direct, strict=True))
    print(f"decode, worker   {statistics.median(through):7.1f} tokens/s {spread(through)}")
    print(f"decode, bare     {statistics.median(direct):7.1f} tokens/s {spread(direct)}")
    print(f"worker/bare      {ratio:7.3f} (median of {rounds} pairs)")


async def watch_loop(
    client: GeneratorClient, model: GeneratorModel, prompt: list[int], seconds: float
) -> None:
    """Print the longest gap between ticks of the event loop, idle and while a text is written."""
    for name in ("idle", "generating"):
        gaps: list[float] = []

        async def tick(gaps: list[float] = gaps) -> None:
            last = time.perf_counter()
            while True:
                await asyncio.sleep(TICK_S)
                now = time.perf_counter()
                gaps.append(now - last)
                last = now

        ticker = asyncio.create_task(tick())
        end = time.perf_counter() + seconds
        if name == "idle":
            await asyncio.sleep(seconds)
        while time.perf_counter() < end:
            await decode(client, model, prompt, 200)
        ticker.cancel()
        print(f"loop, {name:11}{max(gaps) * 1000:6.1f} ms longest gap, {len(gaps)} ticks")


async def cancel(
    client: GeneratorClient, model: GeneratorModel, prompt: list[int], trials: int
) -> None:
    """Print the time from closing an answer until the worker has stopped and rests."""
    times: list[float] = []
    for number in range(trials):
        async with aclosing(client.generate(model, prompt, Sampling(max_tokens=2000))) as events:
            for _ in range(5 + number):
                await anext(events)
            started = time.perf_counter()
        times.append((time.perf_counter() - started) * 1000)
    print(f"cancel, decode   {statistics.median(times):7.1f} ms to rest {spread(times)}")
    times.clear()
    long = (prompt * 200)[:6000]
    for number in range(trials):
        task = asyncio.create_task(decode(client, model, long, 1))
        await asyncio.sleep(0.3 + 0.1 * number)
        started = time.perf_counter()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        times.append((time.perf_counter() - started) * 1000)
    print(f"cancel, prefill  {statistics.median(times):7.1f} ms to rest {spread(times)}")


def spread(values: list[float]) -> str:
    """Name the extremes."""
    return f"({min(values):.1f} to {max(values):.1f})"


async def measure(arguments: argparse.Namespace) -> None:
    """Run every measurement with one worker."""
    folder = arguments.folder.absolute()
    prompt = Tokenizer(folder).library.encode(TEXT, add_special_tokens=False).ids
    model = GeneratorModel(folder=folder, threads=arguments.threads)
    client = GeneratorClient()
    try:
        await compare(client, model, prompt, arguments.rounds)
        await watch_loop(client, model, prompt, arguments.seconds)
        await cancel(client, model, prompt, arguments.trials)
    finally:
        await client.aclose()


def main() -> None:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        bare(str(arguments.folder), arguments.threads)
    else:
        asyncio.run(measure(arguments))


if __name__ == "__main__":
    main()
