"""Ask the sample handbook its test questions and count what comes back.

    .venv/bin/python scripts/evaluate_handbook.py [--mode MODE] [--set SET] [--verbose]

The questions are in tests/data/handbook; nothing was trained or tuned on them. `--set` takes the
first, second or third set of each kind.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from nsllm import settings
from nsllm.app import Application
from nsllm.frontends import wire
from nsllm.generation.exam import states
from nsllm.runtime import ModelRuntime
from nsllm.types import Mode, Question, Verdict

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = ROOT / "examples" / "handbook"
DATA = ROOT / "tests" / "data" / "handbook"
MAX_WORDS = 80
SUFFIXES = {"first": "", "second": "_more", "third": "_third"}
"""How the names of a set's two files end."""


async def evaluate(mode: Mode, *, chosen: str = "first", verbose: bool = False) -> dict[str, Any]:
    """Return the counts over all questions of one set."""
    loaded = settings.load(HANDBOOK)
    application = Application(HANDBOOK, loaded, ModelRuntime(loaded))
    suffix = SUFFIXES[chosen]
    counts = dict.fromkeys(
        ("answerable", "document", "fact", "short", "fact_and_short", "rejected"), 0
    ) | {"unanswerable": 0, "not_found": 0}
    try:
        await application.index()
        for item in _read(f"answerable{suffix}.jsonl"):
            answer = wire.answer(await application.ask(Question(text=item["question"], mode=mode)))
            fact = states(answer.text, item["facts"])
            short = len(answer.text.split()) <= MAX_WORDS
            counts["answerable"] += 1
            counts["document"] += any(source.path == item["path"] for source in answer.sources)
            counts["fact"] += fact
            counts["short"] += short
            counts["fact_and_short"] += fact and short
            counts["rejected"] += answer.verdict == Verdict.REJECT
            if verbose:
                mark = "ok  " if fact else "MISS"
                print(f"{mark} {item['id']} {item['question']}\n       {answer.text}", flush=True)
        for item in _read(f"unanswerable{suffix}.jsonl"):
            answer = wire.answer(await application.ask(Question(text=item["question"], mode=mode)))
            found = not any(finding.rule == "answer.not-found" for finding in answer.findings)
            counts["unanswerable"] += 1
            counts["not_found"] += not found
            if verbose:
                mark = "GUESS" if found else "none "
                print(f"{mark} {item['id']} {item['question']}\n       {answer.text}", flush=True)
    finally:
        await application.aclose()
    return counts


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["auto", "extract", "generate"], default="auto")
    parser.add_argument("--set", choices=list(SUFFIXES), default="first")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    counts = asyncio.run(evaluate(options.mode, chosen=options.set, verbose=options.verbose))
    total = counts["answerable"]
    print(f"mode {options.mode}, {options.set} set")
    print(f"  right document among the sources  {counts['document']} of {total}")
    print(f"  text holds the fact               {counts['fact']} of {total}")
    print(f"  ... in at most {MAX_WORDS} words           {counts['fact_and_short']} of {total}")
    print(f"  verdict reject                    {counts['rejected']} of {total}")
    print(f"  unanswerable: 'not found'         {counts['not_found']} of {counts['unanswerable']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
