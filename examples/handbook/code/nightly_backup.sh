#!/bin/sh
# Started by harrow-backup.timer at 02:30. Makes one backup, copies it elsewhere if COPY_TO is
# set in /etc/default/coldharrow-backup, and removes the copies that are past their time.
set -eu

BACKUPS=/var/backups/coldharrow
KEEP_NIGHTLY=14
KEEP_MONTHLY=6
COPY_TO=""

if [ -r /etc/default/coldharrow-backup ]; then
    . /etc/default/coldharrow-backup
fi

today=$(date +%Y-%m-%d)
file="$BACKUPS/$today.tar.zst"

harrow backup --output "$file.part"
# Nothing older is removed before the new file has been read back completely.
zstd --test --quiet "$file.part"
mv "$file.part" "$file"

# The first backup of a month is kept as the monthly one.
if [ "$(date +%d)" = "01" ]; then
    ln -f "$file" "$BACKUPS/monthly-$(date +%Y-%m).tar.zst"
fi

# prune PREFIX COUNT removes all but the newest COUNT files that start with PREFIX.
prune() {
    find "$BACKUPS" -maxdepth 1 -name "$1*.tar.zst" | sort -r | tail -n "+$(($2 + 1))" |
        while IFS= read -r old; do rm -- "$old"; done
}
prune 20 "$KEEP_NIGHTLY"
prune monthly- "$KEEP_MONTHLY"

if [ -n "$COPY_TO" ]; then
    rsync --times "$file" "$COPY_TO"
fi
