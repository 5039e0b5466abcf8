"""Under what an answer was made: settings, rules and models, as hashes for the audit log."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from nsllm import __version__
from nsllm.errors import ModelCorruptError
from nsllm.governance.records import ModelHash, Origin, Rejected, sha256_of
from nsllm.governance.rulebook import Rulebook
from nsllm.models.registry import REMOTE
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings
from nsllm.types import Answer


def origin_of(
    workspace: Path,
    client: str,
    settings: Settings,
    rulebook: Rulebook,
    models: ModelRuntime,
    *,
    generators: Sequence[str | None] = (None,),
) -> Origin:
    """Return what the audit log keeps besides question and answer; reads the models' manifests.

    `generators` are those that took part; None is the one in use.
    """
    rules = {name: one.options for name, one in rulebook.configured().items()}
    return Origin(
        workspace=str(workspace),
        version=__version__,
        client=client,
        settings_sha256=sha256_of(settings),
        rules_sha256=sha256_of(rules),
        models=tuple(_models(models, generators)),
    )


def generators_of(
    answer: Answer, rejected: Iterable[Rejected], chosen: str | None
) -> tuple[str | None, ...]:
    """Return the generators that took part in an answer: the `chosen` one where it wrote.

    The perplexity of a quotation is by the one in use, whichever wrote what was rejected before.
    """
    wrote = any(mode == "generate" for mode in (answer.mode, *(one.mode for one in rejected)))
    return (*((None,) if answer.mode == "extract" else ()), *((chosen,) if wrote else ()))


def _models(models: ModelRuntime, generators: Sequence[str | None]) -> list[ModelHash]:
    found = []
    for name in dict.fromkeys(name for one in generators for name in models.needed(one)):
        if name == REMOTE:
            remote = models.settings.remote
            found.append(
                ModelHash(id=remote.model, task="generation", sha256="", address=remote.url)
            )
            continue
        try:
            installed = models.registry.installed(name)
        except ModelCorruptError:
            continue
        if installed is not None:
            manifest = installed.manifest
            found.append(
                ModelHash(
                    id=manifest.id,
                    task=manifest.task,
                    sha256=manifest.source.sha256,
                    adapter_sha256=manifest.adapter_sha256,
                )
            )
    return found
