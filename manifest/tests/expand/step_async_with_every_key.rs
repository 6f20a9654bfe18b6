pub async fn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(Patch::none())
}
#[doc(hidden)]
pub(super) const __DRIFTLESS_DOWN: ::driftless::__private::Step = ::driftless::__private::Step {
    table: ::driftless::__private::Table {
        schema: ::core::option::Option::Some("shop"),
        name: "todos",
    },
    batch_size: ::core::option::Option::Some(500u32),
    write_mode: ::driftless::__private::WriteMode::Normal,
    filter: ::core::option::Option::Some("a"),
    remaining: ::core::option::Option::Some("b"),
    on_error: ::driftless::__private::OnError::Quarantine,
    locking: ::driftless::__private::Locking::Rows,
    shape: ::driftless::__private::shape::<Todo>,
    function: ::driftless::__private::StepFunction::Async(|__driftless_batch| ::std::boxed::Box::pin(async move {
        let mut __driftless_documents = ::driftless::__private::read_documents::<
            Todo,
        >(__driftless_batch)?;
        while let ::core::option::Option::Some(__driftless_document) = ::driftless::__private::next_document::<
            Todo,
        >(&mut __driftless_documents, __driftless_batch)? {
            let __driftless_result = down(__driftless_batch.ctx(), __driftless_document)
                .await;
            ::driftless::__private::Batch::accept::<
                Result<Patch>,
            >(__driftless_batch, __driftless_result)?;
        }
        __driftless_batch.finish()
    })),
};
