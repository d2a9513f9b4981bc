//! Types of expressions, as far as they can be told from a schema: what can never work is refused when a CRD is written.
//!
//! Less than the compiler of a real server does: whatever is not certain is [`Type::Any`], which goes with everything.

use core::fmt;

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::super::Schema;
use super::value::unescaped;

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Type<'a> {
    /// Not known.
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    Null,
    List(Box<Type<'a>>),
    /// With the schema of its fields, where there is one.
    Map(Option<&'a Schema>),
}

/// The type of an expression about values of `schema`.
///
/// # Errors
/// The first call that has no overload for its operands, in the words of the real server's compiler.
pub(super) fn of<'a>(
    expression: &'a IdedExpr,
    schema: &'a Schema,
    optional_old: bool,
) -> Result<Type<'a>, String> {
    let old = if optional_old {
        Type::Any
    } else {
        Type::of_schema(Some(schema))
    };
    let scope = vec![("self", Type::of_schema(Some(schema))), ("oldSelf", old)];
    Types { scope }.infer(expression)
}

impl<'a> Type<'a> {
    fn of_schema(schema: Option<&'a Schema>) -> Self {
        let Some(schema) = schema.filter(|s| !s.int_or_string && !s.nullable) else {
            return Self::Any;
        };
        match (schema.kind.as_deref(), schema.format.as_deref()) {
            (Some("boolean"), _) => Self::Bool,
            (Some("integer"), _) => Self::Int,
            (Some("number"), _) => Self::Double,
            (Some("string"), Some("duration")) => Self::Duration,
            (Some("string"), Some("date" | "date-time" | "datetime")) => Self::Timestamp,
            (Some("string"), Some("byte")) => Self::Bytes,
            (Some("string"), _) => Self::Text,
            (Some("array"), _) => Self::List(Box::new(Self::of_schema(schema.item()))),
            (Some("object"), _) => Self::Map(Some(schema)),
            _ => Self::Any,
        }
    }

    /// A rule must be one, a message expression a text.
    pub(super) fn may_be_bool(&self) -> bool {
        matches!(self, Self::Any | Self::Bool)
    }

    pub(super) fn may_be_text(&self) -> bool {
        matches!(self, Self::Any | Self::Text)
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether two values of these types can be compared or stand for each other.
    fn goes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Null, _) | (_, Self::Any | Self::Null) => true,
            (a, b) if a.is_number() && b.is_number() => true,
            (Self::List(a), Self::List(b)) => a.goes_with(b),
            (a, b) => core::mem::discriminant(a) == core::mem::discriminant(b),
        }
    }

    fn element(&self) -> Self {
        match self {
            Self::List(item) => (**item).clone(),
            // Loops over maps are over their keys.
            Self::Map(_) => Self::Text,
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("dyn"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("google.protobuf.Duration"),
            Self::Timestamp => f.write_str("google.protobuf.Timestamp"),
            Self::Null => f.write_str("null"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(schema) => match schema.and_then(Schema::free_fields) {
                Some(value) => write!(f, "map(string, {})", Self::of_schema(Some(value))),
                None => f.write_str("object"),
            },
        }
    }
}

struct Types<'a> {
    /// Variables and what they are, the innermost last.
    scope: Vec<(&'a str, Type<'a>)>,
}

impl<'a> Types<'a> {
    fn infer(&mut self, expression: &'a IdedExpr) -> Result<Type<'a>, String> {
        Ok(match &expression.expr {
            Expr::Unspecified | Expr::Struct(_) => Type::Any,
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                let operand = self.infer(&select.operand)?;
                match operand {
                    _ if select.test => Type::Bool,
                    Type::Map(Some(schema)) => Type::of_schema(schema.field(&unescaped(&select.field))),
                    _ => Type::Any,
                }
            }
            Expr::List(list) => {
                let mut item = None;
                for element in &list.elements {
                    let found = self.infer(element)?;
                    let is_same = item.as_ref().is_none_or(|i: &Type<'_>| same(i, &found));
                    item = Some(if is_same { found } else { Type::Any });
                }
                Type::List(Box::new(item.unwrap_or(Type::Any)))
            }
            Expr::Map(_) => Type::Map(None),
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(walk) => self.comprehension(walk)?,
        })
    }

    fn variable(&self, name: &str) -> Type<'a> {
        let mut inner = self.scope.iter().rev();
        let found = inner.find(|(n, _)| *n == name);
        found.map_or(Type::Any, |(_, kind)| kind.clone())
    }

