"""Ask the reader's development questions through the whole pipeline and count what comes back.

    .venv/bin/python scripts/evaluate_reader.py [--workspaces abcdef]

The questions and workspaces are those of scripts/training/reader_dev: the settings of quotation
(`extraction.min_confidence`, the weight of likeness, how many sentences are quoted) are chosen on
them, so they say what was chosen, not how good it is. scripts/evaluate_handbook.py says that.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from nsllm import settings
from nsllm.app import Application
from nsllm.generation.exam import states
from nsllm.runtime import ModelRuntime
from nsllm.types import Question

DATA = Path(__file__).resolve().parent / "training" / "reader_dev"


async def evaluate(name: str, models: ModelRuntime) -> Counter[str]:
    """Return the counts over the questions of one workspace."""
    workspace = DATA / "workspaces" / name
    # The answers to questions that nobody asked do not belong in the user's audit log.
    loaded = settings.load(workspace, overrides={"audit": {"enabled": False}})
    application = Application(workspace, loaded, models)
    counts: Counter[str] = Counter()
    await application.index()
    for line in (DATA / f"questions-{name}.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        answer = await application.ask(Question(text=item["question"], mode="extract"))
        found = not any(f.rule == "answer.not-found" for f in answer.judgement.findings)
        if item["answer"]:
            counts["answerable"] += 1
            counts["found"] += found
            counts["document"] += any(p.chunk.path == item["path"] for p in answer.passages)
            counts["fact"] += states(answer.text, item["facts"])
            counts["words"] += len(answer.text.split())
        else:
            counts["unanswerable"] += 1
            counts["not found"] += not found
    application.close()
    return counts


async def run(names: str) -> Counter[str]:
    """Return the counts over all workspaces."""
    models = ModelRuntime(settings.load())
    counts: Counter[str] = Counter()
    try:
        for name in names:
            counts += await evaluate(name, models)
    finally:
        await models.aclose()
    return counts


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", default="abcdef")
    counts = asyncio.run(run(parser.parse_args().workspaces))
    asked, missed = counts["answerable"], counts["unanswerable"]
    print(f"  right document among the sources  {counts['document']} of {asked}")
    print(f"  text holds the fact               {counts['fact']} of {asked}")
    print(f"  ... mean words of an answer       {counts['words'] / max(asked, 1):.0f}")
    print(f"  answered at all                   {counts['found']} of {asked}")
    print(f"  unanswerable: 'not found'         {counts['not found']} of {missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
