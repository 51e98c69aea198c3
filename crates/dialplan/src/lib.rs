//! The dialplan language, and the words that proof and gate share
