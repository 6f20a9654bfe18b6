-- Internal tables, version 4. Columns may be added by later versions, never renamed.
CREATE TABLE migration_schema (
    version INTEGER NOT NULL
);
INSERT INTO migration_schema (version) VALUES (4);

-- One row per migration that has ever begun. Every batch writes its row, so it has row numbers: a table without them
-- would move a longer row's end, the source, to other pages.
CREATE TABLE migration_state (
    migration_id   TEXT    NOT NULL PRIMARY KEY,
    checksum       TEXT    NOT NULL,
    checksum_up    TEXT    NOT NULL,
    checksum_down  TEXT    NOT NULL,
    checksum_rest  TEXT    NOT NULL,
    applied        INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    direction      TEXT    NOT NULL,
    run_id         TEXT    NOT NULL,
    cursor         TEXT,
    processed      INTEGER NOT NULL,
    changed        INTEGER NOT NULL,
    quarantined    INTEGER NOT NULL,
    total          INTEGER NOT NULL,
    spread         TEXT    NOT NULL,
    started_at     TEXT    NOT NULL,
    updated_at     TEXT    NOT NULL,
    completed_at   TEXT,
    last_error     TEXT,
    write_mode     TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    source_deflate BLOB,
    checksum_details TEXT  NOT NULL DEFAULT ''
);

-- One row per run: the audit log.
CREATE TABLE migration_run (
    run_id           TEXT    NOT NULL PRIMARY KEY,
    direction        TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    dry_run          INTEGER NOT NULL,
    allow_drift      INTEGER NOT NULL,
    reason           TEXT,
    migration_ids    TEXT    NOT NULL,
    current_index    INTEGER NOT NULL,
    started_at       TEXT    NOT NULL,
    updated_at       TEXT    NOT NULL,
    completed_at     TEXT,
    cancel_requested INTEGER NOT NULL,
    last_error       TEXT,
    manifest_digest  TEXT    NOT NULL,
    lease_holder     TEXT,
    lease_expires_at TEXT,
    lease_epoch      INTEGER NOT NULL,
    started_by       TEXT    NOT NULL,
    options          TEXT    NOT NULL DEFAULT '{}',
    user_name        TEXT,
    host             TEXT,
    program          TEXT,
    git_commit       TEXT
);
-- One active run at a time: by the database, not by a check before.
CREATE UNIQUE INDEX migration_run_one_active ON migration_run ((1)) WHERE status IN ('pending', 'running');

-- The keys that a step which has begun and not ended covers, in ranges that workers lease.
CREATE TABLE migration_range (
    migration_id     TEXT    NOT NULL,
    range_index      INTEGER NOT NULL,
    direction        TEXT    NOT NULL,
    until            TEXT,
    pass             INTEGER NOT NULL,
    updated_at       TEXT    NOT NULL,
    run_id           TEXT    NOT NULL DEFAULT '',
    start_after      TEXT,
    cursor           TEXT,
    total            INTEGER NOT NULL DEFAULT 0,
    processed        INTEGER NOT NULL DEFAULT 0,
    done             INTEGER NOT NULL DEFAULT 0,
    lease_holder     TEXT,
    lease_epoch      INTEGER NOT NULL DEFAULT 0,
    lease_expires_at TEXT,
    PRIMARY KEY (migration_id, range_index)
) WITHOUT ROWID;

-- Documents set aside with their error.
CREATE TABLE migration_quarantine (
    migration_id TEXT NOT NULL,
    direction    TEXT NOT NULL,
    table_name   TEXT NOT NULL,
    document_key TEXT NOT NULL,
    error        TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    PRIMARY KEY (migration_id, direction, document_key)
) WITHOUT ROWID;

-- What people decided about history: one row per migration and decision, written once and never changed.
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

-- One row per aggregate that was ever built and not pruned.
CREATE TABLE migration_aggregate (
    name             TEXT    NOT NULL PRIMARY KEY,
    table_name       TEXT    NOT NULL,
    digest           TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    reason           TEXT,
    requested        INTEGER NOT NULL,
    cursor           TEXT,
    processed        INTEGER NOT NULL,
    total            INTEGER NOT NULL,
    lease_holder     TEXT,
    lease_epoch      INTEGER NOT NULL,
    lease_expires_at TEXT,
    updated_at       TEXT    NOT NULL,
    ready_at         TEXT,
    -- Last, since it is long and triggers read the state.
    objects          TEXT    NOT NULL
);
