-- PINs as Argon2id hashes made with the pepper of the home; `what` is what a PIN opens: mailbox:204, grant:disa-me.
CREATE TABLE pins (
    what       TEXT    NOT NULL PRIMARY KEY CHECK (length(what) > 0),
    memory_kib INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    lanes      INTEGER NOT NULL,
    salt       BLOB    NOT NULL CHECK (length(salt) = 16),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    set_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Wrong tries since the last right one, by what was tried and by whom: extension:204, or outside for everybody else together.
CREATE TABLE pin_tries (
    what         TEXT    NOT NULL,
    who          TEXT    NOT NULL,
    wrong        INTEGER NOT NULL CHECK (wrong > 0),
    locked_until INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    PRIMARY KEY (what, who)
) STRICT, WITHOUT ROWID;
