-- Internal tables, version 4. Columns may be added by later versions, never renamed.
CREATE TABLE migration_schema (
    version BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO migration_schema (version) VALUES (4);

-- One row per migration that has ever begun.
CREATE TABLE migration_state (
    migration_id   TEXT        NOT NULL PRIMARY KEY,
    checksum       TEXT        NOT NULL,
    checksum_up    TEXT        NOT NULL,
    checksum_down  TEXT        NOT NULL,
    checksum_rest  TEXT        NOT NULL,
    applied        BOOLEAN     NOT NULL,
    status         TEXT        NOT NULL,
    direction      TEXT        NOT NULL,
    run_id         TEXT        NOT NULL,
    cursor         TEXT,
    processed      BIGINT      NOT NULL,
    changed        BIGINT      NOT NULL,
    quarantined    BIGINT      NOT NULL,
    total          BIGINT      NOT NULL,
    spread         TEXT        NOT NULL,
    started_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    completed_at   TIMESTAMPTZ,
    last_error     TEXT,
    write_mode     TEXT        NOT NULL,
    source         TEXT        NOT NULL,
    source_deflate BYTEA,
    checksum_details TEXT      NOT NULL DEFAULT ''
);

-- One row per run: the audit log.
CREATE TABLE migration_run (
    run_id           TEXT        NOT NULL PRIMARY KEY,
    direction        TEXT        NOT NULL,
    status           TEXT        NOT NULL,
    dry_run          BOOLEAN     NOT NULL,
    allow_drift      BOOLEAN     NOT NULL,
    reason           TEXT,
    migration_ids    TEXT        NOT NULL,
    current_index    BIGINT      NOT NULL,
    started_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    completed_at     TIMESTAMPTZ,
    cancel_requested BOOLEAN     NOT NULL,
    last_error       TEXT,
    manifest_digest  TEXT        NOT NULL,
    lease_holder     TEXT,
    lease_expires_at TIMESTAMPTZ,
    lease_epoch      BIGINT      NOT NULL,
    started_by       TEXT        NOT NULL,
    options          TEXT        NOT NULL DEFAULT '{}',
    user_name        TEXT,
    host             TEXT,
    program          TEXT,
    git_commit       TEXT
);
-- One active run at a time: by the database, not by a check before. `dry_run` is false in every row; an index on a
-- constant would say it better, and CockroachDB wants a column.
CREATE UNIQUE INDEX migration_run_one_active ON migration_run (dry_run) WHERE status IN ('pending', 'running');

-- The keys that a step which has begun and not ended covers, in ranges that workers lease.
CREATE TABLE migration_range (
    migration_id     TEXT        NOT NULL,
    range_index      BIGINT      NOT NULL,
    direction        TEXT        NOT NULL,
    until            TEXT,
    pass             BIGINT      NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    run_id           TEXT        NOT NULL,
    start_after      TEXT,
    cursor           TEXT,
    total            BIGINT      NOT NULL,
    processed        BIGINT      NOT NULL,
    done             BOOLEAN     NOT NULL,
    lease_holder     TEXT,
    lease_epoch      BIGINT      NOT NULL,
    lease_expires_at TIMESTAMPTZ,
    PRIMARY KEY (migration_id, range_index)
);

-- Documents set aside with their error.
CREATE TABLE migration_quarantine (
    migration_id TEXT        NOT NULL,
    direction    TEXT        NOT NULL,
    table_name   TEXT        NOT NULL,
    document_key TEXT        NOT NULL,
    error        TEXT        NOT NULL,
    run_id       TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (migration_id, direction, document_key)
);

-- What people decided about history: one row per migration and decision, written once and never changed.
CREATE TABLE migration_audit (
    audit_id       TEXT        NOT NULL PRIMARY KEY,
    action         TEXT        NOT NULL,
    migration_id   TEXT        NOT NULL,
    reason         TEXT        NOT NULL,
    old_checksum   TEXT        NOT NULL,
    new_checksum   TEXT,
    created_at     TIMESTAMPTZ NOT NULL,
    created_by     TEXT        NOT NULL,
    host           TEXT        NOT NULL,
    program        TEXT        NOT NULL,
    git_commit     TEXT,
    run_id         TEXT,
    source         TEXT,
    source_deflate BYTEA
);

-- One row per aggregate that was ever built and not pruned.
CREATE TABLE migration_aggregate (
    name             TEXT        NOT NULL PRIMARY KEY,
    table_name       TEXT        NOT NULL,
    digest           TEXT        NOT NULL,
    state            TEXT        NOT NULL,
    reason           TEXT,
    requested        BOOLEAN     NOT NULL,
    cursor           TEXT,
    processed        BIGINT      NOT NULL,
    total            BIGINT      NOT NULL,
    lease_holder     TEXT,
    lease_epoch      BIGINT      NOT NULL,
    lease_expires_at TIMESTAMPTZ,
    updated_at       TIMESTAMPTZ NOT NULL,
    ready_at         TIMESTAMPTZ,
    objects          TEXT        NOT NULL
);
