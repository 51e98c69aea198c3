-- Mail that has to go out, one row for each message that was left. The row is part of the message's own transaction: what
-- is kept is mailed, also when the exchange dies at once. Mailboxes without an address lose theirs at the next look.
CREATE TABLE mail (
    uid      TEXT    NOT NULL PRIMARY KEY,
    mailbox  TEXT    NOT NULL,
    added_at INTEGER NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL DEFAULT 0,
    trouble  TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_by_time ON mail (next_at);

CREATE TRIGGER mail_of_message AFTER INSERT ON messages WHEN NEW.via <> 'import'
BEGIN
    INSERT OR IGNORE INTO mail (uid, mailbox, added_at) VALUES (NEW.uid, NEW.mailbox, NEW.at);
END;
