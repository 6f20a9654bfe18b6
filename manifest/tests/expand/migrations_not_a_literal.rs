const EXPANSION: () = {
    ::core::compile_error! {
        "the migrations folder is not given as one string literal\n= help: write `migrations!(\"migrations\")`"
    };
    ::driftless::__private::Manifest::new(&[], "", "")
};
