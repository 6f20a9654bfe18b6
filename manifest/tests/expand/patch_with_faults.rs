const EXPANSION: () = {
    ::core::compile_error! {
        "this `patch!` cannot be read: `..` has no meaning in a patch, which names the columns it sets\n= help: write `patch!(document { field: value, other: value })`"
    };
    ::core::compile_error! {
        "the field `priority` is set twice\n= help: keep one of them"
    };
    ::driftless::Patch::none()
};
