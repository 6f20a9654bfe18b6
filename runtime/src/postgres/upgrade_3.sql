-- From version 3 to version 4: aggregates.
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
UPDATE migration_schema SET version = 4;
