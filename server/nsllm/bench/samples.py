"""What is judged in a benchmark: an answer of about 150 words and the five passages it is from."""

import msgspec

from nsllm.types import Chunk

_QUESTION = "How long are the readings of relay {n} kept, and who is told of an alarm?"
_PASSAGES = """
Relay {n} sends its readings every {a} seconds to the server in hall {b}. A reading that is older \
than {c} hours when it arrives is stored, but raises no alarm.
Readings of relay {n} are kept for {c} days. Then they move to the archive in hall {b}, which is \
compressed at night and kept for {a} years.
An alarm of relay {n} is raised after {a} readings above {c} degrees. It reaches the engineer on \
duty in hall {b} by e-mail, and after {a} minutes by telephone.
The engineer on duty can silence an alarm of relay {n} for up to {c} minutes. After {c} minutes it \
is raised again, and the shift manager of hall {b} is told as well.
Relay {n} is checked every {a} weeks. Its battery lasts for {c} months, and the spare parts are in \
hall {b}, in the cabinet beside the door.
"""
_ANSWER = """\
Readings of relay {n} are kept for {c} days and then move to the archive in hall {b} [2]. The \
archive is compressed at night and kept for {a} years [2]. The relay sends its readings every {a} \
seconds, and one that is older than {c} hours on arrival is stored without an alarm [1]. An alarm \
is raised after {a} readings above {c} degrees [3]. It reaches the engineer on duty in hall {b} by \
e-mail first, and after {a} minutes by telephone [3]. The engineer can silence it for up to {c} \
minutes, after which the shift manager of hall {b} is told as well [4]. The relay is checked \
every {a} weeks, and its battery lasts for {c} months [5]. Spare parts are in the cabinet beside \
the door of hall {b} [5]. An alarm that was silenced is raised again after {c} minutes, which the \
engineer on duty in hall {b} cannot put off any further [4].
"""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A question, an answer of about 150 words, and five passages."""

    question: str
    answer: str
    chunks: tuple[Chunk, ...]


def sample(number: int) -> Sample:
    """Return the sample with this number; no two share a sentence: nothing is remembered."""
    values = {"n": number, "a": 3 + number, "b": 1 + number, "c": 10 + number}
    texts = _PASSAGES.format(**values).strip().splitlines(keepends=True)
    return Sample(
        question=_QUESTION.format(**values),
        answer=_ANSWER.format(**values).strip(),
        chunks=tuple(
            Chunk(
                path=f"docs/relay-{number}-{place}.md",
                start=0,
                end=len(text),
                start_line=1,
                end_line=1,
                text=text,
            )
            for place, text in enumerate(texts)
        ),
    )
