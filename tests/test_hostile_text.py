"""What reads other people's texts takes time in proportion to their length, whatever is in them."""

import subprocess
import sys

import pytest

LENGTH = 200_000

HOSTILE = {
    "scoring.differences:mentions": ["-", "-a", "a-", "a/-a/", "a.-", "a", "a_b "],
    "scoring.differences:_compare": ["1 s ", "2.1 ", "--ab "],
    "scoring.words:names": ["/", "1.", ".", "a/"],
    "scoring.identifiers:code_names": ["-", "a", "`x` "],
    "scoring.languages:language_of": ["a", ".", "`a`x"],
    "scoring.claims:claims": ["> ", "-", "It is so." + " " * 60_000],
    "scoring.grounding:_trim": ["-", "(", "- "],
    "documents.markup:plain": ["![", "<!--", "![a](", "[a](", "[![a](", "[a]: <", "\n[a]: b '"],
    "documents.headings:_outline": ["[", "![", "[](", " "],
    "governance.redaction:redact": ["password=", "eyJ-", "eyJaaaaaaaa.eyJ-", "pwd: a-1a.1b "],
    "governance.checks.language:_strip": ["a", "1.", ".", "<"],
    "governance.checks.secrets:_find": ["a", "password=aaaaaaa1 "],
    "governance.checks.verbatim:_quoted": ['"', '"a', ' "a', "“", "»", "„", "\n> ", '\n "'],
    "governance.checks.structure:_fence": [" ", "\t", "```"],
    "retrieval.follow_up:_about": [" ", "what "],
}
"""Functions, by module, with what their texts consist of; those with a `_` are spelt out below."""

SCRIPT = """
import importlib, sys
try:
    import resource
except ImportError:  # On Windows the time-out of the test has to do.
    pass
else:
    resource.setrlimit(resource.RLIMIT_CPU, (90, 90))
from nsllm.documents import headings
from nsllm.governance.checks import language, secrets, structure, verbatim
from nsllm.governance.rules import Subject
from nsllm.retrieval import follow_up
from nsllm.scoring import differences, grounding

spelt_out = {
    "_trim": lambda text: grounding._joined(text, [(0, len(text))]),
    "_compare": lambda text: list(differences.missing(text, text.replace("1", "3"))),
    "_outline": lambda text: headings.sections("a.md", f"# {text}\\nText."),
    "_strip": lambda text: language._NO_WORDS.sub(" ", text),
    "_find": lambda text: secrets._PLACEHOLDER.search(text),
    "_quoted": lambda text: verbatim._within_quotations(text, range(0, len(text), 5)),
    "_fence": lambda text: structure._FENCE.match("```\\n" + text),
    "_about": lambda text: follow_up._ABOUT.sub("", text),
}
where, _, name = sys.argv[1].partition(":")
function = spelt_out.get(name) or getattr(importlib.import_module(f"nsllm.{where}"), name)
for unit in sys.argv[3:]:
    for before in ("", "x "):
        function(before + unit * (int(sys.argv[2]) // len(unit)) + "!")
"""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("function", HOSTILE)
def test_a_hostile_text_is_read_in_time(function: str) -> None:
    """Linear, each takes seconds of a processor's time; quadratic, many minutes."""
    command = [sys.executable, "-c", SCRIPT, function, str(LENGTH), *HOSTILE[function]]
    subprocess.run(command, check=True)
