/// How much there is to do.
pub static TODOS_BY_PROJECT: ::driftless::Aggregate<2usize> = ::driftless::Aggregate::new(::driftless::__private::AggregateDefinition {
    name: "todos_by_project",
    table: ::driftless::__private::Table {
        schema: ::core::option::Option::Some("shop"),
        name: "todos",
    },
    by: &["project_id", "odd name"],
    functions: &[
        ::driftless::__private::AggregateFunction {
            kind: ::driftless::__private::FunctionKind::Count,
            column: "",
        },
        ::driftless::__private::AggregateFunction {
            kind: ::driftless::__private::FunctionKind::Sum,
            column: "effort",
        },
        ::driftless::__private::AggregateFunction {
            kind: ::driftless::__private::FunctionKind::Max,
            column: "created_at",
        },
    ],
    digest: "v1:b6221e93fb2e3d35320f398e24a3cb08cecdc724da274bb18003f58f700c188f",
});
