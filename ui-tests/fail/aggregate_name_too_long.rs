driftless::aggregate! {
    pub A_NAME_THAT_IS_LONGER_THAN_THIRTY_SIX_CHARACTERS = "todos" by (project_id) { count }
}

fn main() {}
