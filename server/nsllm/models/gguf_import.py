"""Imports a GGUF file as a folder that ONNX Runtime GenAI reads."""

from pathlib import Path

import msgspec

from nsllm.models.gguf_file import GgufFile
from nsllm.models.llama import build_llama
from nsllm.models.llama_shape import genai_config
from nsllm.models.tokenizer_import import import_tokenizer
from nsllm.types import ProgressListener

CONFIG_FILE = "genai_config.json"


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What the importer learnt about a model."""

    context_length: int
    parameters: int
    licence: str | None


def import_gguf(path: Path, folder: Path, *, threads: int, listener: ProgressListener) -> Imported:
    """Write model.onnx, model.onnx.data, genai_config.json and the tokenizer into `folder`.

    `threads` is written into genai_config.json; whoever loads the model may overrule it.

    Raises:
        ModelCorruptError: the file is cut off, or contradicts itself.
        ModelUnsupportedError: its architecture, quantisation or tokenizer is not built here.
    """
    file = GgufFile(path)
    shape = build_llama(file, folder, listener)
    tokens = import_tokenizer(file, folder, vocabulary_size=shape.vocabulary)
    config = genai_config(shape, tokens.for_genai(), threads)
    (folder / CONFIG_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(config)))
    return Imported(
        context_length=shape.context,
        parameters=file.parameters,
        licence=file.find("general.license", str),
    )
