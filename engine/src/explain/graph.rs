//! Explanations as graphs: in the languages of Graphviz and Mermaid. Edges point from inputs to what they feed.

use std::fmt::Write;

use super::Explanation;

impl Explanation {
    /// The plan in Graphviz's language (`dot -Tsvg`).
    pub fn to_graphviz(&self) -> String {
        let mut text = String::from(
            "digraph plan {\n  rankdir = BT;\n  node [shape = box, fontname = \"sans-serif\"];\n",
        );
        self.each_node(&mut |number, above, node| {
            let label = node.label("\\n", &|part| part.replace('\\', "\\\\").replace('"', "\\\""));
            let _ = writeln!(text, "  n{number} [label = \"{label}\"];");
            if let Some(above) = above {
                let _ = writeln!(text, "  n{number} -> n{above};");
            }
        });
        text.push_str("}\n");
        text
    }

    /// The plan in Mermaid's language, as Markdown shows it on many sites.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart BT\n");
        self.each_node(&mut |number, above, node| {
            let escape = |part: &str| part.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;");
            let label = node.label("<br/>", &escape);
            let _ = writeln!(text, "  n{number}[\"{label}\"]");
            if let Some(above) = above {
                let _ = writeln!(text, "  n{number} --> n{above}");
            }
        });
        text
    }

    fn label(&self, newline: &str, escape: &dyn Fn(&str) -> String) -> String {
        let figures = self.figures();
        let parts = [&self.operator].into_iter().chain(&self.details).chain([&figures]);
        parts.map(|part| escape(part)).collect::<Vec<_>>().join(newline)
    }

    /// Calls `visit` with every operator, its number, and that of the operator above.
    fn each_node(&self, visit: &mut dyn FnMut(usize, Option<usize>, &Explanation)) {
        fn descend(
            node: &Explanation,
            above: Option<usize>,
            next: &mut usize,
            visit: &mut dyn FnMut(usize, Option<usize>, &Explanation),
        ) {
            let number = *next;
            *next += 1;
            visit(number, above, node);
            node.inputs.iter().for_each(|input| descend(input, Some(number), next, visit));
        }
        descend(self, None, &mut 0, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Explanation;
    use crate::plan::Estimate;

    fn plan() -> Explanation {
        let scan = Explanation {
            operator: "Scan song".into(),
            details: vec!["filter song.title = '\"Nuages\"'".into()],
            rows: Estimate::about(2.0),
            measured: None,
            inputs: Vec::new(),
        };
        Explanation {
            operator: "Limit 1".into(),
            details: Vec::new(),
            rows: Estimate::exact(1.0),
            measured: None,
            inputs: vec![scan],
        }
    }

    #[test]
    fn a_plan_is_a_graph() {
        let graphviz = plan().to_graphviz();
        assert!(graphviz.contains("n0 [label = \"Limit 1\\n1 row\"];"), "{graphviz}");
        assert!(graphviz.contains("filter song.title = '\\\"Nuages\\\"'"), "{graphviz}");
        assert!(graphviz.contains("n1 -> n0;"), "{graphviz}");
        let mermaid = plan().to_mermaid();
        assert!(
            mermaid.contains("n1[\"Scan song<br/>filter song.title = '#quot;Nuages#quot;'<br/>~2 rows\"]"),
            "{mermaid}"
        );
        assert!(mermaid.contains("n1 --> n0"), "{mermaid}");
    }
}
