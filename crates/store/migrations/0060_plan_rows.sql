-- The plan's database: DB(family/key) of a dialplan. Bounds of keys, values and rows are the exchange's.
CREATE TABLE plan_rows (
    key        TEXT    NOT NULL PRIMARY KEY CHECK (length(key) > 0),
    value      TEXT    NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
