//! The form of a step function: `fn up(ctx: &mut Ctx, todo: Todo) -> Result<Patch>`, judged by syntax alone.

use crate::diagnostic::{FaultKind, Located};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Safety, Signature, Type};

/// Which half of a migration a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepName {
    /// `up`
    Up,
    /// `down`
    Down,
}

impl StepName {
    /// The half a function of this name would be.
    pub fn of(name: &str) -> Option<StepName> {
        match name {
            "up" => Some(StepName::Up),
            "down" => Some(StepName::Down),
            _ => None,
        }
    }

    /// The name of the function.
    pub fn as_str(self) -> &'static str {
        match self {
            StepName::Up => "up",
            StepName::Down => "down",
        }
    }
}

/// What an expansion needs to know about a step function.
#[derive(Clone, Copy)]
pub struct StepSignature<'a> {
    /// Which half it is.
    pub name: StepName,
    /// Whether it is an `async fn`.
    pub is_async: bool,
    /// The type of the document.
    pub document: &'a Type,
    /// What it returns.
    pub returns: &'a Type,
}

/// Reads the signature of a step.
///
/// # Errors
/// Every way in which the function is not a step.
pub fn read(signature: &Signature) -> Result<StepSignature<'_>, Vec<Located>> {
    let text = signature.ident.to_string();
    let mut faults = Vec::new();
    let mut fault = |kind, span| faults.push(Located::new(kind, span));

    let name = StepName::of(&text);
    if name.is_none() {
        fault(
            FaultKind::StepName { name: text.clone() },
            signature.ident.span(),
        );
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        let span = signature
            .generics
            .params
            .first()
            .map_or(signature.ident.span(), Spanned::span);
        fault(FaultKind::StepGeneric { name: text.clone() }, span);
    }
    if let Some((qualifier, span)) = qualifier(signature) {
        fault(
            FaultKind::StepQualifier {
                name: text.clone(),
                qualifier,
            },
            span,
        );
    }
    let returns = match &signature.output {
        ReturnType::Type(_, returns) => Some(&**returns),
        ReturnType::Default => {
            fault(
                FaultKind::NoReturnType { name: text.clone() },
                signature.ident.span(),
            );
            None
        }
    };
    let document = match arguments(signature) {
        Ok(document) => Some(document),
        Err(located) => {
            faults.extend(located);
            None
        }
    };
    match (name, document, returns) {
        (Some(name), Some(document), Some(returns)) if faults.is_empty() => Ok(StepSignature {
            name,
            is_async: signature.asyncness.is_some(),
            document,
            returns,
        }),
        _ => Err(faults),
    }
}

/// The first qualifier that a step cannot have.
fn qualifier(signature: &Signature) -> Option<(&'static str, proc_macro2::Span)> {
    if let Some(token) = &signature.constness {
        return Some(("const", token.span()));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return Some(("unsafe", token.span()));
    }
    signature.abi.as_ref().map(|abi| ("extern", abi.span()))
}

/// The document's type, when the arguments are the context and the document.
fn arguments(signature: &Signature) -> Result<&Type, Vec<Located>> {
    let name = signature.ident.to_string();
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        return Err(vec![Located::new(
            FaultKind::StepMethod { name },
            receiver.self_token.span(),
        )]);
    }
    let types: Vec<&Type> = signature
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        })
        .collect();
    let [context, document] = types[..] else {
        let span = if types.is_empty() {
            signature.ident.span()
        } else {
            signature.inputs.span()
        };
        return Err(vec![Located::new(
            FaultKind::StepArity {
                name,
                count: types.len(),
            },
            span,
        )]);
    };
    let mut faults = Vec::new();
    if !is_context(context) {
        faults.push(Located::new(
            FaultKind::FirstArgument {
                found: text(context),
            },
            context.span(),
        ));
    }
    match ungrouped(document) {
        Type::Reference(_) => {
            faults.push(Located::new(
                FaultKind::DocumentByReference {
                    document: text(document),
                },
                document.span(),
            ));
        }
        Type::Path(path) if borrows(path) => {
            faults.push(Located::new(
                FaultKind::DocumentBorrows {
                    document: text(document),
                },
                document.span(),
            ));
        }
        Type::Path(_) => {}
        _ => faults.push(Located::new(
            FaultKind::DocumentNotNamed {
                found: text(document),
            },
            document.span(),
        )),
    }
    if faults.is_empty() {
        Ok(document)
    } else {
        Err(faults)
    }
}

