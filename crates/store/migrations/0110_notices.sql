-- The newest event that each channel (mail, webhook) has told the owner of.
CREATE TABLE notices (
    channel TEXT    NOT NULL PRIMARY KEY,
    event   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
