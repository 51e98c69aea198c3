-- Secrets that have to be known in clear, such as a trunk's password: sealed with a key that is not in this file.
CREATE TABLE secrets (
    name   TEXT    NOT NULL PRIMARY KEY,
    sealed BLOB    NOT NULL CHECK (length(sealed) BETWEEN 16 AND 1024),
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
