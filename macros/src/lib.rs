//! The macros of driftless: thin shells over driftless-manifest.