/// Whether a type has a lifetime other than `'static`.
fn borrows(path: &syn::TypePath) -> bool {
    path.path.segments.iter().any(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .any(|argument| matches!(argument, GenericArgument::Lifetime(lifetime) if lifetime.ident != "static")),
        _ => false,
    })
}

/// `&mut Ctx`, under whatever path.
fn is_context(found: &Type) -> bool {
    let Type::Reference(reference) = ungrouped(found) else {
        return false;
    };
    let Type::Path(path) = ungrouped(&reference.elem) else {
        return false;
    };
    reference.mutability.is_some()
        && path
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "Ctx")
}

fn ungrouped(mut found: &Type) -> &Type {
    loop {
        match found {
            Type::Group(group) => found = &group.elem,
            Type::Paren(paren) => found = &paren.elem,
            _ => return found,
        }
    }
}

/// A type as its author would write it, nearly: tokens are joined without the spaces that nobody writes.
pub(crate) fn text(found: &Type) -> String {
    let spaced = found.to_token_stream().to_string();
    ["& ", " <", "< ", " >", " ::", ":: ", " ,"]
        .iter()
        .fold(spaced, |text, pattern| {
            text.replace(pattern, pattern.trim())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<FaultKind> {
        let function: syn::ItemFn = syn::parse_str(text).unwrap();
        read(&function.sig)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| fault.kind)
            .collect()
    }

    #[test]
    fn sync_and_async_steps_are_accepted() {
        for text in [
            "fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> { x }",
            "async fn down(ctx: &mut driftless::Ctx, Todo { id }: model::Todo) -> anyhow::Result<Patch> { x }",
            "pub fn up(_: &mut Ctx, _: Row<'static, u8>) -> Patch { x }",
        ] {
            assert_eq!(faults(text), [], "{text}");
        }
    }

    #[test]
    fn every_departure_has_its_fault() {
        use FaultKind::*;
        let single = |text: &str| {
            let mut found = faults(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            found.remove(0)
        };
        assert!(matches!(
            single("fn sideways(c: &mut Ctx, t: T) -> R {}"),
            StepName { .. }
        ));
        assert!(matches!(
            single("fn up<T>(c: &mut Ctx, t: T) -> R {}"),
            StepGeneric { .. }
        ));
        assert!(matches!(
            single("const fn up(c: &mut Ctx, t: T) -> R {}"),
            StepQualifier {
                qualifier: "const",
                ..
            }
        ));
        assert!(matches!(
            single("unsafe fn up(c: &mut Ctx, t: T) -> R {}"),
            StepQualifier {
                qualifier: "unsafe",
                ..
            }
        ));
        assert!(matches!(
            single("extern \"C\" fn up(c: &mut Ctx, t: T) -> R {}"),
            StepQualifier { .. }
        ));
        assert!(matches!(
            single("fn up(&self, t: T) -> R {}"),
            StepMethod { .. }
        ));
        assert!(matches!(
            single("fn up() -> R {}"),
            StepArity { count: 0, .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Ctx) -> R {}"),
            StepArity { count: 1, .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Ctx, a: A, b: B) -> R {}"),
            StepArity { count: 3, .. }
        ));
        assert!(matches!(
            single("fn up(c: Ctx, t: T) -> R {}"),
            FirstArgument { .. }
        ));
        assert!(matches!(
            single("fn up(c: &Ctx, t: T) -> R {}"),
            FirstArgument { .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Context, t: T) -> R {}"),
            FirstArgument { .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Ctx, t: impl X) -> R {}"),
            DocumentNotNamed { .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Ctx, t: T<'_>) -> R {}"),
            DocumentBorrows { .. }
        ));
        assert!(matches!(
            single("fn up(c: &mut Ctx, t: T) {}"),
            NoReturnType { .. }
        ));
        assert_eq!(
            single("fn up(c: &mut Ctx, t: &Vec<Todo>) -> R {}"),
            DocumentByReference {
                document: "&Vec<Todo>".to_owned()
            }
        );
    }

    #[test]
    fn several_mistakes_are_told_at_once() {
        assert_eq!(faults("unsafe fn sideways<T>(c: Ctx, t: &T) {}").len(), 6);
    }
}
