"""The models in use: found, fetched, loaded at first need, and shared by all workspaces."""

import hashlib
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from nsllm import home
from nsllm.documents.chunker import Chunker
from nsllm.embedding.embedder import Embedder
from nsllm.errors import ModelCorruptError, ModelMissingError, SettingsError, UsageError
from nsllm.generation.client import GeneratorClient, GeneratorModel
from nsllm.generation.exam import ExamResult, exam, sit
from nsllm.generation.reader import PassageReader
from nsllm.generation.remote import RemoteWriter
from nsllm.generation.writer import Writer
from nsllm.models import hardware, install
from nsllm.models.classifier import Classifier
from nsllm.models.foreign import ForeignClassifier, ForeignGrounder, ForeignModel
from nsllm.models.grounder import Grounder
from nsllm.models.orderer import Orderer
from nsllm.models.registry import REMOTE, InstalledModel, Model, Registry
from nsllm.models.session import choose_provider
from nsllm.models.verify import check_sizes
from nsllm.scoring.scorer import Classifiers
from nsllm.settings import Provider, Settings
from nsllm.stopping import checkpoint, on_thread
from nsllm.types import Finding, Passage, Progress, ProgressListener, Severity

READER = "nsllm-passage-reader"
COHERENCE = "nsllm-coherence"
_EXAM_FILE = "exam.json"


