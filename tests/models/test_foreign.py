"""Classifiers of other makers: imported from their usual layout, and read as their labels say."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.classifiers import LONGEST, NLI, write_classifier
from nsllm.errors import ModelCorruptError, ModelUnsupportedError, NsllmError, UsageError
from nsllm.models import install
from nsllm.models.foreign import ForeignClassifier, ForeignGrounder, ForeignModel
from nsllm.models.registry import Calibration, InstalledModel, Registry, find_installed
from nsllm.models.verify import verify

EVIDENCE = "All readings are kept for thirty days in the archive."
CLAIM = "Readings are kept for thirty days."
OTHER = "Readings are kept for sixty days."


def grounder(installed: InstalledModel, calibration: Calibration | None = None) -> ForeignGrounder:
    return ForeignGrounder(ForeignModel(installed.folder, threads=1), calibration)


def toxicity(installed: InstalledModel, *texts: str) -> list[float]:
    model = ForeignClassifier(ForeignModel(installed.folder, threads=1))
    return [round(float(chance), 3) for chance in model.probabilities(texts)]


@pytest.mark.parametrize("file", ["model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx"])
def test_an_nli_model_is_imported_by_its_labels_and_tells_support(
    tmp_path: Path, file: str
) -> None:
    installed = install.import_file(write_classifier(tmp_path / "Tiny NLI", NLI, file=file))
    verify(installed)
    assert (installed.id, installed.manifest.task) == ("tiny-nli", "grounding")
    assert installed.manifest.context_length == LONGEST
    supported, other = grounder(installed).read([(CLAIM, EVIDENCE), (OTHER, EVIDENCE)])
    assert supported.logit > 0 > other.logit
    assert supported.tokens == ()


def test_the_evidence_is_the_premise_and_longer_than_the_model_takes_is_cut(
    tmp_path: Path,
) -> None:
    read = grounder(install.import_file(write_classifier(tmp_path / "nli", NLI))).read
    [turned] = read([(EVIDENCE, CLAIM)])
    assert turned.logit < 0
    [long] = read([(CLAIM, f"{EVIDENCE} " * 40)])
    assert long.logit > 0


def test_a_batch_gives_what_each_text_gives_alone(tmp_path: Path) -> None:
    """Padding must not count, of whatever length the neighbours are."""
    installed = install.import_file(write_classifier(tmp_path / "nli", NLI))
    pairs = [(CLAIM, EVIDENCE), (OTHER, f"{EVIDENCE} {EVIDENCE}"), ("Readings.", "A relay.")]
    together = [one.logit for one in grounder(installed).read(pairs)]
    alone = [grounder(installed).read([pair])[0].logit for pair in pairs]
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_token_classifier_tells_the_words_that_are_not_supported(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "spans", ("supported", "hallucinated"), "tokens")
    installed = install.import_file(folder)
    [reading] = grounder(installed).read([(OTHER, EVIDENCE)])
    assert reading.logit < 0
    assert [OTHER[a:b] for a, b, chance in reading.tokens if chance > 0.5] == ["sixty"]
    [supported] = grounder(installed).read([(CLAIM, EVIDENCE)])
    assert supported.logit > 0


def test_labels_that_name_the_opposite_are_turned_round(tmp_path: Path) -> None:
    """Both labels of the first model say it, only the second of the other."""
    for name, labels in {"a": ("Hallucinated", "ok"), "b": ("NOT_SUPPORTED", "SUPPORTED")}.items():
        folder = write_classifier(tmp_path / name, labels)
        [supported, other] = grounder(install.import_file(folder)).read(
            [(CLAIM, EVIDENCE), (OTHER, EVIDENCE)]
        )
        assert supported.logit > 0 > other.logit


@pytest.mark.parametrize(
    ("labels", "config"),
    [
        (("non-toxic", "toxic"), {}),
        (("nothate", "hate"), {}),
        (("insult", "toxic"), {"problem_type": "multi_label_classification"}),
        (("toxicity",), {}),
    ],
)
def test_a_toxicity_model_is_imported_by_its_labels(
    tmp_path: Path, labels: tuple[str, ...], config: dict[str, object]
) -> None:
    folder = write_classifier(tmp_path / "hate", labels, "words", config=config)
    installed = install.import_file(folder)
    assert installed.manifest.task == "toxicity"
    bad, good = toxicity(installed, "All those people are vermin.", "All those people work well.")
    assert bad > 0.9
    assert good < 0.1


@pytest.mark.parametrize("file", ["model.onnx", "onnx/model.onnx"])
def test_a_graph_that_is_called_model_is_named_by_its_folder(tmp_path: Path, file: str) -> None:
    for name in ("nli-a", "nli-b"):
        path = write_classifier(tmp_path / name, NLI, file=file) / file
        assert install.import_file(path).id == name


def test_labels_can_be_chosen_where_their_names_say_nothing(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "x", ("LABEL_0", "LABEL_1", "LABEL_2"), "words")
    with pytest.raises(ModelUnsupportedError, match="LABEL_0, LABEL_1, LABEL_2") as error:
        install.import_file(folder)
    assert "--label" in error.value.hint
    installed = install.import_file(folder, task="toxicity", labels=["LABEL_1", "LABEL_2"])
    assert installed.manifest.labels == ("LABEL_1", "LABEL_2")
    first, second = toxicity(installed, "vermin", "idiots")
    assert first > 0.9
    assert second > 0.9
    # What was chosen is kept: a damaged model is made again as it was.
    (installed.folder / "model.onnx").write_bytes(b"")
    again = install.pull(Registry.load().get("x"))
    assert toxicity(again, "idiots") == [second]


Change = Callable[[Path], object]


def several(folder: Path) -> None:
    (folder / "b.onnx").write_bytes((folder / "model.onnx").read_bytes())
    (folder / "model.onnx").rename(folder / "a.onnx")


def config_of(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


@pytest.mark.parametrize(
    ("change", "error", "met"),
    [
        (lambda f: (f / "config.json").unlink(), ModelCorruptError, "There is no config.json"),
        (lambda f: (f / "tokenizer.json").unlink(), ModelCorruptError, "no tokenizer.json"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), ModelCorruptError, "as a tokenizer"),
        (lambda f: (f / "config.json").write_text("["), ModelCorruptError, "cannot be read"),
        (lambda f: (f / "model.onnx").write_bytes(b"x"), ModelCorruptError, "no ONNX file"),
        (lambda f: config_of(f, id2label=None), ModelUnsupportedError, "has no `id2label`"),
        (lambda f: config_of(f, id2label={"0": "entailment"}), ModelUnsupportedError, "1 labels"),
        (
            lambda f: config_of(f, id2label={"0": "entailment", "2": "neutral"}),
            ModelUnsupportedError,
            "a name of its own",
        ),
        (
            lambda f: config_of(f, id2label={"0": "toxic", "1": "entailment", "2": "x"}),
            ModelUnsupportedError,
            "do not tell what it is for",
        ),
        (several, ModelUnsupportedError, "2 ONNX files: a.onnx, b.onnx"),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_nothing(
    tmp_path: Path, change: Change, error: type[NsllmError], met: str
) -> None:
    folder = write_classifier(tmp_path / "nli", NLI)
    change(folder)
    with pytest.raises(error, match=met) as raised:
        install.import_file(folder)
    assert raised.value.hint
    assert find_installed("nli") is None


@pytest.mark.parametrize(
    ("task", "labels", "met"),
    [
        ("grounding", ["entails"], "no label entails"),
        (None, ["entailment"], "was not said"),
        ("grounding", [*NLI], "All labels"),
    ],
)
def test_labels_that_are_chosen_wrongly_are_refused(
    tmp_path: Path, task: str | None, labels: list[str], met: str
) -> None:
    folder = write_classifier(tmp_path / "nli", NLI)
    with pytest.raises(UsageError, match=met):
        install.import_file(folder, task=task, labels=labels)


def test_a_calibration_scales_the_log_odds(tmp_path: Path) -> None:
    installed = install.import_file(write_classifier(tmp_path / "nli", NLI))
    [raw] = grounder(installed).read([(OTHER, EVIDENCE)])
    [scaled] = grounder(installed, Calibration(scale=0.5, shift=1.0)).read([(OTHER, EVIDENCE)])
    assert scaled.logit == pytest.approx(0.5 * raw.logit + 1.0, abs=1e-3)


def test_probabilities_of_a_head_are_in_range_and_sum_what_counts(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "t", ("neutral", "hateful", "toxic"), "words")
    head = ForeignModel(install.import_file(folder).folder).head
    assert head.wanted == (1, 2)
    chances = head.probabilities(np.array([[50.0, -50.0, -50.0], [0.0, 0.0, 0.0]]))
    assert chances == pytest.approx([0.0, 2 / 3], abs=1e-9)
    inverted = msgspec.structs.replace(head, inverted=True)
    assert inverted.probabilities(np.zeros(3)) == pytest.approx(1 / 3)
