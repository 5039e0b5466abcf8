"""Classifiers of other makers: any ONNX sequence or token classifier, for grounding or toxicity.

They read what the embedded models read. Grounding takes the pair as natural language inference
does: the evidence is the premise, the claim the hypothesis.
"""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.batching import batches, padded
from nsllm.embedding.embedder import MODEL_FILE
from nsllm.embedding.tokenizer import Tokenizer
from nsllm.errors import ModelCorruptError
from nsllm.models.head import HEAD_FILE, Head
from nsllm.models.registry import Calibration
from nsllm.models.remembered import Remembered
from nsllm.models.session import Session, open_session
from nsllm.scoring.support import Reading

_BATCH_TOKENS = 2048


class ForeignModel:
    """Runs the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._threads = threads
        self._provider = provider
        self._opening = threading.Lock()
        self._session: Session | None = None

    @cached_property
    def head(self) -> Head:
        """What the model's outputs mean.

        Raises:
            ModelCorruptError: the file that says so cannot be read.
        """
        path = self.folder / HEAD_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=Head)
        except (OSError, msgspec.MsgspecError) as error:
            raise ModelCorruptError(
                f"{path} cannot be read: {error}.",
                hint=f"Import the model again: nsllm models pull {self.folder.name}",
            ) from error

    @cached_property
    def tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(self.folder)
        tokenizer.library.enable_truncation(self.head.context_tokens, strategy="longest_first")
        return tokenizer

    def probabilities(self, coded: Sequence[Encoding]) -> list[NDArray[np.float64]]:
        """Return the probability of each text, [], or of each of its tokens, [tokens]."""
        found: dict[int, NDArray[np.float64]] = {}
        for batch in batches([len(row.ids) for row in coded], _BATCH_TOKENS):
            rows = [coded[i] for i in batch]
            chances = self.head.probabilities(self.logits(rows))
            for i, row, one in zip(batch, rows, chances, strict=True):
                found[i] = one[: len(row.ids)] if self.head.outputs == "token" else one
        return [found[i] for i in range(len(coded))]

    def logits(self, rows: Sequence[Encoding]) -> NDArray[Any]:
        """Return the logits of a batch, [rows, labels] or [rows, tokens, labels]."""
        feeds = padded(
            [row.ids for row in rows],
            [row.type_ids for row in rows],
            pad_id=self.head.pad_id,
        )
        wanted = {name: feeds[name] for name in self.head.inputs}
        return self._open().run([self.head.output], wanted)[0]

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session


class ForeignClassifier:
    """How toxic texts are by another maker's model; of a token classifier by its worst token."""

    def __init__(self, model: ForeignModel, calibration: Calibration | None = None) -> None:
        self._model = model
        self._calibration = calibration
        self._remembered = Remembered(self._classify)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts)], one probability for each text."""
        return np.array(self._remembered(texts), np.float32)

    def _classify(self, texts: Sequence[str]) -> list[float]:
        coded = self._model.tokenizer.encode(texts)
        found = []
        for row, chances in zip(coded, self._model.probabilities(coded), strict=True):
            inside = np.asarray(row.special_tokens_mask) == 0
            worst = chances[inside].max(initial=0.0) if chances.ndim else chances
            found.append(calibrated(float(worst), self._calibration))
        return found


class ForeignGrounder:
    """How far evidence supports a claim by another maker's model.

    Of a token classifier the least supported token of the claim counts.
    """

    def __init__(self, model: ForeignModel, calibration: Calibration | None = None) -> None:
        self._model = model
        self._calibration = calibration
        self._remembered = Remembered(self._read)

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """Read each pair of a claim and a text."""
        return self._remembered(pairs)

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        coded = self._model.tokenizer.encode_pairs([(text, claim) for claim, text in pairs])
        read = self._model.probabilities(coded)
        return [self._reading(row, chances) for row, chances in zip(coded, read, strict=True)]

    def _reading(self, row: Encoding, chances: NDArray[np.float64]) -> Reading:
        tokens: tuple[tuple[int, int, float], ...] = ()
        support = float(chances) if not chances.ndim else 0.5
        if chances.ndim:
            # The claim is the second segment.
            tokens = tuple(
                (start, end, 1 - float(chance))
                for segment, (start, end), chance in zip(
                    row.sequence_ids, row.offsets, chances, strict=True
                )
                if segment == 1 and end > start
            )
            support = min((1 - chance for *_, chance in tokens), default=0.5)
        return Reading(logit=_logit(calibrated(support, self._calibration)), tokens=tokens)


def calibrated(probability: float, calibration: Calibration | None) -> float:
    """Scale and shift the log odds (Platt 1999); as it is without a calibration."""
    if calibration is None:
        return probability
    value = calibration.scale * _logit(probability) + calibration.shift
    return float(1 / (1 + np.exp(-np.clip(value, -40, 40))))


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(inside / (1 - inside)))
