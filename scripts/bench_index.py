"""Measure the index: embedding, synchronising, searching, and what Annoy misses.

    python scripts/bench_index.py [WORKSPACE] [--vectors N]

Needs the embedder in NSLLM_HOME, or in the home that NSLLM_TEST_MODELS names. The workspace is
indexed into a temporary folder. Run it on a quiet machine; figures of a busy one mean little.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nsllm import home
from nsllm.documents.chunker import Chunker
from nsllm.embedding.embedder import Embedder
from nsllm.index import vectors
from nsllm.index.workspace import WorkspaceIndex
from nsllm.retrieval.retriever import Retriever
from nsllm.settings import Documents, Retrieval

REPOSITORY = Path(__file__).resolve().parents[1]
QUESTIONS = 50
T = TypeVar("T")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the index.")
    parser.add_argument("workspace", nargs="?", type=Path, default=REPOSITORY / "examples/handbook")
    parser.add_argument("--vectors", type=int, default=20_000)
    arguments = parser.parse_args()
    models = os.environ.get("NSLLM_TEST_MODELS")
    folder = (Path(models) / "models" if models else home.models_folder()) / "all-minilm-l6-v2"
    embedder = Embedder(folder)
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["NSLLM_HOME"] = temporary
        measure_workspace(arguments.workspace, embedder)
        measure_vectors(Path(temporary), arguments.vectors, embedder.dimension)


def measure_workspace(workspace: Path, embedder: Embedder) -> None:
    """Index, index again, and ask."""
    embedder.embed_query("open the model before the clock starts")
    index = WorkspaceIndex(
        workspace,
        embedder=embedder,
        chunker=Chunker(embedder.tokenizer.library),
        settings=Documents(),
    )
    first = index.sync()
    again = index.sync()
    chunks = index.all_chunks()
    rate = first.chunks_embedded / first.duration_s
    print(f"{first.documents} documents, {first.chunks} chunks in {first.duration_s:.2f} s")
    print(f"  indexing         {rate:8.1f} chunks/s")
    print(f"  nothing changed  {again.duration_s * 1e3:8.1f} ms")
    questions = [" ".join(chunk.text.split()[:8]) for chunk in chunks[:QUESTIONS]]
    retriever = Retriever(index, embedder, Retrieval())
    print(f"  embed a query    {median_ms(embedder.embed_query, questions):8.2f} ms")
    print(f"  find, embedded   {median_ms(retriever.find, questions):8.2f} ms")
    drafts = [f"# Draft {n}\nUnsaved text, version {n}.\n" for n in range(20)]
    update = median_ms(lambda text: index.update_buffer("draft.md", text), drafts)
    print(f"  update a buffer  {update:8.2f} ms")
    index.close()


def measure_vectors(folder: Path, count: int, dimension: int) -> None:
    """Compare the forest with a scan on clustered unit vectors."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(max(20, count // 50), dimension))
    spread = 0.7 * rng.normal(size=(count, dimension))
    rows = unit(centres[rng.integers(0, len(centres), count)] + spread)
    ids = np.arange(count, dtype=np.int64)
    queries = list(unit(rows[:QUESTIONS] + 0.05 * rng.normal(size=(QUESTIONS, dimension))))
    none = (ids[:0], rows[:0])
    started = time.perf_counter()
    snapshot = vectors.build(folder, "synthetic", ids, rows, exact_below=0)
    seconds = time.perf_counter() - started
    forest = vectors.load(folder, snapshot)
    states = {
        "annoy": vectors.State(1, forest, ids, none),
        "scan": vectors.State(1, vectors.Forest(ids, forest.matrix), ids, none),
    }
    print(f"{count} x {dimension} synthetic vectors, forest built in {seconds:.2f} s")
    found: dict[str, list[set[int]]] = {}
    for name, state in states.items():
        found[name] = [{number for number, _ in state.search(query, 10)} for query in queries]
        latency = median_ms(lambda query, state=state: state.search(query, 10), queries)  # type: ignore[misc]
        print(f"  search, {name:8} {latency:8.2f} ms")
    both = zip(found["annoy"], found["scan"], strict=True)
    recall = np.mean([len(mine & exact) / 10 for mine, exact in both])
    print(f"  recall@10        {recall:8.3f}")


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale each row to length 1."""
    scaled: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def median_ms(call: Callable[[T], object], arguments: list[T]) -> float:
    """Return the median time of a call, in milliseconds."""
    times = []
    for argument in arguments:
        started = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1e3


if __name__ == "__main__":
    main()
