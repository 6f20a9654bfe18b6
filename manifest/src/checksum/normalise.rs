//! Rewrites a syntax tree into the one form that stands for everything a formatter could make of it.
//!
//! The result is hashed, never compiled: every operator expression gets parentheses, so that what is printed
//! says how it was parsed without help from a printer's own rules.

use super::{attributes, imports, macros};
use syn::visit_mut::{self, VisitMut};
use syn::*;

/// Brings a whole file into its normal form.
pub(super) fn file(file: &mut File) {
    Normaliser.visit_file_mut(file);
}

/// The visitor that does it, from the leaves up.
pub(super) struct Normaliser;

impl VisitMut for Normaliser {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.shebang = None;
        visit_mut::visit_file_mut(self, file);
        items(&mut file.items);
    }

    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        visit_mut::visit_item_mod_mut(self, module);
        if let Some((_, content)) = &mut module.content {
            items(content);
        }
    }

    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        block.items.retain(|item| !matches!(item, ImplItem::Fn(function) if attributes::is_test_only(&function.attrs)));
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        statements(&mut block.stmts);
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_attributes_mut(&mut self, list: &mut Vec<Attribute>) {
        attributes::normalise(list);
        for attribute in list {
            self.visit_attribute_mut(attribute);
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        strip_parentheses(expression);
        visit_mut::visit_expr_mut(self, expression);
        if !matches!(
            expression,
            Expr::Path(_) | Expr::Lit(_) | Expr::Infer(_) | Expr::Paren(_)
        ) {
            let inner = Box::new(std::mem::replace(expression, Expr::PLACEHOLDER));
            *expression = Expr::Paren(ExprParen {
                attrs: Vec::new(),
                paren_token: Default::default(),
                expr: inner,
            });
        }
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        closure.inputs.pop_punct();
        strip_braces(&mut closure.body);
        visit_mut::visit_expr_closure_mut(self, closure);
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        strip_braces(&mut arm.body);
        visit_mut::visit_arm_mut(self, arm);
        arm.comma = Some(Default::default());
    }

    /// What follows `else` keeps its shape: parentheses there would mean another block.
    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        self.visit_attributes_mut(&mut branch.attrs);
        self.visit_expr_mut(&mut branch.cond);
        self.visit_block_mut(&mut branch.then_branch);
        match branch.else_branch.as_mut().map(|(_, other)| &mut **other) {
            Some(Expr::If(other)) => self.visit_expr_if_mut(other),
            Some(other) => visit_mut::visit_expr_mut(self, other),
            None => {}
        }
    }

    fn visit_local_init_mut(&mut self, init: &mut LocalInit) {
        self.visit_expr_mut(&mut init.expr);
        if let Some((_, otherwise)) = &mut init.diverge {
            visit_mut::visit_expr_mut(self, otherwise);
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        field.colon_token = Some(Default::default());
        visit_mut::visit_field_value_mut(self, field);
    }

    fn visit_field_pat_mut(&mut self, field: &mut FieldPat) {
        field.colon_token = Some(Default::default());
        visit_mut::visit_field_pat_mut(self, field);
    }

    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        strip_pattern(pattern);
        visit_mut::visit_pat_mut(self, pattern);
        if matches!(pattern, Pat::Or(_) | Pat::Range(_)) {
            let inner = Box::new(std::mem::replace(
                pattern,
                Pat::Verbatim(Default::default()),
            ));
            *pattern = Pat::Paren(PatParen {
                attrs: Vec::new(),
                paren_token: Default::default(),
                pat: inner,
            });
        }
    }

    fn visit_type_mut(&mut self, found: &mut Type) {
        strip_type(found);
        visit_mut::visit_type_mut(self, found);
        if matches!(
            found,
            Type::ImplTrait(_) | Type::TraitObject(_) | Type::FnPtr(_)
        ) {
            let inner = Box::new(std::mem::replace(found, Type::Verbatim(Default::default())));
            *found = Type::Paren(TypeParen {
                attrs: Vec::new(),
                paren_token: Default::default(),
                elem: inner,
            });
        }
    }

    fn visit_type_trait_object_mut(&mut self, object: &mut TypeTraitObject) {
        object.bounds.pop_punct();
        visit_mut::visit_type_trait_object_mut(self, object);
    }

    fn visit_type_impl_trait_mut(&mut self, opaque: &mut TypeImplTrait) {
        opaque.bounds.pop_punct();
        visit_mut::visit_type_impl_trait_mut(self, opaque);
    }

    fn visit_type_param_mut(&mut self, parameter: &mut TypeParam) {
        parameter.bounds.pop_punct();
        if parameter.bounds.is_empty() {
            parameter.colon_token = None;
        }
        visit_mut::visit_type_param_mut(self, parameter);
    }

    fn visit_generics_mut(&mut self, generics: &mut Generics) {
        if let Some(clause) = &mut generics.where_clause {
            clause.predicates.pop_punct();
            if clause.predicates.is_empty() {
                generics.where_clause = None;
            }
        }
        visit_mut::visit_generics_mut(self, generics);
    }

    /// `Vec::<u8>` and `Vec<u8>` are one type.
    fn visit_angle_bracketed_generic_arguments_mut(
        &mut self,
        arguments: &mut AngleBracketedGenericArguments,
    ) {
        arguments.colon2_token = Some(Default::default());
        visit_mut::visit_angle_bracketed_generic_arguments_mut(self, arguments);
    }

    fn visit_return_type_mut(&mut self, returned: &mut ReturnType) {
        visit_mut::visit_return_type_mut(self, returned);
        if matches!(returned, ReturnType::Type(_, found) if matches!(&**found, Type::Tuple(tuple) if tuple.elems.is_empty()))
        {
            *returned = ReturnType::Default;
        }
    }

    fn visit_abi_mut(&mut self, abi: &mut Abi) {
        abi.name
            .get_or_insert_with(|| LitStr::new("C", abi.extern_token.span));
    }

    fn visit_vis_restricted_mut(&mut self, restricted: &mut VisRestricted) {
        if ["self", "super", "crate"]
            .iter()
            .any(|name| restricted.path.is_ident(name))
        {
            restricted.in_token = None;
        }
    }

    fn visit_item_macro_mut(&mut self, item: &mut ItemMacro) {
        self.visit_attributes_mut(&mut item.attrs);
        if item.mac.path.is_ident("macro_rules") {
            item.mac.tokens = macros::rules(std::mem::take(&mut item.mac.tokens));
            item.mac.delimiter = MacroDelimiter::Brace(Default::default());
        } else {
            self.visit_macro_mut(&mut item.mac);
            item.semi_token = None;
        }
    }

    /// `vec!(…)` and `vec![…]` are one call.
    fn visit_macro_mut(&mut self, call: &mut Macro) {
        self.visit_path_mut(&mut call.path);
        call.delimiter = MacroDelimiter::Paren(Default::default());
        call.tokens = macros::arguments(std::mem::take(&mut call.tokens));
    }
}

