const EXPANSION: () = {
    let _ = todo.priority;
    let _ = todo.r#type;
    let _ = todo.size;
    ::driftless::Patch::none()
        .set("priority", "medium")
        .set("type", r#type)
        .set("size", todo.size + 1)
};
