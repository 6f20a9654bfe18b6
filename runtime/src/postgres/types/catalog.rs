//! A column's type from what the catalog says.

use super::{ColumnType, Kind};

/// The types of a table's columns (`$1` is the table's number) and what those are made of, a [`TypeFacts`] a row.
pub(crate) const TYPES_SQL: &str = "\
WITH RECURSIVE used (oid) AS (
    SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
    UNION
    SELECT made_of.oid
    FROM used
    JOIN pg_catalog.pg_type AS type ON type.oid = used.oid
    CROSS JOIN LATERAL (VALUES (type.typbasetype), (type.typelem)) AS made_of (oid)
    WHERE made_of.oid <> 0
)
SELECT type.oid, type.typname::text, type.typtype::text, type.typbasetype,
    CASE WHEN element.typarray = type.oid THEN element.oid ELSE 0 END::oid,
    CASE WHEN type.typdelim = ',' THEN type.typarray ELSE 0 END::oid,
    CASE WHEN namespace.nspname = 'pg_catalog' THEN pg_catalog.format_type(type.oid, -1)
        ELSE pg_catalog.quote_ident(namespace.nspname) || '.' || pg_catalog.quote_ident(type.typname) END
FROM used
JOIN pg_catalog.pg_type AS type ON type.oid = used.oid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = type.typnamespace
LEFT JOIN pg_catalog.pg_type AS element ON element.oid = type.typelem";

/// What the catalog says of a type: a row of [`TYPES_SQL`], in its order.
#[derive(Debug, Clone)]
pub(crate) struct TypeFacts {
    /// Its number.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// `b` base, `e` enum, `d` domain, `c` composite, `r` range, `m` multirange.
    pub typtype: String,
    /// What a domain is made of, else 0.
    pub base: u32,
    /// What an array is made of, else 0.
    pub element: u32,
    /// The type of arrays of it, 0 when there is none, or when its elements are not separated by commas.
    pub array: u32,
    /// As SQL writes it, whatever the search path is: it may be another one in the next transaction.
    pub sql_name: String,
}

impl ColumnType {
    /// The type with this number, from the facts about all the types it is made of; `None` when they are incomplete.
    pub(crate) fn of(facts: &[TypeFacts], oid: u32) -> Option<ColumnType> {
        let find = |oid| facts.iter().find(|fact| fact.oid == oid);
        let mut fact = find(oid)?;
        while fact.typtype == "d" {
            fact = find(fact.base)?;
        }
        let element = match fact.element {
            0 => None,
            element => Some(ColumnType::of(facts, element)?),
        };
        let kind = match (&element, fact.typtype.as_str()) {
            // Arrays of arrays are domains; and some arrays are not separated by commas.
            (Some(element), _)
                if matches!(element.kind, Kind::Array(_))
                    || find(fact.element).is_some_and(|element| element.array == 0) =>
            {
                Kind::AsText
            }
            (Some(element), _) => Kind::Array(Box::new(element.kind.clone())),
            (None, "e") => Kind::Text,
            (None, "b") if fact.name == "citext" => Kind::Text,
            (None, _) => Kind::of_builtin(fact.oid),
        };
        let element_is_loose = element
            .as_ref()
            .is_some_and(|element| !element.has_equality);
        Some(ColumnType {
            name: fact.sql_name.clone(),
            oid: fact.oid,
            // Of a composite, unnest would make several columns.
            array_oid: if fact.typtype == "c" { 0 } else { fact.array },
            has_equality: kind.has_equality() && !element_is_loose && fact.name != "citext",
            element: element.filter(|_| kind != Kind::AsText).map(Box::new),
            kind,
            is_domain: fact.oid != oid,
        })
    }
}
