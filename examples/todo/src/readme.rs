//! The README's code, compiled and run with this example's migrations.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    const README: &str = include_str!("../../../README.md");

    #[test]
    fn the_migration_of_the_readme_is_the_one_of_this_example() {
        let migration = include_str!("../migrations/20260227_080239_backfill_todo_priority.rs");
        assert!(README.contains(migration));
    }
}
