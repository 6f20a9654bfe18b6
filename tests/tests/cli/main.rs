//! The command line, as second processes and on real terminals.

mod aggregate;
mod command_line;
mod deploy;
mod deploy_aggregates;
mod deploy_waits;
mod dev;
mod history;
mod hooks;
mod settings;
mod shop;
#[cfg(unix)]
mod terminal;
mod work;
