-- How the trunk of a debit rounds what a call lasted, so that a crash settles as an end does.
ALTER TABLE spend ADD COLUMN first_s INTEGER NOT NULL DEFAULT 60 CHECK (first_s > 0);
ALTER TABLE spend ADD COLUMN next_s  INTEGER NOT NULL DEFAULT 60 CHECK (next_s > 0);
