-- Time is reserved and settled beside money: caps on minutes and the owner's bill both need it.
ALTER TABLE spend ADD COLUMN reserved_s INTEGER NOT NULL DEFAULT 0 CHECK (reserved_s >= 0);
ALTER TABLE spend ADD COLUMN settled_s  INTEGER CHECK (settled_s >= 0);

-- Calls of the last hour and the last day are counted here, so that a restart forgets none.
CREATE INDEX spend_by_time ON spend (at);

-- Paid legs that are up, as the exchange needs them to say BYE after a crash.
CREATE TABLE dialogs (
    leg   TEXT    NOT NULL PRIMARY KEY,
    trunk TEXT    NOT NULL,
    state TEXT    NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
