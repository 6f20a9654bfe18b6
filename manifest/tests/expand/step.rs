fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(Patch::none())
}
#[doc(hidden)]
pub(super) const __DRIFTLESS_UP: ::driftless::__private::Step = ::driftless::__private::Step {
    table: ::driftless::__private::Table {
        schema: ::core::option::Option::None,
        name: "todos",
    },
    batch_size: ::core::option::Option::None,
    write_mode: ::driftless::__private::WriteMode::SafeBypass,
    filter: ::core::option::Option::None,
    remaining: ::core::option::Option::None,
    on_error: ::driftless::__private::OnError::Fail,
    locking: ::driftless::__private::Locking::Optimistic,
    shape: ::driftless::__private::shape::<Todo>,
    function: ::driftless::__private::StepFunction::Sync(|__driftless_batch| ::driftless::__private::run_batch::<
        Todo,
        Result<Patch>,
    >(__driftless_batch, up)),
};
