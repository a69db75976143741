//! Races for people: as a table, and as one HTML file that needs nothing else.

use std::fmt::{self, Display, Formatter, Write};

use super::{Contestant, Race};
use crate::explain::Explanation;
use crate::explain::text::Short;

const STYLE: &str = "\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .6rem; vertical-align: middle; }
th { border-bottom: 2px solid #ccd5dd; } td.number { text-align: right; white-space: nowrap; }
.bar { height: .9rem; border-radius: 2px; background: #8fb3d1; min-width: 2px; } .chosen .bar { background: #d9822b; }
.cost { background: #ccd5dd; } .chosen { font-weight: 600; }
section { border: 1px solid #ccd5dd; border-radius: 6px; padding: .8rem 1rem; margin: 1rem 0; }
ul.tree { list-style: none; margin: 0; padding-left: 1.2rem; border-left: 1px solid #ccd5dd; } section > ul.tree { border: 0; padding: 0; }
ul.tree li { margin: .35rem 0; } .operator { font-weight: 600; } .rows { color: #5b6b7a; } .detail { color: #37617f; font-family: ui-monospace, monospace; font-size: .85em; }
footer { color: #5b6b7a; }
";

impl Race {
    /// The race as one HTML file: times and estimated costs as bars, plans as trees. It opens without a network.
    pub fn to_html(&self, title: &str) -> String {
        let mut page = Page { text: String::new() };
        page.begin(title);
        page.summary(self);
        page.table(self);
        for (number, contestant) in self.contestants.iter().enumerate() {
            page.plan(number + 1, &heading(contestant), contestant.alternative.explanation());
        }
        for (number, plan) in self.left_out.iter().enumerate() {
            let heading = format!("Not run: it is thought to take {}", milliseconds(plan.cost()));
            page.plan(self.contestants.len() + number + 1, &heading, plan.explanation());
        }
        page.text.push_str("</body>\n</html>\n");
        page.text
    }
}

fn kind(contestant: &Contestant) -> &'static str {
    match (contestant.alternative.is_chosen(), contestant.alternative.is_naive()) {
        (true, _) => "the optimiser's choice",
        (_, true) => "as written",
        _ => "",
    }
}

fn heading(contestant: &Contestant) -> String {
    let kind = kind(contestant);
    let dash = if kind.is_empty() { "" } else { ", " };
    format!("{}{dash}{kind}", Short(contestant.time()))
}

fn milliseconds(cost: f64) -> String {
    Short(std::time::Duration::from_secs_f64((cost / 1e6).clamp(0.0, 1e9))).to_string()
}

struct Page {
    text: String,
}

impl Page {
    fn add(&mut self, line: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn begin(&mut self, title: &str) {
        let title = Escaped(title);
        self.add(format_args!("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"));
        self.add(format_args!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"));
        self.add(format_args!("<h1>{title}</h1>"));
    }

    fn summary(&mut self, race: &Race) {
        let plans = race.contestants.len();
        self.add(format_args!("<p>{plans} plans returned the same {} rows.", race.rows));
        if let (Some((place, chosen)), Some(best)) = (race.chosen(), race.contestants.first()) {
            let (time, least) = (chosen.time().as_secs_f64(), best.time().as_secs_f64());
            let times = time / least.max(1e-9);
            self.add(format_args!(
                "The optimiser's choice came in at place {}, at {times:.2} times the best.",
                place + 1
            ));
        }
        if let Some(tau) = race.tau() {
            self.add(format_args!("Kendall's tau between estimated costs and measured times is {tau:.2}."));
        }
        self.text.push_str("</p>\n");
    }

    fn table(&mut self, race: &Race) {
        let times = race.contestants.iter().map(|of| of.time().as_secs_f64());
        let costs = race.contestants.iter().map(|of| of.alternative.cost());
        let (most_time, most_cost) = (times.fold(1e-9, f64::max), costs.fold(1e-9, f64::max));
        self.add(format_args!(
            "<table>\n<tr><th></th><th>time</th><th></th><th>estimated</th><th></th><th></th></tr>"
        ));
        for (number, contestant) in race.contestants.iter().enumerate() {
            let class = if contestant.alternative.is_chosen() { " class=\"chosen\"" } else { "" };
            let cost = contestant.alternative.cost();
            let bar = |class: &str, share: f64| {
                format!(
                    "<div class=\"bar {class}\" style=\"width: {:.1}%\"></div>",
                    share.clamp(0.0, 1.0) * 100.0
                )
            };
            self.add(format_args!(
                "<tr{class}><td class=\"number\"><a href=\"#plan{0}\">{0}</a></td><td class=\"number\">{1}</td>\
                 <td width=\"40%\">{2}</td><td class=\"number\">{3}</td><td width=\"20%\">{4}</td><td>{5}</td></tr>",
                number + 1,
                Short(contestant.time()),
                bar("time", contestant.time().as_secs_f64() / most_time),
                milliseconds(cost),
                bar("cost", cost / most_cost),
                kind(contestant),
            ));
        }
        self.text.push_str("</table>\n");
    }

    fn plan(&mut self, number: usize, heading: &str, plan: &Explanation) {
        self.add(format_args!(
            "<section id=\"plan{number}\">\n<h2>{number}. {}</h2>\n<ul class=\"tree\">",
            Escaped(heading)
        ));
        self.node(plan);
        self.text.push_str("</ul>\n</section>\n");
    }

    fn node(&mut self, node: &Explanation) {
        self.add(format_args!(
            "<li><span class=\"operator\">{}</span> <span class=\"rows\">{}</span>",
            Escaped(&node.operator),
            Escaped(&node.figures())
        ));
        for detail in &node.details {
            self.add(format_args!("<div class=\"detail\">{}</div>", Escaped(detail)));
        }
        if !node.inputs.is_empty() {
            self.text.push_str("<ul class=\"tree\">\n");
            node.inputs.iter().for_each(|input| self.node(input));
            self.text.push_str("</ul>\n");
        }
        self.text.push_str("</li>\n");
    }
}

/// Text that means nothing to a browser.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

impl Display for Race {
    /// A line for each plan, the fastest first, then the optimiser's choice as a tree.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, contestant) in self.contestants.iter().enumerate() {
            let (cost, kind) = (milliseconds(contestant.alternative.cost()), kind(contestant));
            let time = Short(contestant.time()).to_string();
            writeln!(f, "{:>3}. {time:>9}  estimated {cost:>9}  {kind}", number + 1)?;
        }
        if let Some(tau) = self.tau() {
            writeln!(f, "tau {tau:.2}")?;
        }
        if let Some((_, chosen)) = self.chosen() {
            writeln!(f, "\n{}", chosen.alternative.explanation())?;
        }
        Ok(())
    }
}
