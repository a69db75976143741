//! Explanations as JSON, for programs.

use serde_json::{Map, Value, json};

use super::Explanation;

impl Explanation {
    /// The plan as JSON: of each operator `operator`, `details`, `rows` (with the `basis` on which they are known:
    /// `counted`, `statistics` or `guess`), `measured` if it was run for that (nodes are those of trees it visited,
    /// times in nanoseconds), and `inputs`.
    ///
    /// ```
    /// use nuages_engine::explain::Explanation;
    /// use nuages_engine::algebra::{Query, Relation};
    /// use nuages_engine::{Database, Session};
    /// let plan = Database::new().explain(&Query::new(Relation::Unit, vec![]))?;
    /// assert_eq!(plan.to_json()["inputs"][0]["operator"], "One row");
    /// # Ok::<(), nuages_engine::Error>(())
    /// ```
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("operator".into(), self.operator.as_str().into());
        object.insert("details".into(), self.details.clone().into());
        object.insert(
            "rows".into(),
            json!({ "number": self.rows.rows.round(), "basis": self.rows.basis.name() }),
        );
        if let (Some(measured), Some(own)) = (self.measured, self.own_time()) {
            let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            object.insert(
                "measured".into(),
                json!({
                    "runs": measured.runs,
                    "rows": measured.rows,
                    "batches": measured.batches,
                    "nodes": measured.nodes,
                    "time": nanoseconds(measured.time),
                    "own_time": nanoseconds(own),
                }),
            );
        }
        object.insert("inputs".into(), self.inputs.iter().map(Explanation::to_json).collect());
        Value::Object(object)
    }
}
