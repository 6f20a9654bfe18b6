//! The private door: everything that an expansion names, by absolute path, and nothing else.
//! Not public API: it may change in any release together with the macros.

pub use crate::aggregate::{AggregateDefinition, AggregateFunction, FunctionKind};
pub use crate::batch::{Batch, Documents};
pub use crate::document::Shape;
pub use crate::manifest::{
    ChecksumParts, Locking, Manifest, Migration, OnError, Retired, Step, StepFunction, StepFuture,
    Table, WriteMode,
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

/// The columns of a document type. It demands [`Document`], whose message a newcomer understands.
///
/// # Errors
/// Why the type has no list of columns.
pub fn shape<T: Document>() -> Result<Shape, String> {
    crate::document::shape::<T>()
}

/// The documents of a batch: what a generated `async fn` step calls. A function, since an unmet demand of a
/// function is reported better than one of a method.
///
/// # Errors
/// Whatever reading them meets.
pub fn read_documents<T: Document>(batch: &mut Batch) -> crate::Result<Documents<T>> {
    Documents::<T>::read(batch)
}

/// The next document of the batch, for the same reason a function.
///
/// # Errors
/// A document that cannot be decoded.
pub fn next_document<T: Document>(
    documents: &mut Documents<T>,
    batch: &mut Batch,
) -> crate::Result<Option<T>> {
    documents.next(batch)
}
