"""The tokenizer and chat template of a GGUF file as tokenizer.json and its companions.

Two kinds exist under the llama architecture: byte-level BPE ("gpt2"), whose way of splitting text
into words the file only names, and SentencePiece BPE ("llama"), whose merges follow from scores.
"""

from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from nsllm.models.gguf_file import GgufFile

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
TEMPLATE_FILE = "chat_template.jinja"

# A base model has no template of its own: its turns are paragraphs.
_PLAIN_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}"

# Ends of a turn that files name only by their text.
_TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>")

_SPACE = "▁"


class _Kind(IntEnum):
    """`tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class Vocabulary(NamedTuple):
    """The tokens of a file by id, with their kinds."""

    tokens: list[str]
    kinds: list[int]


class TokenIds(msgspec.Struct, frozen=True, kw_only=True):
    """The ids that generation needs: where a text begins, and each token that ends one."""

    bos: int | None
    ends: tuple[int, ...]
    pad: int

    def for_genai(self) -> dict[str, Any]:
        """Return the keys of genai_config.json."""
        ids = {"eos_token_id": list(self.ends), "pad_token_id": self.pad}
        return ids if self.bos is None else {"bos_token_id": self.bos, **ids}


def import_tokenizer(file: GgufFile, folder: Path, *, vocabulary_size: int) -> TokenIds:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja.

    Raises:
        ModelUnsupportedError: another kind of tokenizer, or way of splitting; names it.
        ModelCorruptError: the vocabulary does not fit the model.
    """
    vocabulary = _read_vocabulary(file, vocabulary_size)
    kind = file.get("tokenizer.ggml.model", str)
    builders = {"gpt2": _byte_level, "llama": _sentence_piece}
    if kind not in builders:
        raise file.unsupported(f"its tokenizer is of the kind {kind}")
    tokenizer = builders[kind](file, vocabulary)
    _add_special_tokens(tokenizer, vocabulary)
    ids = _read_ids(file, vocabulary)
    begins = file.find("tokenizer.ggml.add_bos_token", bool)
    if begins is None:
        begins = kind == "llama"
    if begins and ids.bos is not None:
        bos = vocabulary.tokens[ids.bos]
        _begin_with(tokenizer, bos, ids.bos)
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8", newline="")
    template = file.find("tokenizer.chat_template", str) or _PLAIN_TEMPLATE
    (folder / TEMPLATE_FILE).write_text(template, encoding="utf-8", newline="")
    config = _config(vocabulary, ids, kind, template)
    config["add_bos_token"] = bool(begins)
    (folder / CONFIG_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(config)))
    return ids


def _read_vocabulary(file: GgufFile, size: int) -> Vocabulary:
    tokens = file.get("tokenizer.ggml.tokens", list)
    kinds = file.find("tokenizer.ggml.token_type", list) or [_Kind.NORMAL] * len(tokens)
    if len(tokens) != size or len(kinds) != size:
        raise file.corrupt(
            f"it has {len(tokens)} tokens and {len(kinds)} token types for {size} embeddings"
        )
    if not all(isinstance(token, str) for token in tokens):
        raise file.corrupt("a token is no text")
    return Vocabulary(tokens, kinds)


def _read_ids(file: GgufFile, vocabulary: Vocabulary) -> TokenIds:
    def read(name: str) -> int | None:
        value = file.find(f"tokenizer.ggml.{name}_token_id", int)
        if value is not None and not 0 <= value < len(vocabulary.tokens):
            raise file.corrupt(f"its {name} token {value} is not in the vocabulary")
        return value

    eos = read("eos")
    if eos is None:
        raise file.corrupt("it has no tokenizer.ggml.eos_token_id")
    ends = dict.fromkeys([eos, read("eot")])
    for end in _TURN_ENDS:
        if end in vocabulary.tokens:
            found = vocabulary.tokens.index(end)
            if vocabulary.kinds[found] == _Kind.CONTROL:
                ends[found] = None
    pad = read("padding")
    return TokenIds(
        bos=read("bos"),
        ends=tuple(end for end in ends if end is not None),
        pad=eos if pad is None else pad,
    )


def _config(vocabulary: Vocabulary, ids: TokenIds, kind: str, template: str) -> dict[str, Any]:
    tokens = vocabulary.tokens
    config: dict[str, Any] = {
        "tokenizer_class": "GPT2Tokenizer" if kind == "gpt2" else "LlamaTokenizer",
        "eos_token": tokens[ids.ends[0]],
        "pad_token": tokens[ids.pad],
        "add_eos_token": False,
        "chat_template": template,
    }
    if ids.bos is not None:
        config["bos_token"] = tokens[ids.bos]
    unknown = [t for t, k in zip(*vocabulary, strict=True) if k == _Kind.UNKNOWN]
    config["unk_token"] = unknown[0] if unknown else tokens[ids.ends[0]]
    return config


