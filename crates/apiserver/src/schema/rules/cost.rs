//! How much work a rule may be, told before it runs: the interpreter cannot be stopped.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use serde_json::Value;

use super::super::Schema;
use super::value::unescaped;

/// Steps that all rules may take for one object; a step is about 0.1 µs.
pub(super) const BUDGET: u64 = 2_000_000;

/// Upper bound for the steps of an expression, if no list, map or text that it meets has more than `size` items.
///
/// Every loop counts with that size, however long it really is: too much rather than too little, and exact enough to
/// tell loops within loops from the rest.
pub(super) fn steps(expression: &IdedExpr, size: u64) -> u64 {
    let all = |parts: &[&IdedExpr]| {
        let costs = parts.iter().map(|e| steps(e, size));
        costs.fold(0, u64::saturating_add)
    };
    let inside = match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => 0,
        Expr::Select(select) => steps(&select.operand, size),
        Expr::Call(call) => {
            let parts: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
            // Comparing, searching and joining walk over their operands, a text with 64 bytes a step.
            all(&parts).saturating_add(1 + size / 64)
        }
        Expr::List(list) => all(&list.elements.iter().collect::<Vec<_>>()),
        Expr::Map(map) => map.entries.iter().fold(0, |sum, e| sum + entry(&e.expr, size)),
        Expr::Struct(object) => object.entries.iter().fold(0, |sum, e| sum + entry(&e.expr, size)),
        Expr::Comprehension(walk) => {
            let once = all(&[&walk.iter_range, &walk.accu_init, &walk.result]);
            let each = all(&[&walk.loop_cond, &walk.loop_step]);
            once.saturating_add(each.saturating_mul(size.max(1)))
        }
    };
    inside.saturating_add(1)
}

fn entry(entry: &EntryExpr, size: u64) -> u64 {
    match entry {
        EntryExpr::StructField(field) => steps(&field.value, size),
        EntryExpr::MapEntry(entry) => steps(&entry.key, size).saturating_add(steps(&entry.value, size)),
    }
}

/// Budget of all rules of a schema on a real server, in its own units, which are about a step each; ten times that of one.
const ESTIMATE_LIMIT: u64 = 100_000_000;

/// From this factor on a real server tells no figure, and an estimate need not be exact to be right.
const FAR_TOO_MUCH: u64 = 100;

/// Largest request, which bounds what a list or map without a bound can hold.
const MAX_REQUEST: u64 = 3 * 1024 * 1024;

/// Whether a real server refuses a rule about values of `schema` for its cost, and beyond doubt: loops within loops over
/// what has no bound, or too large a one.
pub(super) fn is_far_too_much(expression: &IdedExpr, schema: &Schema) -> bool {
    let mut loops = Loops {
        scope: vec![("self", Some(schema)), ("oldSelf", Some(schema))],
    };
    loops.least(expression) > ESTIMATE_LIMIT.saturating_mul(FAR_TOO_MUCH)
}

/// A lower bound: loops over what a schema describes, each turn a step.
struct Loops<'a> {
    /// Variables and the schemas of their values.
    scope: Vec<(&'a str, Option<&'a Schema>)>,
}

impl<'a> Loops<'a> {
    fn least(&mut self, expression: &'a IdedExpr) -> u64 {
        match &expression.expr {
            Expr::Select(select) => self.least(&select.operand),
            Expr::Call(call) => {
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.fold(0, |sum, part| self.least(part).saturating_add(sum))
            }
            Expr::Comprehension(walk) => {
                let range = self.schema_of(&walk.iter_range);
                let turns = range.map_or(1, most_items);
                let before = self.scope.len();
                self.scope.push((&walk.iter_var, range.and_then(Schema::item)));
                self.scope.push((&walk.accu_var, None));
                let turn = self.least(&walk.loop_step).saturating_add(1);
                self.scope.truncate(before);
                turn.saturating_mul(turns)
            }
            _ => 0,
        }
    }

    fn schema_of(&self, expression: &IdedExpr) -> Option<&'a Schema> {
        match &expression.expr {
            Expr::Ident(name) => {
                let mut inner = self.scope.iter().rev();
                inner.find(|(n, _)| n == name).and_then(|(_, schema)| *schema)
            }
            Expr::Select(select) => self.schema_of(&select.operand)?.field(&unescaped(&select.field)),
            _ => None,
        }
    }
}

/// How many items or fields a value of a schema can have.
fn most_items(schema: &Schema) -> u64 {
    let bound = schema.max_items.or(schema.max_properties).map(|n| n as u64);
    bound.unwrap_or_else(|| match schema.item().or(schema.free_fields()) {
        Some(item) => MAX_REQUEST / (least_bytes(item) + 1),
        None => 1,
    })
}

/// The shortest JSON text of a value, or more: a lower bound of items wants an upper bound here.
fn least_bytes(schema: &Schema) -> u64 {
    match schema.kind.as_deref() {
        Some("object") => {
            let fields = schema.required.iter();
            fields.map(|name| name.len() as u64 + 8).sum::<u64>() + 64
        }
        Some("string") => schema.min_length.unwrap_or(0) as u64 + 16,
        _ => 16,
    }
}

/// Items of the largest list, map or text in a value.
pub(super) fn size_of(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(size_of).fold(items.len() as u64, u64::max),
        Value::Object(map) => map.values().map(size_of).fold(map.len() as u64, u64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_cel::cel::Program;
    use serde_json::json;

    fn cost(rule: &str, size: u64) -> u64 {
        steps(Program::compile(rule).unwrap().expression(), size)
    }

    #[test]
    fn a_loop_within_a_loop_costs_the_square() {
        let (one, two) = (
            cost("self.all(x, x > 1)", 1000),
            cost("self.all(x, self.all(y, x > y))", 1000),
        );
        assert!(one < 100_000, "{one}");
        assert!(two > one * 500, "{two}");
        assert_eq!(cost("self.a == 1", 10), 4 + 1);
        assert_eq!(size_of(&json!({"a": [1, 2, {"b": "12345"}]})), 5);
    }

    #[test]
    fn loops_within_loops_need_bounds() {
        let rule = Program::compile("self.l.all(a, self.l.all(b, a + b > 0))").unwrap();
        for (bound, is_refused) in [(json!(null), true), (json!(100_000), true), (json!(10), false)] {
            let list = json!({"type": "array", "maxItems": bound, "items": {"type": "integer"}});
            let schema = json!({"type": "object", "properties": {"l": list}});
            let schema = Schema::structural(&schema, "").unwrap();
            assert_eq!(is_far_too_much(rule.expression(), &schema), is_refused, "{bound}");
        }
    }
}
