-- From version 3 to version 4: aggregates.
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
UPDATE migration_schema SET version = 4;
