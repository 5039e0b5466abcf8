"""A model's own chat template: rendered in a sandbox, encoded so that no text becomes control."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

import jinja2
import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from nsllm.embedding.tokenizer import Tokenizer as LoadedTokenizer
from nsllm.embedding.tokenizer import clean
from nsllm.errors import ModelCorruptError, QuestionError

_TEMPLATE = "chat_template.jinja"
_CONFIG = "tokenizer_config.json"
_BREAK = "\u200b"

# What a template's own code may raise besides the errors of Jinja.
_RENDER_ERRORS = (TypeError, ValueError, LookupError, ArithmeticError, RecursionError)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered chat and its tokens."""

    text: str
    ids: tuple[int, ...]


class ChatTemplate:
    """The template of one model, with the tokenizer that belongs to it.

    Raises:
        ModelCorruptError: the template is not valid; the message names it.
    """

    def __init__(
        self, source: str, tokenizer: Tokenizer, *, name: str, tokens: dict[str, str] | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.tells_time = "strftime_now" in source
        """Whether a prompt says when it was made, so that no two are the same."""
        self._name = name
        self._tokens = tokens or {}
        self._control = _control_tokens(tokenizer, source)
        # Nothing fits into a token of one character: encode refuses such a text instead.
        long = sorted((text for text in self._control if len(text) > 1), key=len, reverse=True)
        pattern = "|".join(re.escape(text) for text in long)
        self._pattern = re.compile(pattern) if pattern else None
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise self._broken(error) from error

    @classmethod
    def load(cls, folder: Path) -> "ChatTemplate":
        """Read chat_template.jinja, or the template within tokenizer_config.json.

        Raises:
            ModelCorruptError: there is neither, or one of the files cannot be read.
        """
        tokenizer = LoadedTokenizer(folder).library
        config = _read_config(folder / _CONFIG)
        tokens = {
            key: text
            for key in ("bos_token", "eos_token", "pad_token", "unk_token")
            if (text := _token_text(config.get(key)))
        }
        path = folder / _TEMPLATE
        if path.is_file():
            return cls(_read(path), tokenizer, name=str(path), tokens=tokens)
        source = config.get("chat_template")
        if isinstance(source, list):
            named = {entry.get("name"): entry.get("template") for entry in source}
            source = named.get("default")
        if not isinstance(source, str):
            raise _corrupt(folder, f"it has no chat template ({_TEMPLATE})")
        return cls(source, tokenizer, name=str(folder / _CONFIG), tokens=tokens)

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """Render a chat up to where the assistant speaks next, and encode it.

        Texts of the messages never become control tokens: a special token that is written out in
        one of them is broken by a zero-width space.

        Raises:
            ModelCorruptError: the template fails on these messages.
            QuestionError: a message holds text that the tokenizer takes for a control token.
        """
        safe = [Message(role=m.role, content=self.neutralise(m.content)) for m in messages]
        text = self.render(safe)
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        bare = self.render([Message(role=m.role, content="x") for m in messages])
        expected = self._controls(self.tokenizer.encode(bare, add_special_tokens=False).ids)
        if self._controls(ids) != expected:
            raise QuestionError(
                "The question or a passage holds text that the model takes for a control token.",
                hint="Leave control tokens of language models out of the question.",
            )
        return Encoded(text=text, ids=tuple(ids))

    def neutralise(self, text: str) -> str:
        """Return `text` with a zero-width space in every control token that it spells."""
        text = clean(text)
        # A broken token may leave another that overlapped with it.
        while self._pattern and self._pattern.search(text):
            text = self._pattern.sub(lambda found: found[0][0] + _BREAK + found[0][1:], text)
        return text

    def count(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(self.tokenizer.encode(clean(text), add_special_tokens=False))

    def render(self, messages: Sequence[Message]) -> str:
        """Render a chat; a template that takes no system message gets it in front of the first.

        Raises:
            ModelCorruptError: the template fails on these messages.
        """
        turns = [msgspec.structs.asdict(message) for message in messages]
        try:
            try:
                return self._render(turns)
            except _RefusedError:
                return self._render(_fold_system(turns))
        except (jinja2.TemplateError, *_RENDER_ERRORS) as error:
            raise self._broken(error) from error

    def _render(self, turns: list[dict[str, Any]]) -> str:
        return self._template.render(messages=turns, add_generation_prompt=True, **self._tokens)

    def _controls(self, ids: Sequence[int]) -> list[int]:
        control = set(self._control.values())
        return [token for token in ids if token in control]

    def _broken(self, error: Exception) -> ModelCorruptError:
        return ModelCorruptError(
            f"The chat template {self._name} fails: {error}.",
            hint="Fetch the model again: nsllm models pull, or mend the template.",
        )


class _RefusedError(jinja2.TemplateError):
    """The template itself says that it cannot render this."""


def _raise_exception(message: str) -> NoReturn:
    raise _RefusedError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _to_json(value: object, indent: int | None = None) -> str:
    # Jinja's own filter escapes for HTML, which models were not trained on.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _fold_system(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(turns) < 2 or turns[0]["role"] != "system":
        return turns
    first = turns[1]
    return [{**first, "content": f"{turns[0]['content']}\n\n{first['content']}"}, *turns[2:]]


def _control_tokens(tokenizer: Tokenizer, source: str) -> dict[str, int]:
    """Return the added tokens that are special, or that the template itself writes."""
    return {
        token.content: number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.content.strip() and (token.special or token.content in source)
    }


def _token_text(entry: object) -> str | None:
    """Read a token of tokenizer_config.json: a string, or an object with its content."""
    if isinstance(entry, dict):
        entry = entry.get("content")
    return entry if isinstance(entry, str) else None


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        config = json.loads(_read(path))
    except ValueError as error:
        raise _corrupt(path.parent, f"{path.name} is no valid JSON ({error})") from error
    return config if isinstance(config, dict) else {}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _corrupt(path.parent, f"{path.name} cannot be read ({error})") from error


def _corrupt(folder: Path, reason: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"The model {folder.name} is damaged: {reason}.",
        hint=f"Fetch it again: nsllm models pull {folder.name}",
    )
