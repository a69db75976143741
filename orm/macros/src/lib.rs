//! The derives of Nuages.
