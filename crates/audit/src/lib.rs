//! What can each entry reach?