    /// What the macros `all`, `exists`, `exists_one`, `map` and `filter` become.
    fn comprehension(&mut self, walk: &'a ComprehensionExpr) -> Result<Type<'a>, String> {
        let range = self.infer(&walk.iter_range)?;
        if !matches!(range, Type::Any | Type::List(_) | Type::Map(_)) {
            let why = format!(
                "expression of type '{range}' cannot be range of a comprehension (must be list, map, or dynamic)"
            );
            return Err(why);
        }
        let result = match self.infer(&walk.accu_init)? {
            Type::List(_) => Type::List(Box::new(Type::Any)),
            other => other,
        };
        let before = self.scope.len();
        let item = match walk.iter_var2 {
            Some(_) => Type::Any,
            None => range.element(),
        };
        self.scope.push((&walk.iter_var, item));
        self.scope
            .extend(walk.iter_var2.as_deref().map(|n| (n, Type::Any)));
        self.scope.push((&walk.accu_var, result));
        let parts = [&walk.loop_cond, &walk.loop_step, &walk.result];
        let found = parts.map(|e| self.infer(e));
        self.scope.truncate(before);
        let [condition, step, result] = found;
        condition.and(step).and(result)
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<Type<'a>, String> {
        let target = call.target.as_deref().map(|t| self.infer(t)).transpose()?;
        let arguments: Result<Vec<Type<'a>>, String> = call.args.iter().map(|e| self.infer(e)).collect();
        let arguments = arguments?;
        match (target, arguments.as_slice()) {
            (None, operands) => operator(&call.func_name, operands),
            (Some(target), arguments) => method(&call.func_name, &target, arguments),
        }
    }
}

fn literal_type<'a>(literal: &LiteralValue) -> Type<'a> {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn same(a: &Type<'_>, b: &Type<'_>) -> bool {
    !matches!(a, Type::Any) && core::mem::discriminant(a) == core::mem::discriminant(b)
}

fn operator<'a>(name: &str, operands: &[Type<'a>]) -> Result<Type<'a>, String> {
    use operators::{
        ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS, LESS_EQUALS, LOGICAL_AND,
        LOGICAL_NOT, LOGICAL_OR, MODULO, MULTIPLY, NEGATE, NOT_EQUALS, SUBSTRACT,
    };
    if matches!(name, LOGICAL_AND | LOGICAL_OR) {
        let wrong = operands.iter().find(|operand| !operand.may_be_bool());
        return match wrong {
            Some(found) => Err(format!("expected type 'bool' but found '{found}'")),
            None => Ok(Type::Bool),
        };
    }
    let (fits, result) = match (name, operands) {
        (LOGICAL_NOT, [a]) => (a.may_be_bool(), Type::Bool),
        (EQUALS | NOT_EQUALS, [a, b]) => (a.goes_with(b), Type::Bool),
        (LESS | LESS_EQUALS | GREATER | GREATER_EQUALS, [a, b]) => {
            (a.goes_with(b) && is_ordered(a) && is_ordered(b), Type::Bool)
        }
        (ADD, [a, b]) => (can_add(a, b), sum(a, b)),
        (SUBSTRACT, [a, b]) => (can_subtract(a, b), Type::Any),
        (MULTIPLY | DIVIDE | MODULO, [a, b]) => (may_be_number(a) && may_be_number(b), sum(a, b)),
        (NEGATE, [a]) => (may_be_number(a), a.clone()),
        (IN, [_, b]) => (matches!(b, Type::Any | Type::List(_) | Type::Map(_)), Type::Bool),
        (INDEX, [Type::Map(Some(schema)), _]) => (true, Type::of_schema(schema.free_fields())),
        (INDEX, [Type::List(item), _]) => (true, (**item).clone()),
        (INDEX, [a, _]) => (matches!(a, Type::Any | Type::Map(_)), Type::Any),
        (CONDITIONAL, [a, b, c]) => {
            let result = if same(b, c) { b.clone() } else { Type::Any };
            (a.may_be_bool() && b.goes_with(c), result)
        }
        ("size", [a]) => (has_size(a), Type::Int),
        ("string", [_]) => (true, Type::Text),
        ("int", [_]) => (true, Type::Int),
        ("double", [_]) => (true, Type::Double),
        ("bool" | "isIP" | "isCIDR" | "isURL", [_]) => (true, Type::Bool),
        ("duration", [_]) => (true, Type::Duration),
        ("timestamp", [_]) => (true, Type::Timestamp),
        _ => (true, Type::Any),
    };
    if fits {
        Ok(result)
    } else {
        Err(no_overload(name, operands))
    }
}

