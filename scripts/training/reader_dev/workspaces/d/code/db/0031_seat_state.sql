-- Migration 0031: one row per seat and performance.
-- Runs in about 40 seconds on a copy of production; do it on a Monday night.

CREATE TABLE seat_state (
    performance_id bigint      NOT NULL,
    seat_id        text        NOT NULL,
    state          text        NOT NULL DEFAULT 'free'
        CHECK (state IN ('free', 'held', 'sold', 'killed')),
    order_id       bigint,
    hold_until     timestamptz,
    channel        smallint    NOT NULL DEFAULT 1,  -- 1 shop, 2 counter, 3 API, 4 kiosk
    CHECK (state <> 'sold' OR order_id IS NOT NULL)
);

-- The guard from decision 0004. Never drop it, not even for a bulk load.
CREATE UNIQUE INDEX seat_state_once ON seat_state (performance_id, seat_id);

-- The sweeper looks only at held seats, which are seldom more than 1% of the table.
CREATE INDEX seat_state_expiry ON seat_state (hold_until) WHERE state = 'held';

-- Dead rows pile up on heavy on-sales, so vacuum after 2% instead of 20%.
ALTER TABLE seat_state SET (autovacuum_vacuum_scale_factor = 0.02);
