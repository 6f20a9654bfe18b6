//! Tests that run the real thing: crash, faults, promises, the command line.
