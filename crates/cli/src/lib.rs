//! The ferrolb binary: arguments, commands, tables and JSON
