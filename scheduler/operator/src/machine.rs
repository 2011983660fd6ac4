//! The machine below a process, as far as it is not asked over the network: its clock, its
//! randomness, its disk. The one place where these are real; the simulated cluster puts
//! others in their place and nothing else.

use std::{
    fmt, io,
    time::{SystemTime, UNIX_EPOCH},
};

use edugrid_ledger::{HistoryView, SledView};
use edugrid_units::Stamp;
use tokio::runtime::Handle;

use crate::shadow::Beside;

/// What a process takes from its machine. Plain functions: whoever replaces them keeps its
/// state elsewhere.
#[derive(Clone, Copy)]
pub struct Machine {
    /// The wall clock; it may jump (N2).
    pub now: fn() -> Stamp,
    /// Fills the slice with what nobody can guess.
    pub random: fn(&mut [u8]) -> Result<(), getrandom::Error>,
    /// The view as the disk lets it be used: as it is, or failing as disks do.
    pub disk: fn(SledView) -> Box<dyn HistoryView + Send>,
    /// Carries out what may take long, beside everything else.
    pub beside: fn(Beside) -> io::Result<()>,
}

impl Machine {
    /// The machine that the process runs on.
    pub const REAL: Self = Self {
        now: system_time,
        random: getrandom::fill,
        disk: |view| Box::new(view),
        beside: thread,
    };
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine")
    }
}

/// On a thread of its own, which it may block. Connections that its requests open belong to the
/// process' runtime all the same: others use them too, and they may not stand still with it.
fn thread(work: Beside) -> io::Result<()> {
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("shadow".into());
    thread.spawn(move || runtime.block_on(work)).map(drop)
}

/// Not earlier than 1970.
fn system_time() -> Stamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Stamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
