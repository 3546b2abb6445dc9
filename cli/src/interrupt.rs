//! Ctrl-C: the first one stops what is under way, another one leaves.

use std::sync::Arc;

use chaku::Request;
use parking_lot::Mutex;

use crate::failure::exit;

/// What is under way, and whether it was asked to stop.
static UNDER_WAY: Mutex<Option<UnderWay>> = Mutex::new(None);

struct UnderWay {
    request: Arc<Request>,
    stopped: bool,
}

/// Answers Ctrl-C from now on, and what asks a program to end.
pub(crate) fn install() {
    // It can fail only if there is a handler already, and there is none.
    let _ = ctrlc::set_handler(|| {
        let mut under_way = UNDER_WAY.lock();
        match under_way.as_mut() {
            Some(under_way) if !under_way.stopped => {
                under_way.stopped = true;
                under_way.request.cancel();
            }
            _ => std::process::exit(i32::from(exit::INTERRUPTED)),
        }
    });
}

/// While it lives, Ctrl-C cancels the request.
pub(crate) struct Watch(());

impl Watch {
    pub(crate) fn new(request: Arc<Request>) -> Self {
        *UNDER_WAY.lock() = Some(UnderWay { request, stopped: false });
        Watch(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *UNDER_WAY.lock() = None;
    }
}
