macro_rules! trimmed { ($value:expr) => { $value.trim().to_owned() }; ($value:expr, $other:expr $(,)?) => {{ let joined = format!("{}{}", $value, $other); joined }} }
macro_rules! each { ($($name:ident),* $(,)?) => { $( println!("{}", stringify!($name)); )* } }
thread_local! { static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) }; }
#[derive(serde::Deserialize)] struct Row { name: String, size: i64 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let list = vec![ 1,2 , 3, ]; let zeroes = vec!(0; 10); let braces = vec!{ 1 };
    println!("{} {size:>5}", row.name , size = row.size,); assert!(row.size>0, "size {}", (row.size)); assert_eq!(list.len(),3,);
    if matches!(row.size, 1 | 2 | 3) || matches!(row.size, 5..=9 if row.size != 7) { eprintln!() }
    each!{ a, b, }
    let joined = trimmed!(row.name, "x"); let text = format!("{}-{}", joined, { row.size + 1 }, );
    let closure = vec![1].into_iter().map(|x| { x + 1 }).collect::<Vec<i64>>();
    todo!()
}
