"""Documents as lists of sentences: documentation of packages, and articles."""

import gzip
import json
import re
import tarfile
import zipfile
from ast import AsyncFunctionDef, ClassDef, FunctionDef, Module, get_docstring, parse, walk
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from nsllm.documents.sentences import split

_PROSE = re.compile(r"\.(?:rst|md|txt)$|METADATA$|PKG-INFO$")
_SKIP = re.compile(
    r"licen|copying|authors|thanks|/tests?/|changes|changelog|locale|vendor", re.IGNORECASE
)
_ROLE = re.compile(r":[\w:+.-]+:`~?([^`<]+?)(?:\s*<[^>`]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^>`]*>`__?|!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^>\n]{1,80}>")
_MOST = 400_000


@dataclass(frozen=True)
class Article:
    """The sentences of one document, in reading order, and the project it belongs to."""

    project: str
    sentences: tuple[str, ...]


def articles(folder: Path, most: int | None = None) -> Iterator[Article]:
    """Yield the documents of unpacked packages, archives and wheels below a folder.

    With `most`, files of a package are taken in random order up to that many bytes.
    """
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        project = re.split(r"[-_]\d", name)[0].replace("_", "-")
        for text in _texts(path, most):
            sentences = tuple(_sentences(text))
            if len(sentences) >= 4:
                yield Article(project, sentences)


def _texts(path: Path, most: int | None) -> Iterator[str]:
    """Yield prose files, and the docstrings of each module joined, of one package."""
    files: Iterable[tuple[str, bytes]] = _files(path)
    if most is not None:
        files = list(files)
        Random(0).shuffle(files)
    left = most
    for name, body in files:
        if _SKIP.search(name) or len(body) > _MOST:
            continue
        if left is not None and (_PROSE.search(name) or name.endswith(".py")):
            left -= len(body)
            if left < 0:
                return
        text = body.decode("utf-8", "replace")
        if _PROSE.search(name):
            yield text
        elif name.endswith(".py"):
            yield from _docstrings(text)
        elif name.endswith("service-2.json.gz"):
            yield from _service(body)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix in {".py", ".rst", ".md", ".txt", ""}:
                yield str(file), file.read_bytes()
    elif path.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                yield name, archive.read(name)
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                body = archive.extractfile(member) if member.isfile() else None
                if body:
                    yield member.name, body.read()


def _docstrings(source: str) -> Iterator[str]:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    kinds = (Module, ClassDef, FunctionDef, AsyncFunctionDef)
    found = [get_docstring(node) or "" for node in walk(tree) if isinstance(node, kinds)]
    text = "\n\n".join(re.sub(r"(?m)^\s*>>>.*$", "", part) for part in found)
    if len(text) > 300:
        yield text[:40_000]


def _service(body: bytes) -> Iterator[str]:
    """Yield the descriptions of one service of botocore, some fifty at a time."""
    found = re.findall(r'"documentation":"((?:[^"\\]|\\.)+)"', gzip.decompress(body).decode())
    parts = [_TAG.sub(" ", json.loads(f'"{part}"')) for part in found if len(part) > 80]
    for i in range(0, min(len(parts), 150), 50):
        yield "\n\n".join(parts[i : i + 50])


def plain(text: str) -> str:
    """Return a sentence without reStructuredText roles and link targets, its spaces single."""
    text = _ROLE.sub(r"`\1`", text).replace("``", "`")
    text = _LINK.sub(lambda m: m[1] or m[2] or "", text)
    return " ".join(text.replace("**", "").split())


def _sentences(text: str) -> Iterator[str]:
    seen: set[str] = set()
    for sentence in split(text):
        bare = plain(text[sentence.start : sentence.end])
        words = re.findall(r"[A-Za-z]{2,}", bare)
        if not 5 <= len(words) <= 45 or len(bare) > 320 or bare in seen or bare.startswith(".."):
            continue
        letters = sum(c.isalpha() or c.isspace() for c in bare) / len(bare)
        if letters > 0.75 and bare[-1] in ".!:" and not bare.startswith((">>>", "$", "|")):
            seen.add(bare)
            yield bare


def is_claim(sentence: str) -> bool:
    """Tell whether a sentence stands for itself."""
    return sentence.endswith(".") and len(sentence.split()) >= 6 and sentence[0].isalnum()
