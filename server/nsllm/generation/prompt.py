"""What the model is asked: instructions, numbered passages and the question, within its context."""

import re
from collections.abc import Sequence

import msgspec

from nsllm.errors import QuestionError
from nsllm.generation.extractive import NOT_FOUND
from nsllm.generation.template import ChatTemplate, Encoded, Message
from nsllm.types import Passage, Turn

_SYSTEM = f"""\
You answer questions from numbered passages. Rules:
- Use only what the passages say, in one or two short sentences.
- After each sentence write the number of its passage in brackets, like [1].
- If no passage answers the question, reply exactly: {NOT_FOUND}"""

# Small models follow an example better than a rule; it also shows that the number matters.
_EXAMPLE = (
    Message(
        role="user",
        content="""\
[1] office/rooms.md
The blue room seats eight people. It has no screen.

[2] office/hours.md
The office opens at seven in the morning and closes at nine.

Question: When does the office open?""",
    ),
    Message(role="assistant", content="The office opens at seven in the morning [2]."),
)

_MARKER = re.compile(r" ?\[\d{1,3}\](?!\()")
_HISTORY_SHARE = 0.25
"""Of the room that a question leaves, what earlier turns may take: passages matter more."""

_MOST_CHARACTERS = 16
"""Of one token, on the average of a text; far more than any text has that is worth recalling."""

_MIN_TURN_TOKENS = 8
"""What a turn takes at least: two messages with their roles and control tokens."""

_MIN_PART_TOKENS = 32
"""A passage of which less would fit is left out: so little seldom says anything."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as the worker takes it; marker n stands for `passages[n - 1]`."""

    token_ids: tuple[int, ...]
    passages: tuple[Passage, ...]
    """Those that are in the prompt; the last may be cut short there."""
    text: str


def build(
    question: str,
    passages: Sequence[Passage],
    template: ChatTemplate,
    *,
    context_tokens: int,
    max_tokens: int,
    history: Sequence[Turn] = (),
) -> Prompt:
    """Ask `question` of as many passages as leave room for `max_tokens` of answer.

    The last passages are cut or left out first; of `history` the latest turns are kept, within a
    quarter of the room.

    Raises:
        QuestionError: the question does not fit even without passages.
    """
    room = context_tokens - max_tokens
    bare = empty = _encode(question, [], template)
    if len(bare.ids) > room:
        fixed = len(_encode("", [], template).ids)
        raise QuestionError(
            f"The question has {len(bare.ids) - fixed} tokens; with instructions and answer, "
            f"{max(0, room - fixed)} fit into the model's context of {context_tokens}.",
            hint="Ask a shorter question, or use a model with a longer context.",
        )
    share = int(_HISTORY_SHARE * (room - len(bare.ids)))
    said: list[Message] = []
    recent = _recall(_recent(history, share))
    low, high = 0, len(recent) // 2
    # The most of the latest turns that fit: more of them take more room.
    while low < high:
        middle = (low + high + 1) // 2
        encoded = _encode(question, [], template, recent[-2 * middle :])
        if len(encoded.ids) <= len(empty.ids) + share:
            low, said, bare = middle, recent[-2 * middle :], encoded
        else:
            high = middle - 1
    blocks = _fit(passages, template, room - len(bare.ids))
    encoded = _encode(question, blocks, template, said)
    # Joined texts may take a few tokens more than their parts did.
    while len(encoded.ids) > room:
        blocks = _shorten(blocks, template, len(encoded.ids) - room)
        encoded = _encode(question, blocks, template, said)
    return Prompt(token_ids=encoded.ids, passages=tuple(passages[: len(blocks)]), text=encoded.text)


def conversation(
    question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
) -> list[Message]:
    """Return the same prompt as messages, for a server that counts its own tokens."""
    blocks = [_block(number, passage) for number, passage in enumerate(passages, start=1)]
    content = "\n\n".join([*blocks, f"Question: {question.strip()}"])
    return [
        Message(role="system", content=_SYSTEM),
        *_EXAMPLE,
        *_recall(history),
        Message(role="user", content=content),
    ]


def _encode(
    question: str, blocks: Sequence[str], template: ChatTemplate, said: Sequence[Message] = ()
) -> Encoded:
    content = "\n\n".join([*blocks, f"Question: {question.strip()}"])
    system = Message(role="system", content=_SYSTEM)
    return template.encode([system, *_EXAMPLE, *said, Message(role="user", content=content)])


def _recent(history: Sequence[Turn], tokens: int) -> Sequence[Turn]:
    """Return the latest turns that may fit, told by their lengths: who asks may send any number."""
    rest = tokens * _MOST_CHARACTERS
    kept = 0
    for turn in reversed(history[max(0, len(history) - tokens // _MIN_TURN_TOKENS) :]):
        rest -= len(turn.question) + len(turn.answer)
        if rest < 0:
            break
        kept += 1
    return history[len(history) - kept :]


def _recall(history: Sequence[Turn]) -> list[Message]:
    """Return turns as messages; their markers counted other passages than are numbered now."""
    return [
        message
        for turn in history
        for message in (
            Message(role="user", content=f"Question: {turn.question.strip()}"),
            Message(role="assistant", content=_MARKER.sub("", turn.answer).strip()),
        )
    ]


def _fit(passages: Sequence[Passage], template: ChatTemplate, room: int) -> list[str]:
    """Return the passages as the prompt shows them, within `room` tokens in all."""
    blocks: list[str] = []
    for number, passage in enumerate(passages, start=1):
        block = _block(number, passage)
        size = template.count(template.neutralise(block)) + 1
        if size > room:
            part = _cut(block, template, room - 1)
            return [*blocks, part] if part else blocks
        blocks.append(block)
        room -= size
    return blocks


def _shorten(blocks: Sequence[str], template: ChatTemplate, excess: int) -> list[str]:
    *kept, last = blocks
    part = _cut(last, template, template.count(last) - excess - 1)
    return [*kept, part] if part else kept


def _cut(block: str, template: ChatTemplate, room: int) -> str:
    """Return what fits of a passage, up to the end of a word; nothing where that is too little."""
    if room < _MIN_PART_TOKENS:
        return ""
    offsets = template.tokenizer.encode(block, add_special_tokens=False).offsets
    if len(offsets) <= room:
        return block
    head = block[: offsets[room - 1][1]]
    start = block.index("\n") + 1
    word_end = max(head.rfind(" "), head.rfind("\n"))
    if len(head) <= start:
        return ""
    return head[:word_end].rstrip() if word_end > start else head


def _block(number: int, passage: Passage) -> str:
    chunk = passage.chunk
    where = f"{chunk.path} ({chunk.heading})" if chunk.heading else chunk.path
    return f"[{number}] {where}\n{chunk.text.strip()}"
