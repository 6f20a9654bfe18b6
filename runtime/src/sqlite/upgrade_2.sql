-- From version 2 to version 3: large sources are compressed, parts of a checksum have parts, runs say what executed them,
-- and decisions about history are kept.
ALTER TABLE migration_state ADD COLUMN source_deflate BLOB;
ALTER TABLE migration_state ADD COLUMN checksum_details TEXT NOT NULL DEFAULT '';
ALTER TABLE migration_run ADD COLUMN user_name TEXT;
ALTER TABLE migration_run ADD COLUMN host TEXT;
ALTER TABLE migration_run ADD COLUMN program TEXT;
ALTER TABLE migration_run ADD COLUMN git_commit TEXT;
CREATE TABLE migration_audit (
    audit_id       TEXT NOT NULL PRIMARY KEY,
    action         TEXT NOT NULL,
    migration_id   TEXT NOT NULL,
    reason         TEXT NOT NULL,
    old_checksum   TEXT NOT NULL,
    new_checksum   TEXT,
    created_at     TEXT NOT NULL,
    created_by     TEXT NOT NULL,
    host           TEXT NOT NULL,
    program        TEXT NOT NULL,
    git_commit     TEXT,
    run_id         TEXT,
    source         TEXT,
    source_deflate BLOB
);
UPDATE migration_schema SET version = 3;
