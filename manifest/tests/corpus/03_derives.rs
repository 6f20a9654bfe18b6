#[derive(Debug)]
#[derive(Clone, PartialEq)]
/// Documented.
#[derive(serde::Deserialize,)]
#[allow(dead_code)]
#[serde(rename_all = "camelCase", deny_unknown_fields,)]
struct Customer {
    /// A field.
    #[serde(rename="Name", default)] name: String, #[serde(default)] age: u32 }
#[migration(batch_size = 500, table = "customers",)]
fn up(_ctx: &mut Ctx, customer: Customer) -> Result<Patch> { Ok(patch!(customer { name: customer.name.trim() })) }
