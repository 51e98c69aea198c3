-- Messages that callers left. A row says that a message is kept; its sound is the file MAILBOX/UID.wav of the spool.
-- `gone` marks a message whose file is about to be removed: a crash in between is finished at the next start.
CREATE TABLE messages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid         TEXT    NOT NULL UNIQUE,
    mailbox     TEXT    NOT NULL,
    folder      TEXT    NOT NULL CHECK (folder IN ('INBOX', 'Old', 'Work', 'Family', 'Friends')),
    urgent      INTEGER NOT NULL DEFAULT 0,
    gone        INTEGER NOT NULL DEFAULT 0,
    at          INTEGER NOT NULL,
    duration    INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    caller      TEXT    NOT NULL,
    caller_name TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    called      TEXT    NOT NULL,
    call_id     TEXT    NOT NULL,
    -- How it came: 'call', 'forward', 'reply' or 'import'.
    via         TEXT    NOT NULL
) STRICT;

CREATE INDEX messages_by_mailbox ON messages (mailbox, folder, at);
