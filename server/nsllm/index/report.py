"""What a synchronisation did."""

import msgspec

from nsllm.documents.reader import Skipped


class IndexReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one synchronisation of the index with the files."""

    documents: int = 0
    """Documents in the index afterwards."""
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    chunks: int = 0
    """Chunks in the index afterwards."""
    chunks_embedded: int = 0
    chunks_reused: int = 0
    """New chunks whose text had a vector already, as after a rename."""
    skipped: tuple[Skipped, ...] = ()
    """Files that are not in the index, and why."""
    repaired: tuple[Skipped, ...] = ()
    """Files that are in it although some of their bytes are not text, and what was done."""
    duration_s: float = 0.0
    complete: bool = True
    """False: it was cancelled; the next one goes on from there."""
    rebuilt_because: str | None = None
    """Why the index had to be built anew, if it had."""
    exact_because: str | None = None
    """Why vectors are scanned one by one where a forest would be faster, if so."""
