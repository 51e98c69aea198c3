-- Addresses that are shut out for a while. `source` is an IPv4 address or an IPv6 /64 written as a network. `until` lies
-- in the past for a source whose ban is over: `times` is how often it was banned, so that the next one is longer.
CREATE TABLE bans (
    source TEXT    NOT NULL PRIMARY KEY,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    times  INTEGER NOT NULL CHECK (times >= 0),
    why    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
