//! Ctrl-C: the first one stops what is under way, another one leaves.

use std::sync::Arc;

use chaku::Request;
use parking_lot::Mutex;

use crate::failure::exit;

/// What is under way, and whether it was asked to stop.
static UNDER_WAY: Mutex<Option<UnderWay>> = Mutex::new(None);

struct UnderWay {
    /// `None` = something that ends by itself, as a command does that got the same signal.
    request: Option<Arc<Request>>,
    stopped: bool,
}

/// Answers Ctrl-C from now on, and whoever asks the program to end.
pub(crate) fn install() {
    // It can fail only if there is a handler already, and there is none.
    let _ = ctrlc::set_handler(|| {
        let mut under_way = UNDER_WAY.lock();
        match under_way.as_mut() {
            Some(under_way) if !under_way.stopped => {
                under_way.stopped = true;
                if let Some(request) = &under_way.request {
                    request.cancel();
                }
            }
            _ => std::process::exit(i32::from(exit::INTERRUPTED)),
        }
    });
}

/// While it lives, the first Ctrl-C stops what it stands for.
pub(crate) struct Watch(());

impl Watch {
    /// For a request.
    pub(crate) fn new(request: Arc<Request>) -> Self {
        Self::over(Some(request))
    }

    /// For something that is no request.
    pub(crate) fn nothing() -> Self {
        Self::over(None)
    }

    fn over(request: Option<Arc<Request>>) -> Self {
        *UNDER_WAY.lock() = Some(UnderWay { request, stopped: false });
        Watch(())
    }

    pub(crate) fn was_stopped(&self) -> bool {
        UNDER_WAY.lock().as_ref().is_some_and(|under_way| under_way.stopped)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Not under the lock: the last handle of a request goes with it.
        let ended = UNDER_WAY.lock().take();
        drop(ended);
    }
}
