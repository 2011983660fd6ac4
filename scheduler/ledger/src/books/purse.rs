//! The books as the engine's purse (A3).

use edugrid_units::{AttemptKey, HoldAsk, MicroYuan, Purse, Shortage, Stamp};

use super::{Books, held};
use crate::{
    command::{Admit, Command},
    hold::Hold,
};

impl Books {
    /// What a hold for `ask` would be now; nothing is held. For explanations.
    ///
    /// # Errors
    /// With the shortage if no price is known or the money does not reach.
    pub fn quote(&self, now: Stamp, ask: &HoldAsk<'_>) -> Result<Hold, Shortage> {
        self.state.quote(self.state.tick(now), ask)
    }
}

/// An admission that the books refuse for a reason that no money cures (it was decided
/// before, nobody leads, it is too large to write) is answered as a shortage of all the
/// money there is: the engine must not ask for such a thing, and nothing is held.
impl Purse for Books {
    fn try_hold(&mut self, now: Stamp, ask: &HoldAsk<'_>) -> Result<MicroYuan, Shortage> {
        if let Some(attempt) = self.state.open.get(&ask.admission.key)
            && attempt.admission == *ask.admission
        {
            return Ok(attempt.hold.total());
        }
        let admit = Admit {
            admission: ask.admission.clone(),
            hold: self.quote(now, ask)?,
            epoch: self.state.epoch,
        };
        self.stage(now, Command::Admit(Box::new(admit)))
            .map(|applied| held(&applied.answer))
            .map_err(|refused| Shortage::Refused(refused.to_string()))
    }

    fn undo(&mut self, key: &AttemptKey) -> bool {
        self.take_back(key)
    }
}
