"""The process that owns the language model: `python -m nsllm.generation.worker`.

ONNX Runtime GenAI holds Python's global lock while it generates, so it runs apart from everything
else. It reads requests from standard input and writes replies to standard output (see messages).
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nsllm.errors import NsllmError, QuestionError, UsageError, WorkerError
from nsllm.generation import failures
from nsllm.generation.messages import (
    Done,
    Failed,
    Finish,
    Generate,
    Load,
    Loaded,
    Reply,
    Score,
    Scored,
    Tokens,
)
from nsllm.generation.pipes import Inbox, Outbox, open_pipes

_SLICE_S = 0.1
"""Time that one slice of a prompt may take: a cancellation is noticed between slices."""
_MAX_SLICE_TOKENS = 256
"""Logits of every position of a slice are kept: 256 rows of 128,000 float32 are 131 MB."""
_TOP_K = 1000
"""Sampling looks at no more tokens: sorting the whole vocabulary costs more than the model."""

_PROVIDERS = {"cpu": None, "cuda": "cuda", "directml": "dml", "coreml": "CoreML"}

IsCancelled = Callable[[], bool]


class _Model(Protocol):
    """The part of the library's Model that is used here."""

    device_type: str


class _Generator(Protocol):
    """The part of the library's Generator that is used here."""

    def append_tokens(self, tokens: NDArray[np.int32], /) -> None: ...
    def get_logits(self) -> NDArray[np.float32]: ...
    def get_output(self, name: str, /) -> NDArray[Any]: ...
    def generate_next_token(self) -> None: ...
    def get_next_tokens(self) -> NDArray[np.int32]: ...


class LanguageModel:
    """A loaded model folder; one request at a time.

    Raises:
        ModelMissingError: the folder is gone.
        ModelCorruptError, ModelUnsupportedError: its files are damaged, or unknown to the library.
        NativeLibraryError: the library, or its build for the provider, is not there.
        OutOfMemoryError: the model does not fit.
    """

    def __init__(self, request: Load) -> None:
        self._folder = Path(request.folder)
        config = failures.read_config(self._folder)
        self._context: int = config["context_length"]
        self._vocabulary: int = config["vocab_size"]
        ends = config.get("eos_token_id", ())
        self._stop_ids = frozenset((ends,) if isinstance(ends, int) else ends)
        self._slice_tokens = 8
        self._og = _import_library()
        started = time.perf_counter()
        self._model = self._open(request)
        self.loaded = Loaded(
            load_ms=(time.perf_counter() - started) * 1000,
            device=str(self._model.device_type),
            context_tokens=self._context,
            memory_bytes=_peak_memory_bytes(),
        )

    def generate(
        self, request: Generate, is_cancelled: IsCancelled, send: Callable[[Reply], None]
    ) -> None:
        """Send the tokens of one answer as they come, then Done."""
        self._check(request.prompt)
        room = self._context - len(request.prompt)
        limit = min(request.max_tokens, room)
        generator = self._generator(request, len(request.prompt) + limit)
        started = time.perf_counter()
        finish: Finish = "cancelled"
        slices = self._append(generator, request.prompt, is_cancelled)
        complete = sum(slices) == len(request.prompt)
        prefilled = time.perf_counter()
        if complete:
            finish = self._decode(generator, request, limit, is_cancelled, send)
        send(
            Done(
                id=request.id,
                finish=finish,
                prefill_ms=(prefilled - started) * 1000,
                decode_ms=(time.perf_counter() - prefilled) * 1000,
            )
        )

    def score(self, request: Score, is_cancelled: IsCancelled) -> Scored:
        """Return the log-probability of each token of the continuation, in one pass."""
        ids = request.prompt + request.continuation
        self._check(request.prompt)
        self._check(ids)
        generator = self._generator(None, len(ids))
        logprobs: list[float] = []
        start = 0
        for size in self._append(generator, ids[:-1], is_cancelled):
            first = max(start, len(request.prompt) - 1)
            start += size
            if first < start:
                # Row r of the slice's logits predicts the token after it.
                rows = np.asarray(generator.get_output("logits"))[0, first - start :]
                targets = np.asarray(ids[first + 1 : start + 1])
                logprobs.extend(float(value) for value in _log_probability(rows, targets))
        if len(logprobs) < len(request.continuation):
            return Scored(id=request.id, logprobs=(), cancelled=True)
        return Scored(id=request.id, logprobs=tuple(logprobs))

    def _decode(
        self,
        generator: _Generator,
        request: Generate,
        limit: int,
        is_cancelled: IsCancelled,
        send: Callable[[Reply], None],
    ) -> Finish:
        stop_ids = self._stop_ids.union(request.stop_ids)
        for _ in range(limit):
            if is_cancelled():
                return "cancelled"
            # Runs the model on the token before; the next call only chooses from the result.
            logits = np.array(generator.get_logits()[0, -1:], dtype=np.float32)
            generator.generate_next_token()
            token = int(generator.get_next_tokens()[0])
            if token in stop_ids:
                return "stop"
            logprob = float(_log_probability(logits, np.asarray([token]))[0])
            send(Tokens(id=request.id, ids=(token,), logprobs=(logprob,)))
        return "length"

    def _append(
        self, generator: _Generator, ids: tuple[int, ...], is_cancelled: IsCancelled
    ) -> Iterator[int]:
        """Feed `ids` in slices, yielding the length of each; end early when cancelled."""
        tokens = np.asarray(ids, dtype=np.int32)
        start = 0
        while start < len(tokens) and not is_cancelled():
            size = min(self._slice_tokens, len(tokens) - start)
            # A single token takes another kernel, whose rounding differs: never leave one over,
            # or the same question could be answered differently from run to run.
            if len(tokens) - start - size == 1:
                size += 1
            began = time.perf_counter()
            generator.append_tokens(tokens[start : start + size])
            fitting = size * _SLICE_S / (time.perf_counter() - began)
            self._slice_tokens = int(max(2, min(fitting, size * 4, _MAX_SLICE_TOKENS)))
            start += size
            yield size

    def _generator(self, request: Generate | None, max_length: int) -> _Generator:
        params = self._og.GeneratorParams(self._model)
        options: dict[str, Any] = {"do_sample": False, "max_length": max_length}
        if request and request.temperature > 0:
            options.update(
                do_sample=True,
                temperature=request.temperature,
                top_p=request.top_p,
                top_k=_TOP_K,
                random_seed=request.seed % 2**31,
            )
        params.set_search_options(**options)
        if request and request.guidance:
            params.set_guidance(request.guidance.type, request.guidance.data)
        try:
            generator: _Generator = self._og.Generator(self._model, params)
        except RuntimeError as error:
            if "grammar" not in str(error):
                raise
            raise failures.grammar_error(error) from error
        return generator

    def _check(self, ids: tuple[int, ...]) -> None:
        if not ids or not all(0 <= token < self._vocabulary for token in ids):
            raise UsageError(
                f"A prompt for {self._folder.name} is empty, or has a token beyond its vocabulary.",
                hint="Build prompts with the tokenizer of the same model.",
            )
        if len(ids) >= self._context:
            raise QuestionError(
                f"The prompt has {len(ids)} tokens; {self._folder.name} reads {self._context}.",
                hint="Ask a shorter question.",
            )

    def _open(self, request: Load) -> _Model:
        try:
            if request.provider != "auto":
                return self._open_on(_PROVIDERS[request.provider], request.threads)
            for provider, is_available in (
                ("cuda", self._og.is_cuda_available),
                ("dml", self._og.is_dml_available),
            ):
                if is_available():
                    try:
                        return self._open_on(provider, request.threads)
                    except RuntimeError as error:
                        # "auto" runs on what works; Loaded says which device that was.
                        sys.stderr.write(f"{provider}: {error}\n")
            return self._open_on(None, request.threads)
        except RuntimeError as error:
            raise failures.load_error(self._folder, request.provider, str(error)) from error

    def _open_on(self, provider: str | None, threads: int) -> _Model:
        config = self._og.Config(str(self._folder))
        config.clear_providers()
        if provider:
            config.append_provider(provider)
        session = {"intra_op_num_threads": threads}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
        model: _Model = self._og.Model(config)
        return model


