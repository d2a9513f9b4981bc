//! Names in an expression that nothing stands behind: typing errors, found when a CRD is written.

use kube_cel::cel::ExecutionError;
use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr};

use super::super::Schema;
use super::value::unescaped;
use super::with_functions;

/// Words that are no variables: types, and what stands before the dot of a function's name.
const WORDS: [&str; 20] = [
    "self",
    "oldSelf",
    "sets",
    "math",
    "base64",
    "jsonpatch",
    "format",
    "optional",
    "cel",
    "lists",
    "strings",
    "ip",
    "cidr",
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "null_type",
];

/// The first name that means nothing to a rule about values of `schema`, as the compiler of the real server says it.
pub(super) fn unknown(expression: &IdedExpr, schema: &Schema) -> Option<String> {
    Names {
        schema,
        scope: Vec::new(),
    }
    .find(expression)
}

struct Names<'a> {
    schema: &'a Schema,
    /// Variables of the comprehensions around.
    scope: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn find(&mut self, expression: &'a IdedExpr) -> Option<String> {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => None,
            Expr::Ident(name) => self.variable(name),
            Expr::Call(call) => self.call(call),
            Expr::Select(select) => self.field(expression).or_else(|| self.find(&select.operand)),
            Expr::List(list) => list.elements.iter().find_map(|e| self.find(e)),
            Expr::Map(map) => map.entries.iter().find_map(|e| self.entry(&e.expr)),
            Expr::Struct(object) => object.entries.iter().find_map(|e| self.entry(&e.expr)),
            Expr::Comprehension(walk) => {
                if let Some(why) = self.find(&walk.iter_range).or_else(|| self.find(&walk.accu_init)) {
                    return Some(why);
                }
                let before = self.scope.len();
                self.scope
                    .extend([walk.iter_var.as_str(), walk.accu_var.as_str()]);
                self.scope.extend(walk.iter_var2.as_deref());
                let parts = [&walk.loop_cond, &walk.loop_step, &walk.result];
                let why = parts.into_iter().find_map(|e| self.find(e));
                self.scope.truncate(before);
                why
            }
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr) -> Option<String> {
        match entry {
            EntryExpr::StructField(field) => self.find(&field.value),
            EntryExpr::MapEntry(entry) => self.find(&entry.key).or_else(|| self.find(&entry.value)),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let is_known = WORDS.contains(&name) || self.scope.contains(&name);
        (!is_known).then(|| undeclared(name))
    }

    fn call(&mut self, call: &'a CallExpr) -> Option<String> {
        let name = call.func_name.as_str();
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let prefix = match call.target.as_deref().map(|t| &t.expr) {
            Some(Expr::Ident(prefix)) => Some(format!("{prefix}.{name}")),
            _ => None,
        };
        let is_known = !is_word || is_function(name) || prefix.as_deref().is_some_and(is_function);
        if !is_known {
            return Some(undeclared(name));
        }
        let target = call.target.as_deref();
        target.into_iter().chain(&call.args).find_map(|e| self.find(e))
    }

    /// A field that the schema of what is before the dot does not have.
    fn field(&self, expression: &IdedExpr) -> Option<String> {
        let Expr::Select(select) = &expression.expr else {
            return None;
        };
        let schema = self.schema_of(&select.operand)?;
        let is_closed = !schema.properties.is_empty()
            && schema.additional_properties.is_none()
            && !schema.preserve_unknown;
        let name = unescaped(&select.field);
        (is_closed && schema.field(&name).is_none()).then(|| format!("undefined field '{name}'"))
    }

    /// The schema of `self.a.b`, where that can be told.
    fn schema_of(&self, expression: &IdedExpr) -> Option<&'a Schema> {
        match &expression.expr {
            Expr::Ident(name) if matches!(name.as_str(), "self" | "oldSelf") => {
                (!self.scope.contains(&name.as_str())).then_some(self.schema)
            }
            Expr::Select(select) => self.schema_of(&select.operand)?.field(&unescaped(&select.field)),
            _ => None,
        }
    }
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}

/// Whether there is such a function: called without arguments it then complains of anything but its name.
fn is_function(name: &str) -> bool {
    let call = IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: None,
            args: Vec::new(),
        }),
    };
    let answer = with_functions(|functions| functions.resolve(&call));
    !matches!(answer, Err(ExecutionError::UndeclaredReference(_)))
}
