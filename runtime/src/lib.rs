//! Online data migrations for Rust: batched, resumable, exactly once, checked against drift.
