//! The API of Windlass.
