//! What the compiler says of mistakes is part of the product.
//!
//! Each file in `ui/` is a program with one mistake. Its first lines (`//!`) are phrases that must stand in what the
//! compiler says; the rest is compared by trybuild. The phrases are what blessing new output cannot hide.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of an error, for each phrase that is expected.
const LINES_MAX: usize = 20;

/// Names that only the derive knows, or that say nothing to a user.
const GENERATED: [&str; 7] = ["Cols<", "Draft", "hop::", "Via<", "__fill", "FieldPath", "::__"];

#[test]
fn mistakes_are_told_in_the_users_words() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/ui/*.rs");
}

#[test]
fn every_message_is_short_and_names_nothing_generated() {
    let programs = programs();
    assert!(programs.len() >= 40, "the programs are in tests/ui");
    for program in programs {
        let source = fs::read_to_string(&program).unwrap();
        let output = fs::read_to_string(program.with_extension("stderr")).unwrap();
        let phrases: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//! ")).collect();
        let name = program.display();
        assert!(!phrases.is_empty(), "{name} says no phrase");
        for phrase in &phrases {
            assert!(output.contains(phrase), "{name}: no `{phrase}` in\n{output}");
        }
        let lines = output.lines().count();
        assert!(lines < LINES_MAX * phrases.len(), "{name}: {lines} lines\n{output}");
        for generated in GENERATED {
            assert!(!output.contains(generated), "{name}: `{generated}` in\n{output}");
        }
        let (file, line) = first_place(&output).expect("an error has a place");
        assert!(
            file.ends_with(program.file_name().unwrap()),
            "{name}: the error is placed in {}",
            file.display()
        );
        assert!(
            !source.lines().nth(line - 1).unwrap().contains("derive("),
            "{name}: placed at the derive\n{output}"
        );
    }
}

/// The programs of `tests/ui`.
fn programs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|entry| entry.expect("an entry can be read").path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The file and line of the first error: ` --> tests/ui/misspelt_field.rs:19:19`.
fn first_place(output: &str) -> Option<(PathBuf, usize)> {
    let place = output.lines().find_map(|line| line.trim_start().strip_prefix("--> "))?;
    let mut parts = place.split(':');
    Some((parts.next()?.into(), parts.next()?.parse().ok()?))
}