def main() -> None:
    """Load a model, then answer requests until the parent closes the pipe."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides what it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = open_pipes()
    inbox, outbox = Inbox(source), Outbox(sink)
    try:
        _serve(inbox, outbox)
    except BrokenPipeError:
        os._exit(0)


def _serve(inbox: Inbox, outbox: Outbox) -> None:
    model: LanguageModel | None = None
    while True:
        request = inbox.next()
        try:
            if isinstance(request, Load):
                model = LanguageModel(request)
                outbox.send(model.loaded)
            elif isinstance(request, Generate | Score):
                if model is None:
                    raise WorkerError("No model is loaded.", hint="Send Load first.")
                is_cancelled = partial(inbox.is_cancelled, request.id)
                if isinstance(request, Score):
                    outbox.send(model.score(request, is_cancelled))
                else:
                    model.generate(request, is_cancelled, outbox.send)
        except (NsllmError, RuntimeError, MemoryError) as error:
            known = error if isinstance(error, NsllmError) else failures.run_error(error)
            failed_id = getattr(request, "id", None)
            outbox.send(
                Failed(id=failed_id, code=known.code, message=known.message, hint=known.hint)
            )


def _log_probability(logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32 [n]: log softmax of the rows of `logits` [n, vocabulary] at `targets` [n]."""
    rows = logits.astype(np.float32, copy=False)
    top = rows.max(axis=1)
    total = np.exp(rows - top[:, None]).sum(axis=1)
    chosen: NDArray[np.float32] = rows[np.arange(len(targets)), targets] - top - np.log(total)
    return chosen


def _import_library() -> ModuleType:
    try:
        import onnxruntime_genai as og  # noqa: TID251 - this module is its one owner
    except (ImportError, OSError) as error:
        raise failures.library_error(error) from error
    library: ModuleType = og
    # Builds before telemetry was added have nothing to turn off.
    getattr(library, "disable_telemetry_events", lambda: None)()
    return library


def _peak_memory_bytes() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
