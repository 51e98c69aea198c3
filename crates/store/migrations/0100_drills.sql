-- Reports of drills, newest last, as JSON of the exchange that made them.
CREATE TABLE drills (
    id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    text TEXT    NOT NULL
) STRICT;
