/// Of todos by owner, type: count, sum(effort).
static BY_OWNER: ::driftless::Aggregate<2usize> = ::driftless::Aggregate::new(::driftless::__private::AggregateDefinition {
    name: "by_owner",
    table: ::driftless::__private::Table {
        schema: ::core::option::Option::None,
        name: "todos",
    },
    by: &["owner", "type"],
    functions: &[
        ::driftless::__private::AggregateFunction {
            kind: ::driftless::__private::FunctionKind::Count,
            column: "",
        },
        ::driftless::__private::AggregateFunction {
            kind: ::driftless::__private::FunctionKind::Sum,
            column: "effort",
        },
    ],
    digest: "v1:5d7f65269f3051d489aaf715c9ab2458cea158794c6894758532a793dfce9a6c",
});
