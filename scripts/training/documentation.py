"""Text of documentation to train on: lines and paragraphs of unpacked projects.

A folder of documentation holds one folder for each project (an unpacked source distribution
under a permissive licence); what is read are its .rst, .md, .txt and .py files, of the last the
docstrings. The project is known for each text, so that whole projects can be kept from training.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

SUFFIXES = frozenset({".rst", ".md", ".txt", ".py"})
_LEAST_BYTES = 2_000
_ROLE = re.compile(r":[\w:+.-]+:`~?([^`<]*?)\s*(?:<[^`]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]+>`_{1,2}|\[([^\]]+)\]\([^)]+\)")
_REFERENCE = re.compile(r"`([^`]+)`_{1,2}|\b(\w+)_\b(?=[\s.,;])")
_MARKUP = re.compile(r"^(?:[#>|=~^*+-]|\.\.|::|\d+[.)]|:\w|<|`{3}|!\[)")
_ENDS = re.compile(r"[.!?]$")


def files(root: Path, accept: Callable[[str], bool] = lambda _: True) -> Iterator[tuple[str, str]]:
    """Yield (project, text) of each file of the accepted projects, in the order of the paths."""
    for path in sorted(root.rglob("*")):
        if path.suffix not in SUFFIXES or not path.is_file() or path.stat().st_size < _LEAST_BYTES:
            continue
        if re.search(
            r"requirements|licen[cs]e|copying|authors|test", str(path.relative_to(root)).lower()
        ):
            continue
        project = path.relative_to(root).parts[0]
        if not accept(project):
            continue
        try:
            text = path.read_text("utf-8")
            yield project, docstrings(text) if path.suffix == ".py" else text
        except (UnicodeDecodeError, SyntaxError):
            continue


def docstrings(source: str) -> str:
    """Return the docstrings of a module, its classes and functions, a blank line between them."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    found = [inspect.cleandoc(ast.get_docstring(node) or "") for node in nodes]
    return "\n\n".join(filter(None, found))


def lines(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (project, line) of all lines of 15 characters and more, as they are written."""
    for project, text in files(root):
        for line in text.splitlines():
            bare = line.strip()
            if len(bare) >= 15 and re.search(r"[A-Za-z]{3}", bare):
                yield project, bare[:400]


def paragraphs(
    root: Path, accept: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, str]]:
    """Yield (project, paragraph) of running prose without the marks of reStructuredText."""
    for project, text in files(root, accept):
        fenced = re.sub(r"(?ms)^\s*```.*?^\s*```", "", text)
        for block in re.split(r"\n\s*\n", fenced):
            rows = block.splitlines()
            if any(row.startswith((" ", "\t")) or _MARKUP.match(row) for row in rows):
                continue
            prose = _plain(" ".join(row.strip() for row in rows))
            if _ENDS.search(prose) and "|" not in prose:
                yield project, prose


def _plain(text: str) -> str:
    text = _ROLE.sub(lambda m: m[1], text)
    text = _LINK.sub(lambda m: m[1] or m[2], text)
    text = _REFERENCE.sub(lambda m: m[1] or m[2], text)
    return re.sub(r"\s+", " ", text.replace("``", "`").replace("\\ ", "")).strip()
