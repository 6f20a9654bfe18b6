//! The command line, as second processes and on real terminals.

mod command_line;
mod deploy;
mod hooks;
mod shop;
#[cfg(unix)]
mod terminal;
mod work;
