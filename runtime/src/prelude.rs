//! What a migration file needs: `use driftless::prelude::*;`

pub use crate::{Ctx, Patch, migration, patch};

/// What a step returns. The error may be any error, or a string: `?` converts.
pub type Result<T, E = crate::BoxError> = std::result::Result<T, E>;
