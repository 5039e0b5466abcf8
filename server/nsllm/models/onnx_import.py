"""Imports classifiers that others made: ONNX files beside config.json and tokenizer.json.

That is how `optimum-cli export onnx` writes them, and how they are laid out on model hubs, where
the ONNX files may stand in a folder `onnx`. The file is copied as it is, and run once on a text
and once on the longest that it takes: what does not fit shows now, not in front of an answer.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data
from tokenizers import Encoding

from nsllm.embedding.embedder import MODEL_FILE
from nsllm.embedding.tokenizer import FILE_NAME as TOKENIZER_FILE
from nsllm.embedding.tokenizer import Tokenizer
from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models.foreign import ForeignModel
from nsllm.models.head import HEAD_FILE, Head, Measure, labels_of, meaning_of
from nsllm.models.session import Session, open_session
from nsllm.types import Progress, ProgressListener

CONFIG_FILE = "config.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_LONGEST = 512
"""Tokens; the parts of a text that are read are shorter."""
_OFFSET_POSITIONS = frozenset(
    {
        "roberta",
        "xlm-roberta",
        "camembert",
        "longformer",
        "mpnet",
        "xlm-roberta-xl",
        "data2vec-text",
    }
)
"""Architectures whose first positions are taken: two fewer tokens fit."""
_PROBE = ("The archive keeps readings for thirty days.", "Readings are kept for thirty days.")


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import has found out."""

    parameters: int
    head: Head


def find_model(path: Path) -> Path:
    """Return the ONNX file that a path means: itself, or the one of a folder.

    Of several in a folder `model.onnx` is taken, in it or in its folder `onnx`.

    Raises:
        ModelCorruptError: there is none.
        ModelUnsupportedError: there are several, and none is called `model.onnx`.
    """
    if path.is_file():
        return path
    for named in (path / MODEL_FILE, path / "onnx" / MODEL_FILE):
        if named.is_file():
            return named
    found = sorted([*path.glob("*.onnx"), *path.glob("onnx/*.onnx")])
    if not found:
        raise ModelCorruptError(
            f"{path} has no ONNX file.",
            hint="Export one: optimum-cli export onnx --model NAME FOLDER",
        )
    if len(found) > 1:
        names = ", ".join(one.relative_to(path).as_posix() for one in found)
        raise ModelUnsupportedError(
            f"{path} has {len(found)} ONNX files: {names}.", hint="Give the path of one of them."
        )
    return found[0]


def measure_of(model: Path, measure: Measure | None, labels: Sequence[str]) -> Measure:
    """Tell what a classifier measures, by its labels' names unless it is given.

    Raises:
        ModelCorruptError, ModelUnsupportedError, UsageError: as `import_onnx` does.
    """
    path = _beside(model, CONFIG_FILE)
    return meaning_of(labels_of(_table(path), str(path)), measure, labels, str(path)).measure


def import_onnx(
    model: Path,
    folder: Path,
    listener: ProgressListener,
    *,
    measure: Measure | None,
    labels: Sequence[str] = (),
) -> Imported:
    """Copy a classifier into `folder`, with a head.json that says what its outputs mean.

    `labels` are those that mean support, or toxicity; without any their names must say it.

    Raises:
        ModelCorruptError: a file is missing or damaged, or is no tokenizer or model.
        ModelUnsupportedError: its inputs, outputs or labels are not those of a classifier.
        UsageError: `labels` do not fit it.
    """
    config_path = _beside(model, CONFIG_FILE)
    config = _table(config_path)
    named = labels_of(config, str(config_path))
    meaning = meaning_of(named, measure, labels, str(config_path))
    listener(Progress(task="import", done=0, total=2, unit="steps"))
    shutil.copyfile(_beside(model, TOKENIZER_FILE), folder / TOKENIZER_FILE)
    parameters = _copy(model, folder)
    listener(Progress(task="import", done=1, total=2, unit="steps"))
    session = open_session(folder / MODEL_FILE, provider="cpu")
    head = Head(
        measure=meaning.measure,
        labels=named,
        wanted=meaning.wanted,
        inverted=meaning.inverted,
        activation=_activation(config, len(named)),
        outputs="sequence",
        output=_output(session, model),
        inputs=_inputs(session, model),
        pad_id=int(cast("int", config.get("pad_token_id") or 0)),
        context_tokens=_context(model, config),
    )
    head = _probed(folder, head, model)
    listener(Progress(task="import", done=2, total=2, unit="steps"))
    return Imported(parameters=parameters, head=head)


def _probed(folder: Path, head: Head, model: Path) -> Head:
    """Run the model on a text and on the longest one; return the head with what came out."""
    _write(folder, head)
    runner = ForeignModel(folder)
    library = Tokenizer(folder)
    first, second = _PROBE
    long = f"{first} " * head.context_tokens
    if head.measure == "grounding":
        coded = library.encode_pairs([_PROBE, (long, second)])
        if 1 not in coded[0].sequence_ids:
            raise ModelUnsupportedError(
                f"The tokenizer of {model} takes no pairs: a claim is read beside its evidence.",
                hint="Give a model that was trained on pairs, such as one for NLI.",
            )
    else:
        coded = library.encode([first, long])
    for row in coded:
        row.truncate(head.context_tokens)
        head = _shaped(head, _logits(runner, row, model), model)
    _write(folder, head)
    return head


