//! Rows in and out
