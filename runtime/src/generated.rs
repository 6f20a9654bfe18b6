//! The private door: everything that an expansion names, by absolute path, and nothing else.
//! Not public API: it may change in any release together with the macros.

pub use crate::batch::{Batch, Documents};
pub use crate::document::{Shape, shape};
pub use crate::manifest::{
    ChecksumParts, Manifest, Migration, OnError, Step, StepFunction, StepFuture, Table, WriteMode,
};
pub use crate::patch::{Document, StepResult};

/// Hands every document of the batch to a step: what a generated `fn` step calls.
///
/// # Errors
/// Whatever made a document fail; the batch remembers which one it was.
pub fn run_batch<T: Document, R: StepResult>(
    batch: &mut Batch,
    step: impl Fn(&mut crate::Ctx, T) -> R,
) -> crate::Result<()> {
    let mut documents = Documents::<T>::read(batch)?;
    while let Some(document) = documents.next(batch)? {
        let result = step(batch.ctx(), document);
        batch.accept(result)?;
    }
    batch.finish()
}
