//! The user's language: one kind per file.
