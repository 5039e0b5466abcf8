-- Database of Coldharrow 2.4. It can be made again from the segments with `harrow rebuild`.
-- Times are seconds since 1970 in UTC; temperatures are thousandths of a degree Celsius.

PRAGMA journal_mode = WAL;

CREATE TABLE room (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    band_low_mc   INTEGER NOT NULL,
    band_high_mc  INTEGER NOT NULL,
    delay_min     INTEGER CHECK (delay_min BETWEEN 0 AND 60),
    held          INTEGER NOT NULL DEFAULT 0,
    CHECK (band_low_mc < band_high_mc)
);

CREATE TABLE relay (
    serial        TEXT PRIMARY KEY,
    firmware      TEXT NOT NULL,
    last_seen     INTEGER
);

CREATE TABLE probe (
    serial        TEXT PRIMARY KEY,
    room_id       INTEGER NOT NULL REFERENCES room (id),
    relay_serial  TEXT NOT NULL REFERENCES relay (serial),
    calibrated_at INTEGER
);

-- The room is stored with the reading, so that history stays where it was measured
-- when a probe moves.
CREATE TABLE reading (
    probe_serial  TEXT NOT NULL REFERENCES probe (serial),
    at            INTEGER NOT NULL,
    room_id       INTEGER NOT NULL REFERENCES room (id),
    t_mc          INTEGER NOT NULL,
    quality       TEXT NOT NULL CHECK (quality IN ('ok', 'late', 'suspect', 'manual')),
    PRIMARY KEY (probe_serial, at)
) WITHOUT ROWID;

CREATE INDEX reading_by_room ON reading (room_id, at);

CREATE TABLE rollup_hour (
    probe_serial  TEXT NOT NULL REFERENCES probe (serial),
    hour          INTEGER NOT NULL,
    min_mc        INTEGER NOT NULL,
    mean_mc       INTEGER NOT NULL,
    max_mc        INTEGER NOT NULL,
    PRIMARY KEY (probe_serial, hour)
) WITHOUT ROWID;

CREATE TABLE alarm (
    id            INTEGER PRIMARY KEY,
    room_id       INTEGER NOT NULL REFERENCES room (id),
    state         TEXT NOT NULL CHECK (state IN ('pending', 'open', 'acknowledged', 'closed')),
    began_at      INTEGER NOT NULL,
    opened_at     INTEGER,
    closed_at     INTEGER,
    ack_by        TEXT,
    ack_note      TEXT CHECK (ack_note IS NULL OR length(ack_note) >= 10)
);
