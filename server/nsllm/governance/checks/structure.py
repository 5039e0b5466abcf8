"""Texts that have to be JSON of a given shape."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import regex
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from nsllm.governance.rules import Observation, Options, Rule, Subject

_FENCE = re.compile(r"\A\s*```[a-z]*[ \t]*\r?\n(.*?)(?:\r?\n)?(?<![ \t])[ \t]*+```\s*\Z", re.DOTALL)
_TIMEOUT_S = 1.0
_TOO_DEEP = "its values are nested too deeply"


class SchemaOptions(Options, frozen=True, kw_only=True):
    """Options of the rule about JSON."""

    schema: str | dict[str, Any] = ""
    """A JSON Schema (2020-12) as a table, or as text; none: the rule is silent."""

    def __post_init__(self) -> None:
        """Refuse what is no schema."""
        if not self.schema:
            return
        try:
            Draft202012Validator.check_schema(_schema_of(self))
        except RecursionError as error:
            raise ValueError(f"The schema cannot be read: {_TOO_DEEP}") from error
        except json.JSONDecodeError as error:
            raise ValueError(f"The schema is no JSON: {error}") from error
        except SchemaError as error:
            raise ValueError(f"The schema is no JSON Schema: {error.message}") from error


def find_misfits(subject: Subject, options: SchemaOptions) -> Iterator[Observation]:
    """Find where the text, or the one code block that it is, does not fit the schema."""
    if not options.schema:
        return
    fenced = _FENCE.match(subject.text)
    text, offset = (fenced[1], fenced.start(1)) if fenced else (subject.text, 0)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        start = offset + min(error.pos, len(text))
        end = min(start + 1, offset + len(text))
        yield Observation(start=start, end=end, message=f"This is no JSON: {error.msg}.")
        return
    except (RecursionError, ValueError) as error:
        reason = _TOO_DEEP if isinstance(error, RecursionError) else "it has too long a number"
        message = f"This is no JSON that can be read: {reason}."
        yield Observation(start=offset, end=offset + len(text), message=message)
        return
    validator = _validator_class()(_schema_of(options), registry=Registry())
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    except Unresolvable as outside:
        # Only what the schema itself defines is looked up: nothing is fetched.
        message = f"The schema refers to something outside it: {outside}."
        yield Observation(start=0, end=0, message=message)
        return
    except (RecursionError, OverflowError, ValueError) as error:
        # Comparing takes more calls for each level than reading does, and a number that is read
        # as infinite is no multiple of anything.
        deep = isinstance(error, RecursionError)
        reason = "it or the schema is nested too deeply" if deep else "a number is out of range"
        message = f"This cannot be compared with the schema: {reason}."
        yield Observation(start=offset, end=offset + len(text), message=message)
        return
    for violation in errors:
        start, end = locate(text, list(violation.absolute_path))
        yield Observation(start=offset + start, end=offset + end, message=_message(violation))


def locate(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return the span of the value at `path` in a JSON text, such as `["a", 0]` in `{"a": [1]}`."""
    decoder = json.JSONDecoder()
    position = _skip(text, 0)
    for step in path:
        position = _enter(text, position, step, decoder)
    return position, decoder.raw_decode(text, position)[1]


def _enter(text: str, position: int, step: str | int, decoder: json.JSONDecoder) -> int:
    """Return where the member or element `step` of the value at `position` starts."""
    here = _skip(text, position + 1)
    found = here
    number = 0
    while text[here] not in "}]":
        key: str | int = number
        if isinstance(step, str):
            key, here = decoder.raw_decode(text, here)
            here = _skip(text, _skip(text, here) + 1)
        if key == step:
            found = here  # Of a name that is given twice the last counts, as in json.loads.
        here = _skip(text, decoder.raw_decode(text, here)[1])
        if text[here] == ",":
            here = _skip(text, here + 1)
        number += 1
    return found


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position


def _schema_of(options: SchemaOptions) -> Any:
    return json.loads(options.schema) if isinstance(options.schema, str) else options.schema


def _message(error: ValidationError) -> str:
    message = f"This does not fit the schema at {error.json_path}: {error.message}."
    # JSON can spell half a character, which no report can hold.
    return message.encode(errors="backslashreplace").decode()


def _check_pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    try:
        found = regex.search(pattern, instance, timeout=_TIMEOUT_S)
    except (TimeoutError, regex.error) as error:
        yield ValidationError(f"{pattern!r} cannot be matched: {error}")
        return
    if not found:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _validator_class() -> Any:
    extend: Any = validators.extend  # its stub has no types
    return extend(Draft202012Validator, {"pattern": _check_pattern})


RULES = (
    Rule(
        id="json.schema",
        summary="A text that is no JSON, or does not fit the JSON Schema in `schema`.",
        find=find_misfits,
        options=SchemaOptions(),
        advice="Write JSON that fits the schema.",
    ),
)
