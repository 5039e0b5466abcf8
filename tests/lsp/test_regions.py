"""Generated regions: known again after edits, moves and restarts, and not in their sources."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.errors import MachineError
from nsllm.frontends.lsp.edits import Edit
from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.region_store import FILE_NAME, RegionStore
from nsllm.frontends.lsp.regions import Match, Regions, grown, normal_form, region_of_answer
from nsllm.types import Chunk

TEXT = "Readings are kept for 30 days. [1] A relay writes them every 10 seconds. [2]"
SOURCE = "# Storage\n\nReadings are kept for 30 days.\nOlder ones go to the archive.\n"
REGION = region_of_answer(
    "a1",
    "How long?",
    TEXT,
    [
        Chunk(path=path, start=0, end=len(text), start_line=1, end_line=3, text=text)
        for path, text in (("storage.md", SOURCE), ("relays.md", "Relays send readings."))
    ],
)


async def _open(_folder: Folder) -> Any:
    raise AssertionError("Nothing here needs the application.")


def found(text: str, path: str = "notes.md") -> list[str]:
    return [text[slice(*match.span)] for match in Regions([REGION]).find(text, path)]


def test_an_answer_is_found_wherever_it_stands() -> None:
    assert found(f"# Notes\n\nOwn words come first.\n\n{TEXT}\n\nMore own words.\n") == [TEXT]
    assert found(f"> {TEXT}\n", "elsewhere.md") == [TEXT]


def test_line_ends_wraps_and_case_do_not_hide_it() -> None:
    wrapped = "readings are kept\r\nfor 30 days. [1]\r\nA relay writes them every 10 seconds."
    assert found(f"Title\r\n=====\r\n\r\n{wrapped}\r\n") == [wrapped]


def test_a_source_is_not_taken_for_the_answer_that_quotes_it() -> None:
    assert found(SOURCE, "storage.md") == []
    assert found(SOURCE + "\n" + TEXT, "storage.md") == [TEXT]


def test_an_edited_sentence_between_known_ones_belongs_to_the_region() -> None:
    region = region_of_answer(
        "b", "?", "One relay is enough. Two are better still. Three are too many.", {}
    )
    text = "One relay is enough. Two are worse by far. Three are too many."
    [match] = Regions([region]).find(text, "x.md")
    assert text[slice(*match.span)] == text


def test_an_edited_region_is_carried_and_learnt() -> None:
    regions = Regions([REGION])
    old = f"Intro of my own.\n\n{TEXT}\n"
    before = regions.find(old, "x.md")
    new = old.replace("30 days", "90 days")
    [match] = regions.find(new, "x.md", before, old)
    assert new[slice(*match.span)] == TEXT.replace("30", "90")
    learnt = regions.unknown(match, new, "x.md")
    assert learnt == ["Readings are kept for 90 days. [1]"]
    regions.add(grown(match.region, learnt, {}))
    again = regions.find("Readings are kept for 90 days. [1]", "moved.md")
    assert [m.region.id for m in again] == ["a1"]


def test_a_quote_that_a_region_gained_stays_its_sources() -> None:
    quote = "Relays send readings over the local network."
    regions = Regions([REGION])
    regions.add(grown(REGION, [quote], {quote: "network.md"}))
    assert regions.find(quote, "network.md") == []
    assert not regions.wrote(quote)
    assert [m.region.id for m in regions.find(quote, "x.md")] == ["a1"]


def test_own_words_beside_a_region_stay_own() -> None:
    regions = Regions([REGION])
    old = f"{TEXT}\n"
    before = regions.find(old, "x.md")
    new = f"Something that I wrote myself.\n\n{TEXT}\n\nAnd a word at the end, mine too.\n"
    [match] = regions.find(new, "x.md", before, old)
    assert new[slice(*match.span)] == TEXT


def test_of_two_answers_the_one_with_more_sentences_wins() -> None:
    other = region_of_answer("a2", "Other?", "A relay writes them every 10 seconds.")
    [match] = Regions([REGION, other]).find(TEXT, "x.md")
    assert match.region.id == "a1"


def test_a_generated_sentence_is_no_evidence_and_a_quoted_one_is() -> None:
    regions = Regions([REGION])
    assert regions.wrote("A relay writes them every 10 seconds.")
    assert not regions.wrote("Readings are kept for 30 days.")
    assert not regions.wrote("Nobody wrote this sentence.")


def test_regions_and_acceptances_survive_a_restart(tmp_path: Path) -> None:
    RegionStore(tmp_path).save(REGION)
    pair = RegionStore(tmp_path).accept("grounding.claim", "A  relay *writes* them. [2]")
    regions, accepted = RegionStore(tmp_path).load()
    assert regions == [REGION]
    assert accepted == {pair} == {("grounding.claim", normal_form("a relay writes them"))}


async def test_documents_that_open_at_once_all_wait_for_what_is_known(
    tmp_path: Path, isolated_home: Path
) -> None:
    def begin() -> Folder:
        return Folder(tmp_path.as_uri(), tmp_path, _open, asyncio.ensure_future)

    await begin().keep(REGION)
    restarted = begin()
    first = asyncio.ensure_future(restarted.remember())
    await asyncio.sleep(0)
    await restarted.remember()
    assert restarted.regions.get(REGION.id) == REGION
    await first


@pytest.mark.parametrize("damage", [b"no database", None])
def test_a_damaged_file_of_regions_is_named_with_what_to_do(
    tmp_path: Path, damage: bytes | None
) -> None:
    store = RegionStore(tmp_path)
    store.save(REGION)
    path = tmp_path / FILE_NAME
    if damage is None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE regions SET region = x'00'")
    else:
        path.write_bytes(damage * 100)
    with pytest.raises(MachineError, match=FILE_NAME) as refused:
        store.load()
    assert "move it away" in refused.value.hint


@given(st.text(max_size=30), st.text(max_size=30), st.data())
def test_carrying_keeps_what_was_not_touched(old: str, new: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(start, len(old)))
    edit = Edit(old, new)
    carried = edit.carry((start, end))
    if carried is not None:
        assert 0 <= carried[0] <= carried[1] <= len(new)
    if not edit.touches((start, end)):
        assert carried is not None
        assert new[slice(*carried)] == old[start:end]


def test_a_replaced_region_is_lost() -> None:
    regions = Regions([REGION])
    match = Match(region=REGION, span=(0, len(TEXT)))
    assert regions.find("Qq zz.", "x.md", [match], TEXT) == []
