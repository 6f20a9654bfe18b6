//! What is on disk: the migrations folder, its checksums, lock file, diagnostics and expansion.
