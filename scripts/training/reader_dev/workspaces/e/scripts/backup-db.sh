#!/bin/sh
# Nightly backup of the Penstock database. Runs on the standby so that the
# dump does not slow down the machine that takes in reports.
# Cron: 15 2 * * *   user: penbackup
set -eu

TARGET=/srv/backup/penstock
KEEP_DAILY=14
KEEP_MONTHLY=24          # the copy made on the 1st is the monthly one
MIN_FREE_GB=40           # refuse to start with less than this

free=$(df -BG --output=avail "$TARGET" | tail -1 | tr -dc '0-9')
if [ "$free" -lt "$MIN_FREE_GB" ]; then
    logger -p user.err "penstock backup: only ${free} GB left, not started"
    exit 4
fi

stamp=$(date -u +%Y-%m-%d)
file="$TARGET/penstock-$stamp.dump"

# Parked samples are left out: they are re-created from the loggers if needed.
pg_dump --format=custom --compress=6 --exclude-table=parked penstock >"$file.part"
mv "$file.part" "$file"  # a half-written file never carries the final name

# Encrypted for two keys; the second one lies in the safe of the head of operations.
gpg --batch --yes --encrypt -r penstock-backup -r penstock-escrow "$file"
rm "$file"

# Off-site copy: tape library at the Ensby town hall, 20 Mbit/s at most.
rsync --bwlimit=2500 "$file.gpg" tapehost:/in/penstock/

find "$TARGET" -name '*.gpg' ! -name '*-01.dump.gpg' -mtime +$KEEP_DAILY -delete
find "$TARGET" -name '*-01.dump.gpg' -mtime +$((KEEP_MONTHLY * 31)) -delete
