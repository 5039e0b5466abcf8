"""Generated text, known again by its sentences wherever it stands, edited or moved."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from nsllm.documents.sentences import Sentence, is_prose, split
from nsllm.frontends.lsp.edits import Edit
from nsllm.frontends.lsp.positions import Span
from nsllm.scoring.claims import MARKER
from nsllm.types import Chunk

_WORD = re.compile(r"[^\W_]+(?:[.,:/_-][^\W_]+)*|[%$€£°]")
_MIN_WORDS = 4
_MIN_WORDS_CITED = 2
_MAX_GAP = 2
"""Unknown sentences between two known ones of a region that are taken for edits of it."""


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a model wrote: an answer, or what the user marked as generated."""

    id: str
    text: str
    answer_id: str | None = None
    question: str | None = None
    sources: tuple[str, ...] = ()
    """Paths of the documents it was written from."""
    places: tuple[tuple[str, int, int], ...] = ()
    """Where its citation markers lead: path, first and last line, by marker."""
    quoted: tuple[str, ...] = ()
    """Normal forms of its sentences that stand in its sources word for word."""
    learnt: tuple[str, ...] = ()
    """Normal forms of sentences that its own became by editing."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A region found in a document; the span is of the document's text."""

    region: Region
    span: Span


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    region_id: str
    quoted: bool


def normal_form(sentence: str) -> str:
    """Return what stays the same of a sentence under re-wrapping, marks and citations."""
    return " ".join(_WORD.findall(MARKER.sub(" ", sentence).casefold()))


def region_of_answer(
    answer_id: str, question: str, text: str, passages: Sequence[Chunk] = ()
) -> Region:
    """Make the region of an answer that was written from these passages."""
    offered = [normal_form(passage.text) for passage in passages]
    forms = [form for _, form in _forms(text, prose=True)]
    return Region(
        id=answer_id,
        text=text,
        answer_id=answer_id,
        question=question,
        sources=tuple(dict.fromkeys(passage.path for passage in passages)),
        places=tuple((p.path, p.start_line, p.end_line) for p in passages),
        quoted=tuple(form for form in forms if any(form in passage for passage in offered)),
    )


def grown(region: Region, learnt: Sequence[str], quoted: Mapping[str, str]) -> Region:
    """Return a region with sentences that it gained by editing.

    `quoted`: of all its sentences those that stand in other documents, with their path.
    """
    forms = [normal_form(sentence) for sentence in learnt]
    quotes = [normal_form(sentence) for sentence in quoted]
    return msgspec.structs.replace(
        region,
        learnt=tuple(dict.fromkeys((*region.learnt, *forms))),
        quoted=tuple(dict.fromkeys((*region.quoted, *quotes))),
        sources=tuple(dict.fromkeys((*region.sources, *quoted.values()))),
    )


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text that are long enough to be known again."""
    return [text[s.start : s.end] for s, _ in _forms(text, prose=True)]


class Regions:
    """All known regions, newest last, looked up by sentence."""

    def __init__(self, regions: Iterable[Region] = ()) -> None:
        self._regions: dict[str, Region] = {}
        self._sentences: dict[str, list[_Known]] = defaultdict(list)
        for region in regions:
            self.add(region)

    def __len__(self) -> int:
        return len(self._regions)

    def get(self, region_id: str) -> Region | None:
        """Return a region by its id."""
        return self._regions.get(region_id)

    def add(self, region: Region) -> None:
        """Remember a region, or what was learnt of one."""
        known = set() if region.id not in self._regions else self._forms_of(region.id)
        self._regions[region.id] = region
        for form in self._forms_of(region.id) - known:
            quoted = form in region.quoted
            self._sentences[form].append(_Known(region_id=region.id, quoted=quoted))

    def find(
        self, text: str, path: str, before: Sequence[Match] = (), old: str = ""
    ) -> list[Match]:
        """Find the regions in a document, in order and without overlaps.

        Args:
            text: the document's text.
            path: its path; a source of an answer is not taken for the answer that quotes it.
            before: what was found in `old`, the text before an edit: spans are carried over it.
        """
        sentences = split(text, prose=is_prose(path))
        owners = [self._owners(text[s.start : s.end], path) for s in sentences]
        carried = carry(before, old, text)
        for i, sentence in enumerate(sentences):
            for match in carried:
                if match.span[0] < sentence.end and sentence.start < match.span[1]:
                    owners[i].add(match.region.id)
        return self._group(sentences, owners)

    def same(self, text: str) -> Region | None:
        """Return the newest region of the same words, if there is one."""
        form = normal_form(text)
        known = (r for r in reversed(self._regions.values()) if normal_form(r.text) == form)
        return next(known, None)

    def unknown(self, match: Match, text: str, path: str) -> list[str]:
        """Return the sentences of a match in `text` that its region does not know yet."""
        part = text[slice(*match.span)]
        known = self._forms_of(match.region.id)
        forms = _forms(part, prose=is_prose(path))
        return [part[s.start : s.end] for s, form in forms if form not in known]

    def wrote(self, sentence: str) -> bool:
        """Tell whether a model wrote a sentence: such a one is no evidence."""
        return any(not known.quoted for known in self._sentences.get(normal_form(sentence), ()))

    def _owners(self, sentence: str, path: str) -> set[str]:
        form = normal_form(sentence)
        cited = bool(MARKER.search(sentence))
        return {
            known.region_id
            for known in self._sentences.get(form, ())
            if cited or not (known.quoted and path in self._regions[known.region_id].sources)
        }

    def _group(self, sentences: Sequence[Sentence], owners: Sequence[set[str]]) -> list[Match]:
        """Join neighbouring sentences of one region; of rival regions the larger share wins."""
        shares = Counter(owner for each in owners for owner in each)
        order = {region_id: number for number, region_id in enumerate(self._regions)}
        matches: list[Match] = []
        last: dict[str, int] = {}
        for i, (sentence, rivals) in enumerate(zip(sentences, owners, strict=True)):
            if not rivals:
                continue
            owner = max(rivals, key=lambda rival: (shares[rival], order[rival]))
            start = sentence.start
            joined = matches and matches[-1].region.id == owner and i - last[owner] <= _MAX_GAP + 1
            if joined:
                start = matches.pop().span[0]
            matches.append(Match(region=self._regions[owner], span=(start, sentence.end)))
            last[owner] = i
        return matches

    def _forms_of(self, region_id: str) -> set[str]:
        region = self._regions[region_id]
        return {form for _, form in _forms(region.text, prose=True)} | set(region.learnt)


def carry(matches: Sequence[Match], old: str, new: str) -> list[Match]:
    """Carry matches of `old` over to `new`; what was replaced as a whole is lost."""
    if not matches:
        return []
    edit = Edit(old, new)
    carried = ((match, edit.carry(match.span)) for match in matches)
    return [
        msgspec.structs.replace(match, span=span)
        for match, span in carried
        if span and span[0] < span[1]
    ]


def _forms(text: str, *, prose: bool) -> list[tuple[Sentence, str]]:
    """Return the sentences of a text that are long enough to be known again."""
    found = []
    for sentence in split(text, prose=prose):
        part = text[sentence.start : sentence.end]
        form = normal_form(part)
        needed = _MIN_WORDS_CITED if MARKER.search(part) else _MIN_WORDS
        if sentence.kind != "heading" and form.count(" ") + 1 >= needed:
            found.append((sentence, form))
    return found
