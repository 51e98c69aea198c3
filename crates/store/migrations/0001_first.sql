-- The first schema. Times are milliseconds since 1970 UTC, money is millionths of the owner's currency.

-- One row, made at birth. The realm is part of every stored digest and therefore never changes.
CREATE TABLE system (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    realm     TEXT    NOT NULL CHECK (length(realm) > 0),
    born_at   INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT;

INSERT INTO system (id, realm, born_at, last_seen)
VALUES (1, 'tollgate-' || lower(hex(randomblob(8))), CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE credentials (
    user       TEXT    NOT NULL PRIMARY KEY,
    ha1_sha256 BLOB    NOT NULL CHECK (length(ha1_sha256) = 32),
    ha1_md5    BLOB    NOT NULL CHECK (length(ha1_md5) = 16),
    rotated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE registrations (
    aor        TEXT    NOT NULL,
    contact    TEXT    NOT NULL,
    transport  TEXT    NOT NULL,
    local      TEXT    NOT NULL,
    remote     TEXT    NOT NULL,
    connection INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    call_id    TEXT    NOT NULL,
    cseq       INTEGER NOT NULL,
    user_agent TEXT,
    path       TEXT,
    PRIMARY KEY (aor, contact)
) STRICT, WITHOUT ROWID;

CREATE INDEX registrations_by_expiry ON registrations (expires_at);

CREATE TABLE call_records (
    n            INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    call_id      TEXT    NOT NULL,
    leg          INTEGER NOT NULL,
    direction    TEXT    NOT NULL,
    origin       TEXT    NOT NULL,
    caller       TEXT    NOT NULL,
    caller_name  TEXT    NOT NULL,
    called       TEXT    NOT NULL,
    trunk        TEXT,
    permit       TEXT,
    at           INTEGER NOT NULL,
    answered_at  INTEGER,
    ended_at     INTEGER,
    path         TEXT    NOT NULL,
    app          TEXT    NOT NULL,
    disposition  TEXT    NOT NULL,
    hangup_side  TEXT,
    cause        INTEGER,
    cause_text   TEXT,
    codec        TEXT,
    rtp          TEXT
) STRICT;

CREATE INDEX call_records_by_time ON call_records (at);
CREATE INDEX call_records_by_call ON call_records (call_id);
CREATE INDEX call_records_open    ON call_records (id) WHERE ended_at IS NULL;

-- A debit stands at its full reserved amount until it is settled, also after a crash.
CREATE TABLE spend (
    id         INTEGER PRIMARY KEY,
    day        INTEGER NOT NULL,
    origin     TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    trunk      TEXT    NOT NULL,
    leg        TEXT    NOT NULL,
    reserved   INTEGER NOT NULL CHECK (reserved >= 0),
    settled    INTEGER          CHECK (settled >= 0),
    at         INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;

CREATE INDEX spend_by_day ON spend (day, origin, class);

CREATE TABLE events (
    id    INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    kind  TEXT    NOT NULL,
    text  TEXT    NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0)
) STRICT;

CREATE INDEX events_by_time ON events (at);

CREATE TABLE config_versions (
    id      INTEGER PRIMARY KEY,
    hash    BLOB    NOT NULL CHECK (length(hash) = 32),
    text    TEXT    NOT NULL,
    author  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    verdict TEXT    NOT NULL
) STRICT;
