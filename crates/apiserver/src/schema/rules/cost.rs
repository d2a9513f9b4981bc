//! How much work a rule may be, told before it runs: the interpreter cannot be stopped.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use serde_json::Value;

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
}
