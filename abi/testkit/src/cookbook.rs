//! The cookbook.
#![doc = include_str!("../COOKBOOK.md")]
