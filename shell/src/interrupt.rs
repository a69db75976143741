//! Ctrl-C stops what runs, and not the shell of somebody who types. A script that is at nothing that could be stopped ends,
//! as any program does.

use std::sync::{Arc, Mutex, PoisonError};

use nuages_engine::Cancel;

/// The status of a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// What Ctrl-C is to stop.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    running: Arc<Mutex<Option<Cancel>>>,
    is_interactive: bool,
}

impl Interrupt {
    /// Takes Ctrl-C over for the process. Where that is not possible, Ctrl-C ends the shell as it ends any program.
    pub(crate) fn install(is_interactive: bool) -> Interrupt {
        let interrupt = Interrupt { is_interactive, ..Interrupt::default() };
        let handler = interrupt.clone();
        let _ = ctrlc::set_handler(move || handler.stop());
        interrupt
    }

    /// Runs something that Ctrl-C stops.
    pub(crate) fn during<T>(&self, cancel: Cancel, run: impl FnOnce() -> T) -> T {
        self.set(Some(cancel));
        let result = run();
        self.set(None);
        result
    }

    fn set(&self, running: Option<Cancel>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }

    fn stop(&self) {
        match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => running.cancel(),
            None if self.is_interactive => {}
            None => std::process::exit(INTERRUPTED),
        }
    }
}
