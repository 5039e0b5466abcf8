"""Add to an adapter what its matrices are fed at most, which its rounding to eight bits needs.

    python scripts/training/peaks.py BASE ADAPTER...

BASE is the folder of the model that the adapters change, as published. Each of them reads
paragraphs of this project's own documentation in float32, alone and beside one another; the largest
absolute numbers that each input of a matrix had are written into the file (SmoothQuant, Xiao et al.
2022, calibrates so). The file's SHA-256 in models.toml changes with that.
"""

import argparse
import random
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))

from documentation import paragraphs

from nsllm.embedding.batching import padded
from nsllm.models.adapter import import_adapter
from nsllm.models.session import open_session
from nsllm.models.verify import sha256_of
from nsllm.types import ignore_progress

ROOT = Path(__file__).resolve().parents[2]
TOKENS = 192
_QUERY = ".query"
_BLOCKS = re.compile(r"layer\.\d+\.output\.dense$")
"""What the activation lets through has long tails: it keeps its blocks.

Rounded by rows as well, claims of WiCE dev are told apart with an AUC of 0.814, not 0.821."""


def texts(tokenizer: Tokenizer, count: int) -> list[dict[str, np.ndarray]]:
    """Return what the models are fed: `count` paragraphs, and as many of them in pairs."""
    rng = random.Random(8)
    found = [text for _, text in paragraphs(ROOT, lambda name: name in {"docs", "README.md"})]
    alone: list[str | tuple[str, str]] = list(rng.choices(found, k=count))
    pairs: list[str | tuple[str, str]] = [tuple(rng.choices(found, k=2)) for _ in range(count)]
    coded = tokenizer.encode_batch([*alone, *pairs])
    return [padded([one.ids], [one.type_ids]) for one in coded]


def peaks(folder: Path, feeds: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the largest number of each column of each input, float16 [columns]."""
    model = onnx.load(folder / "model.onnx")
    products = [n for n in model.graph.node if n.op_type == "MatMul" and "layer" in n.output[0]]
    inputs = {
        node.output[0].removesuffix(_QUERY): node.input[0]
        for node in products
        if not node.output[0].endswith((".key", ".value")) and not _BLOCKS.search(node.output[0])
    }
    for name in set(inputs.values()):
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    onnx.save(model, folder / "model.onnx")
    session = open_session(folder / "model.onnx", provider="cpu")
    found: dict[str, np.ndarray] = {}
    for feed in feeds:
        seen = session.run(list(inputs.values()), feed)
        for name, values in zip(inputs, seen, strict=True):
            most = np.abs(values).max(axis=(0, 1))
            found[name] = np.maximum(most, found.get(name, most))
    return {f"{name}.peaks": most.astype(np.float16) for name, most in found.items()}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("adapters", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=150, help="paragraphs, and pairs of them")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.no_padding()
    feeds = texts(tokenizer, options.count)
    for path in options.adapters:
        with tempfile.TemporaryDirectory() as folder:
            import_adapter(path, options.base, Path(folder), ignore_progress, exact=True)
            found = peaks(Path(folder), feeds)
        kept = {key: part for key, part in load_file(path).items() if not key.endswith(".peaks")}
        save_file(kept | found, path)
        path.chmod(0o644)
        print(f"{path.name}: {len(found)} inputs, {path.stat().st_size} bytes, {sha256_of(path)}")


if __name__ == "__main__":
    main()
