"""The embedder's tokenizer: counts, encodes and maps tokens back to characters."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding
from tokenizers import Tokenizer as Library

from nsllm.errors import ModelCorruptError

FILE_NAME = "tokenizer.json"


def clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer or database takes; offsets stay as they are."""
    if text.isascii():
        return text
    return "".join("�" if "\ud800" <= char <= "\udfff" else char for char in text)


class Tokenizer:
    """A Hugging Face tokenizer with neither truncation nor padding.

    Raises:
        ModelCorruptError: the file is missing or is no tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE_NAME
        try:
            self.library = Library.from_str(path.read_text(encoding="utf-8"))
        # The library raises bare Exception for whatever it cannot parse.
        except Exception as error:
            raise ModelCorruptError(
                f"{path} cannot be read as a tokenizer: {error}.",
                hint=f"Fetch the model again: nsllm models pull {folder.name}",
            ) from error
        self.library.no_truncation()
        self.library.no_padding()

    def count(self, text: str) -> int:
        """Count the tokens of `text`, special tokens left out."""
        return len(self.library.encode(clean(text), add_special_tokens=False))

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode each text with its special tokens; offsets count characters."""
        return self.library.encode_batch([clean(text) for text in texts])

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoding]:
        """Encode each pair as one sequence of two segments."""
        return self.library.encode_batch([(clean(a), clean(b)) for a, b in pairs])