fn method<'a>(name: &str, target: &Type<'a>, arguments: &[Type<'a>]) -> Result<Type<'a>, String> {
    let texts = || arguments.iter().all(Type::may_be_text);
    let (fits, result) = match (name, arguments) {
        ("startsWith" | "endsWith" | "matches" | "contains", [_]) => {
            (target.may_be_text() && texts(), Type::Bool)
        }
        ("lowerAscii" | "upperAscii" | "trim", []) => (target.may_be_text(), Type::Text),
        ("split", [_]) => (target.may_be_text() && texts(), Type::List(Box::new(Type::Text))),
        ("size", []) => (has_size(target), Type::Int),
        _ => (true, Type::Any),
    };
    match fits {
        true => Ok(result),
        false => {
            let arguments: Vec<String> = arguments.iter().map(Type::to_string).collect();
            let shown = format!("{target}.({})", arguments.join(", "));
            Err(format!(
                "found no matching overload for '{name}' applied to '{shown}'"
            ))
        }
    }
}

fn no_overload(name: &str, operands: &[Type<'_>]) -> String {
    let operands: Vec<String> = operands.iter().map(Type::to_string).collect();
    format!(
        "found no matching overload for '{name}' applied to '({})'",
        operands.join(", ")
    )
}

fn is_ordered(a: &Type<'_>) -> bool {
    !matches!(a, Type::Null | Type::List(_) | Type::Map(_))
}

fn may_be_number(a: &Type<'_>) -> bool {
    a.is_number() || matches!(a, Type::Any)
}

fn can_add(a: &Type<'_>, b: &Type<'_>) -> bool {
    let is_time = |t: &Type<'_>| matches!(t, Type::Duration | Type::Timestamp | Type::Any);
    let is_sum = |t: &Type<'_>| !matches!(t, Type::Bool | Type::Null | Type::Map(_));
    (a.goes_with(b) || (is_time(a) && is_time(b))) && is_sum(a) && is_sum(b)
}

fn can_subtract(a: &Type<'_>, b: &Type<'_>) -> bool {
    let is_time = |t: &Type<'_>| matches!(t, Type::Duration | Type::Timestamp | Type::Any);
    (may_be_number(a) && may_be_number(b)) || (is_time(a) && is_time(b))
}

fn sum<'a>(a: &Type<'a>, b: &Type<'a>) -> Type<'a> {
    let is_plain = matches!(
        a,
        Type::Int | Type::Uint | Type::Double | Type::Text | Type::Bytes | Type::Duration
    );
    if is_plain && same(a, b) {
        a.clone()
    } else {
        Type::Any
    }
}

fn has_size(a: &Type<'_>) -> bool {
    matches!(
        a,
        Type::Any | Type::Text | Type::Bytes | Type::List(_) | Type::Map(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_cel::cel::Program;
    use serde_json::json;

    fn told(rule: &str) -> Result<String, String> {
        let schema = json!({"type": "object", "properties": {
            "i": {"type": "integer"}, "s": {"type": "string"}, "b": {"type": "boolean"}, "n": {"type": "number"},
            "d": {"type": "string", "format": "duration"}, "any": {"x-kubernetes-int-or-string": true},
            "l": {"type": "array", "items": {"type": "integer"}},
            "m": {"type": "object", "additionalProperties": {"type": "string"}}}});
        let schema = Schema::structural(&schema, "").unwrap();
        let program = Program::compile(rule).unwrap();
        of(program.expression(), &schema, false).map(|t| t.to_string())
    }

    #[test]
    fn what_can_never_work_is_told_with_its_operands() {
        for (rule, applied) in [
            ("self.i == self.s", "'_==_' applied to '(int, string)'"),
            ("self.s > 1", "'_>_' applied to '(string, int)'"),
            ("!self.s", "'!_' applied to '(string)'"),
            ("self.s + 1 == 'a'", "'_+_' applied to '(string, int)'"),
            ("self.i.startsWith('a')", "'startsWith' applied to 'int.(string)'"),
            ("self.l.all(x, x == 'a')", "'_==_' applied to '(int, string)'"),
            (
                "self.l.all(x, self.m.exists(k, k == x))",
                "'_==_' applied to '(string, int)'",
            ),
            ("self.i.size() == 1", "'size' applied to 'int.()'"),
            ("self.m['a'] == 1", "'_==_' applied to '(string, int)'"),
            (
                "self.b ? self.i : self.s",
                "'_?_:_' applied to '(bool, int, string)'",
            ),
        ] {
            assert_eq!(
                told(rule),
                Err(format!("found no matching overload for {applied}")),
                "{rule}"
            );
        }
    }

    #[test]
    fn an_operand_of_and_and_or_must_be_a_truth_value() {
        let said = Err("expected type 'bool' but found 'int'".to_owned());
        assert_eq!(told("self.b && self.i"), said);
        assert_eq!(told("self.i || self.b"), said);
    }

    #[test]
    fn what_may_work_has_its_type_or_any() {
        for (rule, kind) in [
            ("self.i < self.n && has(self.s)", "bool"),
            ("self.l.map(x, x + 1)", "list(dyn)"),
            ("self.l.filter(x, x > 1).size()", "int"),
            ("self.l.exists_one(x, x == 1)", "bool"),
            ("self.any == 1 || self.any == 'a'", "bool"),
            ("self.s + 'x'", "string"),
            ("self.s.split(',')[0]", "string"),
            ("self.d > duration('1s')", "bool"),
            ("self.b ? self.i : self.i", "int"),
            ("'a' in self.m && self == oldSelf", "bool"),
            ("self.m", "map(string, string)"),
            ("self", "object"),
            ("sets.contains([1], self.l)", "dyn"),
        ] {
            assert_eq!(told(rule).as_deref(), Ok(kind), "{rule}");
        }
    }
}
