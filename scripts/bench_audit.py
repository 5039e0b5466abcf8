"""How long a record of the audit log takes, and how long verifying does.

python scripts/bench_audit.py [--records 5000] [--folder DIR]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "server"))

from nsllm.governance.audit import AuditLog  # noqa: E402 - from the tree of this script
from nsllm.governance.records import AuditRecord, EvidenceHash, now  # noqa: E402
from nsllm.settings import Audit  # noqa: E402
from nsllm.types import Evidence, Finding, Scores, Severity, Verdict  # noqa: E402

_SENTENCE = "Readings of a relay are kept for 30 days before they move to the archive [1]. "


def record(number: int) -> AuditRecord:
    """Return a record as an answer of 150 words with five passages and three findings makes."""
    finding = Finding(
        rule="grounding.claim",
        severity=Severity.WARN,
        start=0,
        end=len(_SENTENCE) - 1,
        message="Not supported: the source says 60 days, the text says 30 days.",
        evidence=Evidence(marker=1, text=_SENTENCE, path="docs/storage.md", start_line=3),
    )
    evidence = EvidenceHash(path="docs/storage.md", start_line=3, end_line=9, sha256="ab" * 32)
    return AuditRecord(
        id=f"{number:032x}",
        time=now(),
        workspace="/home/user/harrow",
        question="How long are the readings of a relay kept?",
        text=_SENTENCE * 10,
        mode="generate",
        model="smollm2-135m-instruct",
        scores=Scores(relevance=0.8, coherence=0.7, grounding=0.5, perplexity=3.2, overall=0.6),
        findings=(finding,) * 3,
        verdict=Verdict.WARN,
        evidence=(evidence,) * 5,
        timings_ms={"retrieval": 12.3, "generation": 4567.8, "total": 5000.1},
        version="0.1.0",
    )


def main() -> None:
    """Print median and 95th percentile of one record, durable and not, and the rate of verify."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: temporary")
    chosen = parser.parse_args()
    for durable in (False, True):
        count = chosen.records if not durable else max(100, chosen.records // 20)
        with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
            measure(Path(name), count, durable=durable)


def measure(folder: Path, count: int, *, durable: bool) -> None:
    """Append, and verify what was appended."""
    records = [record(number) for number in range(count)]
    spent: list[float] = []
    with AuditLog(folder / "audit.db", Audit(durable=durable), seal=folder / "seal") as log:
        # The first one makes key, head and tables.
        log.append(records[0])
        cpu_started = time.process_time()
        for one in records:
            started = time.perf_counter()
            log.append(one)
            spent.append((time.perf_counter() - started) * 1000)
        cpu_ms = (time.process_time() - cpu_started) * 1000 / count
        started = time.perf_counter()
        result = log.verify()
        verified_s = time.perf_counter() - started
    spent.sort()
    size = sum(path.stat().st_size for path in folder.glob("audit.db*"))
    print(
        f"durable {str(durable).lower():5}: {count} records, "
        f"median {statistics.median(spent):.3f} ms, p95 {spent[int(count * 0.95)]:.3f} ms, "
        f"p99 {spent[int(count * 0.99)]:.3f} ms, processor {cpu_ms:.3f} ms; "
        f"{size / result.entries:.0f} bytes each; "
        f"verify {result.entries / verified_s:,.0f} records/s, intact: {result.intact}"
    )


if __name__ == "__main__":
    main()
