//! Compile-fail checks, one file per mistake.
