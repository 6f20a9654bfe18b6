::core::compile_error! {
    "`by ()` names no column to group by\n= help: name one or more columns: `by (project_id)`"
}
::core::compile_error! {
    "`summ` is not a function of an aggregate\n= help: did you mean `sum(column)`?"
}
::core::compile_error! {
    "`sum` does not say of which column\n= help: write `sum(column)`, once for each column"
}