fn items(items: &mut Vec<Item>) {
    items.retain(|item| !attributes::is_test_only(item_attributes(item)));
    imports::normalise(items);
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Drops what is not there for the compiler, moves imports to the front, and ends diverging blocks one way.
fn statements(stmts: &mut Vec<Stmt>) {
    let mut declared = Vec::new();
    let mut kept = Vec::new();
    for stmt in std::mem::take(stmts) {
        match stmt {
            Stmt::Expr(Expr::Verbatim(tokens), _) if tokens.is_empty() => {}
            Stmt::Item(item) if attributes::is_test_only(item_attributes(&item)) => {}
            Stmt::Item(item @ (Item::Use(_) | Item::ExternCrate(_))) => declared.push(item),
            Stmt::Macro(StmtMacro {
                attrs,
                mac,
                semi_token,
            }) => {
                kept.push(Stmt::Expr(
                    Expr::Macro(ExprMacro { attrs, mac }),
                    semi_token,
                ));
            }
            Stmt::Expr(Expr::While(_) | Expr::ForLoop(_) | Expr::Loop(_), Some(_)) => {
                let Stmt::Expr(expression, _) = stmt else {
                    continue;
                };
                kept.push(Stmt::Expr(expression, None));
            }
            stmt => kept.push(stmt),
        }
    }
    if let Some(Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), semicolon)) =
        kept.last_mut()
    {
        *semicolon = None;
    }
    imports::normalise(&mut declared);
    stmts.extend(declared.into_iter().map(Stmt::Item));
    stmts.extend(kept);
}

fn strip_parentheses(expression: &mut Expr) {
    loop {
        let inner = match expression {
            Expr::Paren(ExprParen { attrs, expr, .. })
            | Expr::Group(ExprGroup { attrs, expr, .. })
                if attrs.is_empty() =>
            {
                std::mem::replace(&mut **expr, Expr::PLACEHOLDER)
            }
            _ => return,
        };
        *expression = inner;
    }
}

/// `{ value }` where only the value counts: the body of a closure or of a match arm.
fn strip_braces(body: &mut Expr) {
    loop {
        strip_parentheses(body);
        let Expr::Block(ExprBlock {
            attrs,
            label: None,
            block,
        }) = body
        else {
            return;
        };
        attributes::normalise(attrs);
        statements(&mut block.stmts);
        let single = block.stmts.len() == 1 && matches!(block.stmts[0], Stmt::Expr(_, None));
        if !attrs.is_empty() || !single {
            return;
        }
        let Some(Stmt::Expr(inner, None)) = block.stmts.pop() else {
            return;
        };
        *body = inner;
    }
}

fn strip_pattern(pattern: &mut Pat) {
    loop {
        let inner = match pattern {
            Pat::Paren(PatParen { attrs, pat, .. }) if attrs.is_empty() => {
                std::mem::replace(&mut **pat, Pat::Verbatim(Default::default()))
            }
            Pat::Or(PatOr {
                attrs,
                leading_vert,
                cases,
            }) => {
                *leading_vert = None;
                cases.pop_punct();
                if !attrs.is_empty() || cases.len() != 1 {
                    return;
                }
                let Some(case) = cases.pop() else { return };
                case
            }
            _ => return,
        };
        *pattern = inner;
    }
}

fn strip_type(found: &mut Type) {
    loop {
        let inner = match found {
            Type::Paren(TypeParen { attrs, elem, .. })
            | Type::Group(TypeGroup { attrs, elem, .. })
                if attrs.is_empty() =>
            {
                std::mem::replace(&mut **elem, Type::Verbatim(Default::default()))
            }
            _ => return,
        };
        *found = inner;
    }
}
