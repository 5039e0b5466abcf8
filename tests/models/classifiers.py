"""Small classifiers as others lay them out: config.json, tokenizer.json and an ONNX file.

They compute something true: how many words of the second text the first one has, or whether a text
has a certain word.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

NLI = ("contradiction", "entailment", "neutral")
WORDS = tuple(
    "readings are kept for thirty sixty days in the archive of a relay . , all those people vermin "
    "idiots work well".split()
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LONGEST = 48


def write_classifier(
    folder: Path,
    labels: Sequence[str] | Mapping[str, str],
    kind: str = "nli",
    *,
    file: str = "model.onnx",
    config: Mapping[str, object] | None = None,
    pairs: bool = True,
) -> Path:
    """Write a classifier of kind `nli`, `tokens` or `words`; return the folder.

    `nli`: logits of the second, first and third label of a pair, high for the second where the
    first text has the words of the second. `tokens`: two logits for each token, the second high
    where a token of the second text is not in the first. `words`: a logit for each label, high for
    the last where the text has "vermin", and for the one before where it has "idiots".
    """
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    table = labels if isinstance(labels, Mapping) else {str(i): n for i, n in enumerate(labels)}
    told = {"id2label": table, "max_position_embeddings": LONGEST, **(config or {})}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    _tokenizer(pairs=pairs).save(str(folder / "tokenizer.json"))
    graph = {"nli": _nli, "tokens": _tokens, "words": _words}[kind]
    onnx.save(graph(len(table)), folder / file)
    return folder


def _tokenizer(*, pairs: bool) -> Tokenizer:
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *WORDS))}
    library = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    library.normalizer = normalizers.Lowercase()
    library.pre_tokenizer = pre_tokenizers.Whitespace()
    if pairs:
        library.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
    return library


def _model(nodes, constants, inputs: Sequence[str], shape: Sequence[str | int]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(i, TensorProto.INT64, ["batch", "tokens"]) for i in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


_PAIR = ("input_ids", "attention_mask", "token_type_ids")
_SIZE = len(SPECIAL) + len(WORDS)


def _covered() -> tuple[list[onnx.NodeProto], dict[str, object]]:
    """Return nodes for `words` [b, t, v], `first`, `second` and `has` [b, t]."""
    node = helper.make_node
    nodes = [
        node("OneHot", ["input_ids", "size", "values"], ["words"], axis=-1),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        node("Mul", ["mask", "types"], ["in_second"]),
        node("Sub", ["mask", "in_second"], ["in_first"]),
        node("Unsqueeze", ["in_first", "last"], ["first_column"]),
        node("Unsqueeze", ["in_second", "last"], ["second"]),
        node("Mul", ["words", "first_column"], ["first_words"]),
        node("ReduceMax", ["first_words"], ["first"], axes=[1], keepdims=1),
        node("Mul", ["words", "first"], ["shared"]),
        node("ReduceSum", ["shared", "last"], ["has"], keepdims=0),
    ]
    constants: dict[str, object] = {
        "size": np.int64(_SIZE),
        "values": np.array([0, 1], np.float32),
        "last": np.array([-1], np.int64),
    }
    return nodes, constants


def _nli(labels: int) -> onnx.ModelProto:
    node = helper.make_node
    nodes, constants = _covered()
    nodes += [
        node("Mul", ["has", "in_second"], ["covered"]),
        node("ReduceSum", ["covered", "last"], ["count"], keepdims=1),
        node("ReduceSum", ["in_second", "last"], ["of"], keepdims=1),
        node("Max", ["of", "one"], ["at_least_one"]),
        node("Div", ["count", "at_least_one"], ["share"]),
        node("Sub", ["share", "threshold"], ["above"]),
        node("Mul", ["above", "slopes"], ["logits"]),
    ]
    slopes = np.zeros((1, labels), np.float32)
    slopes[0, min(1, labels - 1)] = 40
    constants |= {
        "one": np.array([1], np.float32),
        "threshold": np.array([0.95], np.float32),
        "slopes": slopes,
    }
    return _model(nodes, constants, _PAIR, ["batch", labels])


def _tokens(labels: int) -> onnx.ModelProto:
    node = helper.make_node
    nodes, constants = _covered()
    nodes += [
        node("Unsqueeze", ["has", "last"], ["column"]),
        node("Sub", ["column", "half"], ["above"]),
        node("Mul", ["above", "slopes"], ["logits"]),
    ]
    slopes = np.zeros((1, 1, labels), np.float32)
    slopes[0, 0, 0], slopes[0, 0, -1] = 8, -8
    constants |= {"half": np.array([0.5], np.float32), "slopes": slopes}
    return _model(nodes, constants, _PAIR, ["batch", "tokens", labels])


def _words(labels: int) -> onnx.ModelProto:
    node = helper.make_node
    table = np.zeros((_SIZE, labels), np.float32)
    table[len(SPECIAL) + WORDS.index("vermin"), -1] = 8
    table[len(SPECIAL) + WORDS.index("idiots"), max(0, labels - 2)] = 8
    bias = np.zeros((1, labels), np.float32)
    bias[0, -1] = -4
    nodes = [
        node("Gather", ["table", "input_ids"], ["found"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["column"]),
        node("Mul", ["found", "column"], ["kept"]),
        node("ReduceMax", ["kept"], ["most"], axes=[1], keepdims=0),
        node("Add", ["most", "bias"], ["logits"]),
    ]
    constants = {"table": table, "bias": bias, "last": np.array([-1], np.int64)}
    return _model(nodes, constants, _PAIR[:2], ["batch", labels])
