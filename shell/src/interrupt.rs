//! Ctrl-C stops the statement that runs, and not the shell.

use std::sync::{Arc, Mutex, PoisonError};

use nuages_engine::Cancel;

/// What Ctrl-C is to stop.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    running: Arc<Mutex<Option<Cancel>>>,
}

impl Interrupt {
    /// Takes Ctrl-C over for the process. Where that is not possible, Ctrl-C ends the shell as it ends any program.
    pub(crate) fn install() -> Interrupt {
        let interrupt = Interrupt::default();
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
        if let Some(running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            running.cancel();
        }
    }
}
