"""A process that writes to the audit log of a folder until it is ended.

`python audit_writer.py FOLDER NAME COUNT PRUNE_EVERY`: it says each
number that was written on stdout.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from governance.audit_logs import log_in, record


def main() -> None:
    folder, name, count, prune_every = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5])
    log = log_in(folder)
    for number in range(1, count + 1):
        log.append(record(number, id=f"{name}-{number}"))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if prune_every and number % prune_every == 0:
            log.prune(datetime(2026, 2, 1, tzinfo=UTC))


main()
