//! One suite for every store: the promises P1 to P11 of DESIGN §3, each exercised on SQLite and on Postgres by the same code,
//! with real files and servers, real second processes and real locks.
//!
//! A test that only one store can have is in `tests/sqlite` or `tests/postgres`.

mod aggregates;
mod aggregates_beside_writers;
mod aggregates_stale;
mod exercise;
mod history_order;
mod history_records;
mod limits;
mod p01_exactly_once;
mod p02_one_writer;
mod p03_no_lost_update;
mod p04_history_is_immutable;
mod p05_same_code;
mod p06_a_failed_batch;
mod p07_completed_means_correct;
mod p08_status;
mod p09_keys;
mod p10_nothing_ignored;
mod p11_as_if_one_at_a_time;
mod p11_constraints;
mod quarantine;
mod upgrades;
