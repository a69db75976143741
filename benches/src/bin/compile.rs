//! How long a program of 50 models and 500 queries compiles: the time between a change and a test.
//!
//! The program is written into `target/compile`: models of 21 columns in a chain of keys, and for each of them ten
//! functions that filter across relations, annotate, group, update, prefetch and create. Timed are a build with every
//! dependency from nothing (once), and the build and the check of the program alone: from nothing, and after a change in
//! its main file, in one model, and in one query (medians). `main` calls all queries: what nobody calls is not compiled.
//!
//! ```sh
//! cargo run --release -p nuages-benches --bin compile -- 5    # so many rounds
//! ```

use std::{
    env,
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

/// Models of the program.
const MODELS: usize = 50;

fn main() -> ExitCode {
    let rounds = env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5).max(1);
    match measure(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize) -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let program = root.join("target").join("compile");
    write_program(&program, &root)?;
    if program.join("target").exists() {
        fs::remove_dir_all(program.join("target"))?;
    }
    println!("| {MODELS} models, {} queries | seconds |", MODELS * QUERIES);
    println!("|---|---|");
    println!(
        "| build with all dependencies, from nothing | {:.1} |",
        cargo(&program, "build")?.as_secs_f64()
    );
    cargo(&program, "check")?;
    for verb in ["build", "check"] {
        for change in [Change::All, Change::Main, Change::Model, Change::Query] {
            let mut times = Vec::new();
            for round in 0..rounds {
                change.make(&program, round)?;
                times.push(cargo(&program, verb)?);
            }
            times.sort_unstable();
            println!("| {verb} {change} | {:.1} |", times[rounds / 2].as_secs_f64());
        }
    }
    Ok(())
}

/// What has changed since the program was compiled last.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// All of it is compiled for the first time.
    All,
    Main,
    Model,
    Query,
}

impl Change {
    /// Makes the change, another one each round.
    fn make(self, program: &Path, round: usize) -> io::Result<()> {
        let number = MODELS / 2;
        let model = program.join(format!("src/model_{number}.rs"));
        match self {
            Change::All => {
                let mut clean = Command::new("cargo");
                clean.args(["clean", "--quiet", "--package", "fifty"]).current_dir(program);
                clean.env("CARGO_TARGET_DIR", program.join("target")).status().map(drop)
            }
            Change::Main => {
                fs::write(program.join("src/main.rs"), format!("{}// change {round}\n", main_file()))
            }
            Change::Model => {
                let column = format!("    pub note_{round}_more: Option<String>,\n    pub name_0");
                fs::write(model, model_file(number).replacen("    pub name_0", &column, 1))
            }
            Change::Query => {
                let more = format!("count_0.gt({})", round + 2);
                fs::write(model, model_file(number).replacen("count_0.gt(1)", &more, 1))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::All => "from nothing, dependencies apart",
            Change::Main => "after a change of `main`",
            Change::Model => "after a column more in one model",
            Change::Query => "after a change of one query",
        })
    }
}

