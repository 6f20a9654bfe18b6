fn up(todo: &Todo) {}
::core::compile_error! {
    "unknown key `tabel` in `#[migration]`\n= help: did you mean `table`?"
}
::core::compile_error! {
    "`up` returns nothing, so its changes would be lost\n= help: return `Result<Patch>`: `Ok(patch!(todo { field: value }))`, or `Ok(Patch::none())` to leave a document"
}
::core::compile_error! {
    "`up` takes 1 argument, and a step takes two: the context and the document\n= help: write `fn up(ctx: &mut Ctx, todo: Todo) -> Result<Patch>`"
}
#[doc(hidden)]
pub(super) const __DRIFTLESS_UP: ::driftless::__private::Step = ::driftless::__private::Step {
    table: ::driftless::__private::Table {
        schema: ::core::option::Option::None,
        name: "",
    },
    batch_size: ::core::option::Option::None,
    write_mode: ::driftless::__private::WriteMode::SafeBypass,
    filter: ::core::option::Option::None,
    remaining: ::core::option::Option::None,
    on_error: ::driftless::__private::OnError::Fail,
    locking: ::driftless::__private::Locking::Optimistic,
    shape: || ::core::unreachable!(),
    function: ::driftless::__private::StepFunction::Sync(|_| ::core::unreachable!()),
};