def _add_special_tokens(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    special = (_Kind.CONTROL, _Kind.UNKNOWN)
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(*vocabulary, strict=True)
            if kind in special
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken(token, normalized=False)
            for token, kind in zip(*vocabulary, strict=True)
            if kind == _Kind.USER_DEFINED
        ]
    )


def _begin_with(tokenizer: Tokenizer, bos: str, identity: int) -> None:
    start = processors.TemplateProcessing(
        single=f"{bos}:0 $A:0", pair=f"{bos}:0 $A:0 $B:1", special_tokens=[(bos, identity)]
    )
    byte_level = tokenizer.post_processor
    tokenizer.post_processor = processors.Sequence([byte_level, start]) if byte_level else start


# How each named pre-tokenizer splits text into words (llama.cpp, src/llama-vocab.cpp). ByteLevel's
# own rule is _GPT2, and some readers of tokenizer.json know it only in that form.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = (_CONTRACTIONS + r"|\p{N}{1,3}" + _TAIL,)
_QWEN2 = (_CONTRACTIONS + r"|\p{N}" + _TAIL,)
_DIGIT = r"\p{N}"
_DIGITS = (_DIGIT, _GPT2)
_SPLITS: dict[str, tuple[str, ...]] = {
    "default": (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"),
    "gpt-2": (_GPT2,),
    "mpt": (_GPT2,),
    "olmo": (_GPT2,),
    "jais": (_GPT2,),
    "phi-2": (_GPT2,),
    "smollm": _DIGITS,
    "starcoder": _DIGITS,
    "refact": _DIGITS,
    "command-r": _DIGITS,
    "codeshell": _DIGITS,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama-bpe": _LLAMA3,
    "qwen2": _QWEN2,
    "stablelm2": _QWEN2,
    "deepseek-r1-qwen": _QWEN2,
}
# Tokens of these are taken whole where a word is one, whatever the merges say.
_IGNORE_MERGES = frozenset({"llama3", "llama-v3", "llama-bpe"})


def _byte_level(file: GgufFile, vocabulary: Vocabulary) -> Tokenizer:
    split = file.find("tokenizer.ggml.pre", str) or "default"
    if split not in _SPLITS:
        raise file.unsupported(f"its tokenizer splits text in the way {split}")
    merges = []
    for merge in file.get("tokenizer.ggml.merges", list):
        left, _, right = str(merge).partition(" ")
        merges.append((left, right))
    # Special tokens may repeat; the first of two equal texts is the one that text becomes.
    table: dict[str, int] = {}
    for identity, token in enumerate(vocabulary.tokens):
        table.setdefault(token, identity)
    broken = [m for m in merges if not {m[0], m[1], m[0] + m[1]} <= table.keys()]
    if broken:
        raise file.corrupt(f"its merge {' '.join(broken[0])} is of no tokens")
    tokenizer = Tokenizer(
        models.BPE(vocab=table, merges=merges, ignore_merges=split in _IGNORE_MERGES)
    )
    rules = _SPLITS[split]
    plain = rules[-1] == _GPT2
    steps: list[Any] = [
        pre_tokenizers.Digits(individual_digits=True)
        if rule == _DIGIT
        else pre_tokenizers.Split(Regex(rule), "isolated")
        for rule in (rules[:-1] if plain else rules)
    ]
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=plain))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False)
    return tokenizer


def _sentence_piece(file: GgufFile, vocabulary: Vocabulary) -> Tokenizer:
    scores = file.get("tokenizer.ggml.scores", list)
    if len(scores) != len(vocabulary.tokens):
        raise file.corrupt(f"it has {len(scores)} scores for {len(vocabulary.tokens)} tokens")
    table: dict[str, int] = {}
    for identity, token in enumerate(vocabulary.tokens):
        table.setdefault(token, identity)
    unknown = [t for t, k in zip(*vocabulary, strict=True) if k == _Kind.UNKNOWN]
    mergeable = {
        token: scores[identity]
        for token, identity in table.items()
        if vocabulary.kinds[identity] in (_Kind.NORMAL, _Kind.UNUSED)
    }
    tokenizer = Tokenizer(
        models.BPE(
            vocab=table,
            merges=merges_of(mergeable),
            unk_token=unknown[0] if unknown else None,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    replace: list[Any] = [normalizers.Replace(" ", _SPACE)]
    strip: list[Any] = []
    if file.find("tokenizer.ggml.add_space_prefix", bool) is not False:
        replace.insert(0, normalizers.Prepend(_SPACE))
        strip.append(decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence(replace)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return tokenizer


def merges_of(scores: dict[str, float]) -> list[tuple[str, str]]:
    """Return the merges that SentencePiece's greedy search makes, the best first.

    SentencePiece always joins the neighbours whose joint piece scores highest, so each way of
    splitting a piece in two is a merge of that piece's rank.
    """
    merges = [
        (-score, piece[:cut], piece[cut:])
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    merges.sort(key=lambda merge: merge[0])
    return [(left, right) for _, left, right in merges]
