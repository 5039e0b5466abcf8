"""Fit what tells that passages answer a question at all, on the development questions.

    python scripts/training/reading_weights.py [--every 2]

Needs the embedder and the reader (`nsllm models pull`). What was read of each question of
reader_dev goes into a logistic regression; the bias is then set where four in five of the
questions without an answer are declined at the default `extraction.min_confidence`.
Writes server/nsllm/generation/reading_weights.json, and prints how well it tells them apart,
cross-validated over the workspaces.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from logistic import fit_logistic

from nsllm import settings
from nsllm.app import Application
from nsllm.generation import reading
from nsllm.runtime import ModelRuntime

OUTPUT = Path(reading.__file__).with_name("reading_weights.json")
DATA = Path(__file__).with_name("reader_dev")
DECLINED = 0.8


async def signs(name: str, models: ModelRuntime, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the signs of a workspace's questions, [questions, signs], and which have answers."""
    workspace = DATA / "workspaces" / name
    loaded = settings.load(workspace, overrides={"audit": {"enabled": False}})
    application = Application(workspace, loaded, models)
    await application.index()
    rows, labels = [], []
    for line in (DATA / f"questions-{name}.jsonl").read_text("utf-8").splitlines()[::every]:
        item = json.loads(line)
        passages = await application.shortlist(item["question"])
        read = reading.read(item["question"], passages, models.reader())
        kept = read.within(reading.rank(passages, read)[: loaded.retrieval.top_k])
        if kept.candidates:
            rows.append(kept.signs())
            labels.append(bool(item["answer"]))
    application.close()
    return np.array(rows), np.array(labels)


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the weights of the signs, and the bias."""
    scale = x.std(axis=0) + 1e-6
    *found, _ = fit_logistic(x / scale, y.astype(float), np.ones(len(y)))
    weights = np.array(found) / scale
    return weights, -float(np.quantile(x[~y] @ weights, DECLINED))


async def measured(names: str, every: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the signs and labels of each workspace."""
    models = ModelRuntime(settings.load())
    try:
        return {name: await signs(name, models, every) for name in names}
    finally:
        await models.aclose()


def main() -> None:
    """Measure, fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every nth question only")
    found = asyncio.run(measured("abcdef", parser.parse_args().every))
    for name in found:
        others = [rows for other, rows in found.items() if other != name]
        weights, bias = fit(*(np.concatenate(part) for part in zip(*others, strict=True)))
        x, y = found[name]
        odds = x @ weights + bias
        auc = (odds[y][:, None] > odds[~y][None, :]).mean()
        print(
            f"{name}: AUC {auc:.3f}, answered {(odds[y] > 0).mean():.3f}, "
            f"declined {(odds[~y] <= 0).mean():.3f}"
        )
    weights, bias = fit(*(np.concatenate(part) for part in zip(*found.values(), strict=True)))
    table = dict(zip(reading.SIGNS, weights.tolist(), strict=True)) | {"bias": bias}
    rounded = {name: round(value, 3) for name, value in table.items()}
    OUTPUT.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")
    print(rounded)


if __name__ == "__main__":
    main()
