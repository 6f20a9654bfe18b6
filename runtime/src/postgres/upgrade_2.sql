-- From version 2 to version 3: large sources are compressed, parts of a checksum have parts, runs say what executed them,
-- and decisions about history are kept.
ALTER TABLE migration_state ADD COLUMN IF NOT EXISTS source_deflate BYTEA;
ALTER TABLE migration_state ADD COLUMN IF NOT EXISTS checksum_details TEXT NOT NULL DEFAULT '';
ALTER TABLE migration_run ADD COLUMN IF NOT EXISTS user_name TEXT;
ALTER TABLE migration_run ADD COLUMN IF NOT EXISTS host TEXT;
ALTER TABLE migration_run ADD COLUMN IF NOT EXISTS program TEXT;
ALTER TABLE migration_run ADD COLUMN IF NOT EXISTS git_commit TEXT;
CREATE TABLE IF NOT EXISTS migration_audit (
    audit_id       TEXT NOT NULL PRIMARY KEY,
    action         TEXT NOT NULL,
    migration_id   TEXT NOT NULL,
    reason         TEXT NOT NULL,
    old_checksum   TEXT NOT NULL,
    new_checksum   TEXT,
    created_at     TIMESTAMPTZ NOT NULL,
    created_by     TEXT NOT NULL,
    host           TEXT NOT NULL,
    program        TEXT NOT NULL,
    git_commit     TEXT,
    run_id         TEXT,
    source         TEXT,
    source_deflate BYTEA
);
UPDATE migration_schema SET version = 3;