class ModelRuntime:
    """Opens each model once; threads and workspaces may share it."""

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        self.registry = (registry or Registry.load()).with_remote(settings.remote)
        self.settings = settings
        self._lock = threading.RLock()
        self._embedder: Embedder | None = None
        self._reader: PassageReader | None = None
        self._grounder: Grounder | ForeignGrounder | None = None
        self._classifier: Classifier | ForeignClassifier | None = None
        self._orderer: Orderer | None = None
        self._writers: dict[str, Writer | RemoteWriter] = {}
        self._opened: dict[str, str] = {}
        self._client = GeneratorClient(
            idle_unload_s=settings.models.idle_unload_s,
            free_memory_bytes=hardware.free_memory_bytes,
        )

    def needed(self, generator: str | None = None) -> tuple[str, ...]:
        """Return the ids of the models that an answer by this generator, or that in use, takes."""
        models = self.settings.models
        judges = (models.grounding, models.toxicity, COHERENCE)
        return (models.embedder, READER, *judges, generator or models.generator)

    def missing(self) -> list[Model]:
        """Return those of the needed models that have to be fetched or imported (again).

        Besides those that are not on this machine: damaged ones, and what an older importer made.

        Raises:
            UnknownModelError: the settings name a model that models.toml does not have.
        """
        needed = [self.registry.get(name) for name in self.needed()]
        return [m for m in needed if not m.is_remote and install.usable(m) is None]

    async def pull(self, name: str, listener: ProgressListener) -> InstalledModel:
        """Fetch and import a model; a generator sits the reading exam at once.

        Where the caller is cancelled, the download ends too, and leaves nothing.
        """
        model = self.registry.get(name)
        if model.is_remote:
            raise UsageError(
                f"{name} is on another machine.", hint="Nothing has to be fetched for it."
            )

        def step(progress: Progress) -> None:
            checkpoint()
            listener(progress)

        installed = await on_thread(partial(install.pull, model, listener=step))
        if model.task == "generation":
            await self.examine(name, listener)
        return installed

    def reload_registry(self) -> None:
        """Take up what was imported since the start."""
        self.registry = Registry.load().with_remote(self.settings.remote)

    async def examine(self, name: str, listener: ProgressListener) -> ExamResult:
        """Let a generator sit the reading exam, and keep the result with the model."""
        writer = self.writer(name)
        result = await sit(writer.write, listener)
        path = self._exam_path(name)
        if path is None:
            raise ModelMissingError(
                f"The model {name} is gone.", hint=f"Fetch it: nsllm models pull {name}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(result))
        return result

    def exam_result(self, name: str) -> ExamResult | None:
        """Return what a model has shown in this version of the exam; None: it has not sat it."""
        path = self._exam_path(name)
        if path is None:
            return None
        try:
            body = path.read_bytes()
            result = msgspec.json.decode(body, type=ExamResult)
        except (OSError, msgspec.MsgspecError):
            return None
        return result if result.version == exam().version else None

    def may_generate(self, name: str | None = None) -> bool:
        """Tell whether mode `auto` lets this generator write."""
        result = self.exam_result(name or self.settings.models.generator)
        return result is not None and result.passed

    def embedder(self) -> Embedder:
        """Return the embedder in use.

        Raises:
            ModelMissingError: it is not on this machine.
            ModelCorruptError: one of its files is missing or cut off.
        """
        with self._lock:
            if self._embedder is None:
                installed = self._installed(self.settings.models.embedder)
                self._embedder = Embedder(installed.folder, threads=self.threads)
            return self._embedder

    def chunker(self) -> Chunker:
        """Return the chunker that fits the embedder."""
        return Chunker(self.embedder().tokenizer.library)

    def reader(self) -> PassageReader:
        """Return the reader.

        Raises:
            ModelMissingError: it is not on this machine.
            ModelCorruptError: one of its files is missing or cut off.
        """
        with self._lock:
            if self._reader is None:
                installed = self._installed(READER)
                self._reader = PassageReader(installed.folder, threads=self.threads)
            return self._reader

    def classifiers(self) -> Classifiers:
        """Return the classifiers that are on this machine; `remarks` names the others.

        Raises:
            ModelCorruptError: a file of one is missing or cut off.
            SettingsError, UnknownModelError: the settings name a model of another task, or none.
        """
        grounder, classifier, orderer = self.grounder(), self._toxicity(), self._coherence()
        return Classifiers(
            grounding=grounder.read if grounder else None,
            fitted=not isinstance(grounder, ForeignGrounder),
            toxicity=classifier.probabilities if classifier else None,
            order=orderer.read if orderer else None,
        )

    def grounder(self) -> Grounder | ForeignGrounder | None:
        """Return the model that compares claims with evidence; None: it is not on this machine.

        Raises:
            ModelCorruptError: one of its files is missing or cut off.
            SettingsError, UnknownModelError: the settings name a model of another task, or none.
        """
        with self._lock:
            model = self._chosen("grounding")
            if self._grounder is None and self.registry.installed(model.id) is not None:
                folder = self._installed(model.id).folder
                self._grounder = (
                    ForeignGrounder(self._foreign(folder), model.calibration)
                    if model.family == "onnx"
                    else Grounder(folder, threads=self.threads)
                )
            return self._grounder

    def remarks(self) -> list[Finding]:
        """Return a note for each score that cannot be computed, or is worth an unknown amount."""
        notes = []
        coherence = self.registry.get(COHERENCE)
        for model in (self._chosen("grounding"), self._chosen("toxicity"), coherence):
            if self.registry.installed(model.id) is None:
                notes.append(_missing(model))
            elif model.is_uncalibrated:
                notes.append(_uncalibrated(model))
        return notes

    def is_remote(self, name: str | None = None) -> bool:
        """Tell whether this generator, or the one in use, is on another machine."""
        return self.registry.get(name or self.settings.models.generator).is_remote

    def writer_name(self, name: str | None = None) -> str:
        """Return what an answer of this generator, or of the one in use, names as its model."""
        name = name or self.settings.models.generator
        return self.remote_writer().name if self.is_remote(name) else name

    def remote_writer(self) -> RemoteWriter:
        """Return the writer of the generator on another machine."""
        return RemoteWriter(self.settings.remote, self.settings.generation)

    def writer(self, name: str | None = None) -> Writer | RemoteWriter:
        """Return a writer with this generator, or the one in use.

        Raises:
            ModelMissingError: it is not on this machine.
            ModelCorruptError: one of its files is missing or cut off.
        """
        name = name or self.settings.models.generator
        if self.is_remote(name):
            with self._lock:
                return self._writers.setdefault(name, self.remote_writer())
        # Every time: its worker ends when idle, and loads the files anew with the next text.
        installed = self._installed(name)
        with self._lock:
            if name not in self._writers:
                self._writers[name] = Writer(
                    name,
                    self._client,
                    GeneratorModel(
                        folder=installed.folder,
                        threads=self.threads,
                        provider=_checked(self.settings.models.provider),
                        memory_bytes=self.registry.get(name).memory_bytes,
                    ),
                    context_tokens=installed.manifest.context_length,
                    settings=self.settings.generation,
                )
            return self._writers[name]

    def identities(self, generator: str | None = None) -> dict[str, str] | None:
        """Name the exact files of each model that an answer takes; "" where one is not here.

        None: one is damaged, or was replaced while it was in use, so that nobody can tell which
        one answers.
        """
        found: dict[str, str] = {}
        for name in {*self.needed(), generator or self.settings.models.generator}:
            try:
                installed = self.registry.installed(name)
                if installed is not None:
                    check_sizes(installed)
            except ModelCorruptError:
                return None
            found[name] = installed.manifest.fingerprint if installed else ""
        with self._lock:
            same = all(self._opened.get(name, one) == one for name, one in found.items())
        # A calibration stands in models.toml, not among the files.
        scaled = {
            f"{name}, calibrated": f"{one.scale} {one.shift}"
            for name in found
            if (one := self.registry.get(name).calibration)
        }
        return found | scaled if same else None

    def tells_time(self) -> bool:
        """Whether a generator in use is told the time, so that what it writes depends on it."""
        with self._lock:
            writers = list(self._writers.values())
        return any(writer.tells_time for writer in writers)

    async def perplexity(
        self, question: str, passages: Sequence[Passage], text: str
    ) -> float | None:
        """Return the perplexity of a text under the generator in use.

        None where that is not here, or damaged: a quotation stands without it.
        """
        try:
            writer = self.writer()
        except (ModelMissingError, ModelCorruptError):
            return None
        return await writer.perplexity(question, passages, text)

    def _exam_path(self, name: str) -> Path | None:
        """Return where the result of an exam is kept; None: the model is not here."""
        if name == REMOTE and self.settings.remote.url:
            # Another server, or another model of it, has shown nothing yet.
            where = f"{self.settings.remote.url}\0{self.settings.remote.model}".encode()
            return home.data_folder() / "remote" / f"{hashlib.sha256(where).hexdigest()[:16]}.json"
        installed = self.registry.installed(name)
        return installed.folder / _EXAM_FILE if installed else None

    async def aclose(self) -> None:
        """End the worker process."""
        await self._client.aclose()

    def _toxicity(self) -> Classifier | ForeignClassifier | None:
        with self._lock:
            model = self._chosen("toxicity")
            if self._classifier is None and self.registry.installed(model.id) is not None:
                installed = self._installed(model.id)
                self._classifier = (
                    ForeignClassifier(self._foreign(installed.folder), model.calibration)
                    if model.family == "onnx"
                    else Classifier(
                        installed.folder,
                        context_tokens=installed.manifest.context_length,
                        threads=self.threads,
                    )
                )
            return self._classifier

    def _coherence(self) -> Orderer | None:
        with self._lock:
            if self._orderer is None and self.registry.installed(COHERENCE) is not None:
                folder = self._installed(COHERENCE).folder
                self._orderer = Orderer(folder, threads=self.threads)
            return self._orderer

    def _foreign(self, folder: Path) -> ForeignModel:
        return ForeignModel(folder, threads=self.threads)

    def _chosen(self, task: Literal["grounding", "toxicity"]) -> Model:
        model = self.registry.get(getattr(self.settings.models, task))
        if model.task != task:
            fitting = ", ".join(one.id for one in self.registry.of_task(task))
            raise SettingsError(
                f"`models.{task}` is {model.id}, which is for {model.task}.",
                hint=f"For {task} there are: {fitting}.",
            )
        return model

    @property
    def threads(self) -> int:
        """How many threads one model takes."""
        return self.settings.models.threads or hardware.physical_cores()

    def _installed(self, name: str) -> InstalledModel:
        """Return an installed model whose files are all there, as large as they should be."""
        installed = self.registry.installed(name)
        if installed is None:
            self.registry.get(name)
            raise ModelMissingError(
                f"The model {name} is not on this machine.",
                hint=f"Fetch it: nsllm models pull {name}",
            )
        check_sizes(installed)
        with self._lock:
            self._opened.setdefault(name, installed.manifest.fingerprint)
        return installed


def _note(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.INFO, start=0, end=0, message=message)


def _missing(model: Model) -> Finding:
    return _note(
        "model.missing",
        f"The {model.task} of the text was not measured: the model {model.id} is "
        f"not on this machine. Fetch it: nsllm models pull {model.id}",
    )


def _uncalibrated(model: Model) -> Finding:
    return _note(
        "model.uncalibrated",
        f"The {model.task} is as the model {model.id} gives it: it was not calibrated, so that "
        "thresholds mean something else than with the model of NS-LLM.",
    )


def _checked(provider: Provider) -> str:
    """Return where the generator runs; with `auto` its worker finds out what works."""
    return provider if provider == "auto" else choose_provider(provider)
