-- From version 1 to version 2: ranges have leases and cursors of their own, and a run keeps how it is to be driven.
ALTER TABLE migration_run ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE migration_range ADD COLUMN run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE migration_range ADD COLUMN start_after TEXT;
ALTER TABLE migration_range ADD COLUMN cursor TEXT;
ALTER TABLE migration_range ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migration_range ADD COLUMN processed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migration_range ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migration_range ADD COLUMN lease_holder TEXT;
ALTER TABLE migration_range ADD COLUMN lease_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migration_range ADD COLUMN lease_expires_at TEXT;
UPDATE migration_range SET
    cursor = (SELECT state.cursor FROM migration_state AS state WHERE state.migration_id = migration_range.migration_id),
    total = (SELECT state.total FROM migration_state AS state WHERE state.migration_id = migration_range.migration_id),
    processed = (SELECT state.processed FROM migration_state AS state WHERE state.migration_id = migration_range.migration_id);
UPDATE migration_schema SET version = 2;