def _logits(runner: ForeignModel, row: Encoding, model: Path) -> "np.ndarray[Any, Any]":
    try:
        return runner.logits([row])
    # ONNX Runtime raises classes of its own that share no base but Exception.
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise ModelUnsupportedError(
            f"{model} does not run on a text of {len(row.ids)} tokens: {reason}.",
            hint="Does config.json belong to it? max_position_embeddings must be what it takes.",
        ) from error


def _shaped(head: Head, logits: "np.ndarray[Any, Any]", model: Path) -> Head:
    if logits.ndim not in {2, 3} or logits.shape[-1] != len(head.labels):
        raise ModelUnsupportedError(
            f"{model} gives {list(logits.shape)} numbers for a text, and its config.json has "
            f"{len(head.labels)} labels: {', '.join(head.labels)}.",
            hint="A classifier gives one number for each label, of a text or of each token.",
        )
    return msgspec.structs.replace(head, outputs="token" if logits.ndim == 3 else "sequence")


def _write(folder: Path, head: Head) -> None:
    body = msgspec.json.format(msgspec.json.encode(head))
    (folder / HEAD_FILE).write_bytes(body)


def _activation(config: Mapping[str, object], labels: int) -> Any:
    several = config.get("problem_type") == "multi_label_classification"
    return "sigmoid" if several or labels == 1 else "softmax"


def _output(session: Session, model: Path) -> str:
    if "logits" in session.outputs:
        return "logits"
    if len(session.outputs) == 1:
        return str(session.outputs[0])
    raise ModelUnsupportedError(
        f"{model} has several outputs and none is called `logits`: {', '.join(session.outputs)}.",
        hint="Export it for text classification or token classification.",
    )


def _inputs(session: Session, model: Path) -> tuple[str, ...]:
    unknown = sorted({*session.inputs} - _INPUTS)
    if unknown or "input_ids" not in session.inputs:
        raise ModelUnsupportedError(
            f"{model} takes {', '.join(session.inputs)}, not `input_ids`, `attention_mask` and, "
            "where it has two segments, `token_type_ids`.",
            hint="Export it for text classification or token classification.",
        )
    return session.inputs


def _context(model: Path, config: Mapping[str, object]) -> int:
    """Return how many tokens fit: the least of what the files say and what is ever needed."""
    found = [_LONGEST]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and positions > 2:
        taken = 2 if config.get("model_type") in _OFFSET_POSITIONS else 0
        found.append(positions - taken)
    path = model.parent / _TOKENIZER_CONFIG
    longest = _table(path).get("model_max_length") if path.is_file() else None
    if isinstance(longest, int) and longest > 0:
        found.append(longest)
    return min(found)


def _copy(model: Path, folder: Path) -> int:
    """Copy the graph and the files of its weights; return how many numbers these hold."""
    try:
        graph = onnx.load(model, load_external_data=False).graph
    # protobuf's decoder raises classes of its own.
    except Exception as error:
        raise ModelCorruptError(
            f"{model} is no ONNX file: {error}.", hint="Fetch or export it again."
        ) from error
    names = set()
    for tensor in graph.initializer:
        if uses_external_data(tensor):
            names.add(ExternalDataInfo(tensor).location)
    for name in sorted(names):
        source = model.parent / name
        if Path(name).name != name or name in {MODEL_FILE, TOKENIZER_FILE, HEAD_FILE}:
            raise ModelCorruptError(
                f"{model} names weights outside its folder: {name}.", hint="Export it again."
            )
        if not source.is_file():
            raise ModelCorruptError(
                f"{model} lacks its weights: there is no {source}.", hint="Fetch it as well."
            )
        shutil.copyfile(source, folder / name)
    shutil.copyfile(model, folder / MODEL_FILE)
    return max(1, sum(int(np.prod(tensor.dims)) for tensor in graph.initializer))


def _beside(model: Path, name: str) -> Path:
    """Return a companion: beside the ONNX file, or above its folder `onnx`."""
    places = [model.parent / name]
    if model.parent.name == "onnx":
        places.append(model.parent.parent / name)
    for place in places:
        if place.is_file():
            return place
    raise ModelCorruptError(
        f"There is no {name} beside {model}.",
        hint="A classifier takes config.json, with id2label, and tokenizer.json.",
    )


def _table(path: Path) -> dict[str, object]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelCorruptError(
            f"{path} cannot be read: {error}.", hint="Fetch it again."
        ) from error
    if not isinstance(table, dict):
        raise ModelCorruptError(f"{path} is no JSON object.", hint="Fetch it again.")
    return table