/// Runs cargo on the program, and says how long it took.
fn cargo(program: &Path, verb: &str) -> io::Result<Duration> {
    let begin = Instant::now();
    let mut cargo = Command::new("cargo");
    cargo
        .arg(verb)
        .current_dir(program)
        .env("CARGO_TARGET_DIR", program.join("target"))
        .stdout(Stdio::null());
    let output = cargo.output()?;
    let time = begin.elapsed();
    if output.status.success() {
        Ok(time)
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

fn write_program(program: &Path, root: &Path) -> io::Result<()> {
    fs::create_dir_all(program.join("src"))?;
    let nuages: PathBuf = root.join("orm");
    let manifest = format!(
        "[package]\nname = \"fifty\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nnuages = {{ path = {nuages:?} }}\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n[workspace]\n"
    );
    fs::write(program.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock"))?;
    for number in 0..MODELS {
        fs::write(program.join(format!("src/model_{number}.rs")), model_file(number))?;
    }
    fs::write(program.join("src/main.rs"), main_file())
}

/// The program's entry: it opens a database of all models and asks all questions of each.
fn main_file() -> String {
    let mut text = String::from("#![allow(dead_code)]\n");
    for number in 0..MODELS {
        let _ = writeln!(text, "mod model_{number};");
    }
    text += "use nuages::prelude::*;\nfn main() -> Result<()> {\n    let mut app = App::new();\n";
    for number in 0..MODELS {
        let _ = writeln!(text, "    app = app.models(model_{number}::Model{number}::app());");
    }
    text += "    let db = app.open_memory()?;\n    let mut sum = 0;\n";
    for number in 0..MODELS {
        let _ = writeln!(text, "    sum += model_{number}::ask(&db)?;");
    }
    text += "    println!(\"{sum}\");\n    Ok(())\n}\n";
    text
}

/// Queries of a model.
const QUERIES: usize = 10;

/// A model of 21 columns with a key to the one before it, and its queries.
fn model_file(number: usize) -> String {
    let this = format!("Model{number}");
    let before = number.saturating_sub(1);
    let (parent, path) = (format!("Model{before}"), format!("model_{before}"));
    let import = if before == number { String::new() } else { format!("use crate::{path}::{parent};\n") };
    let mut columns = String::new();
    for i in 0..6 {
        let _ = write!(
            columns,
            "    #[field(max_length = 100)]\n    pub name_{i}: String,\n    #[field(default = 0)]\n    pub count_{i}: i64,\n    \
             pub note_{i}: Option<String>,\n"
        );
    }
    format!(
        r#"use nuages::prelude::*;
{import}
#[derive(Model, Clone, Debug)]
#[model(app = "fifty", ordering = [name_0], index(count_0, -created))]
pub struct {this} {{
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub parent: Option<ForeignKey<{parent}>>,
    pub created: DateTime,
{columns}}}

pub fn ask(db: &Db) -> Result<u64> {{
    let made = eighth(db)?.count_0 as usize;
    let rows = second(db)?.len() + third(db)?.len() + sixth(db)?.len() + seventh(db)?.len() + ninth(db)?.len();
    let (sum, _) = fourth(db)?;
    Ok((made + rows) as u64 + sum.unwrap_or(0) as u64 + first(db)? + fifth(db)? + tenth(db)?)
}}

pub fn first(db: &Db) -> Result<u64> {{
    {this}::objects().filter({this}::name_0.icontains("a") & {this}::count_0.gt(1)).count(db)
}}

pub fn second(db: &Db) -> Result<Vec<{this}>> {{
    {this}::objects().filter({this}::parent.name_1.eq("x")).exclude({this}::note_2.is_null(true)).all(db)
}}

pub fn third(db: &Db) -> Result<Vec<(String, i64)>> {{
    {this}::objects().order_by({this}::count_3.desc()).values_list(({this}::name_3, {this}::count_3)).slice(..10).all(db)
}}

pub fn fourth(db: &Db) -> Result<(Option<i64>, Option<i64>)> {{
    {this}::objects().filter({this}::created.year.gte(2024)).aggregate(({this}::count_1.sum(), {this}::count_2.max()), db)
}}

pub fn fifth(db: &Db) -> Result<u64> {{
    {this}::objects().filter(q!({this}, name_4__startswith = "b")).update({this}::count_4.set({this}::count_4 + 1), db)
}}

pub fn sixth(db: &Db) -> Result<Vec<(String, i64)>> {{
    let rows = {this}::id.count();
    {this}::objects().values_list(({this}::name_5,)).annotate(&*rows).order_by(rows.desc()).all(db)
}}

pub fn seventh(db: &Db) -> Result<Vec<{this}>> {{
    {this}::objects().select_related({this}::parent).order_by(({this}::parent.count_0, {this}::name_1)).all(db)
}}

pub fn eighth(db: &Db) -> Result<{this}> {{
    let row = new!({this} {{
        created: "2024-01-01T00:00:00Z".parse::<DateTime>().expect("an instant"),
        name_0: "a", name_1: "b", name_2: "c", name_3: "d", name_4: "e", name_5: "f",
    }});
    {this}::objects().create(row, db)
}}

pub fn ninth(db: &Db) -> Result<Vec<String>> {{
    let size = when({this}::count_5.gt(100), "large").when({this}::count_5.gt(10), "middling").otherwise("small");
    {this}::objects().values_list(size).distinct().all(db)
}}

pub fn tenth(db: &Db) -> Result<u64> {{
    let newer = {this}::objects().filter({this}::parent_id.eq(outer({parent}::id)) & {this}::count_0.gt(5));
    {parent}::objects().filter(exists(&newer)).count(db)
}}
"#
    )
}
