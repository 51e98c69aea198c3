//! Argon2id (RFC 9106) with a secret: what is stored is worth nothing without the key file of the home.

use std::fmt;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::Digits;
use crate::limits;

/// Memory in KiB, passes, lanes.
pub(super) type Costs = (u32, u32, u32);

/// Hashes PINs.
#[derive(Clone)]
pub struct Hasher {
    pepper: Arc<Zeroizing<Vec<u8>>>,
    costs: Costs,
    /// Whether a hash takes long enough to need a thread of its own.
    slow: bool,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("costs", &self.costs).finish_non_exhaustive()
    }
}

impl Hasher {
    /// Hashes as slowly as a caller may wait for, with the pepper of a home.
    #[must_use]
    pub fn new(pepper: Zeroizing<Vec<u8>>) -> Self {
        Self { pepper: Arc::new(pepper), costs: limits::PIN_COSTS, slow: true }
    }

    /// Hashes in microseconds, without waiting: for virtual time, where nothing is kept.
    #[must_use]
    pub fn quick() -> Self {
        Self { pepper: Arc::new(Zeroizing::new(b"no secret".to_vec())), costs: (8, 1, 1), slow: false }
    }

    /// What new hashes cost.
    pub(super) fn costs(&self) -> Costs {
        self.costs
    }

    /// One hash. On a thread for slow work, for it takes as long as hundreds of calls' steps.
    pub(super) async fn hash(&self, digits: Digits, salt: [u8; 16], costs: Costs) -> Result<[u8; 32], String> {
        if !self.slow {
            return hash(&self.pepper, &digits, salt, costs);
        }
        let pepper = Arc::clone(&self.pepper);
        let work = tokio::task::spawn_blocking(move || hash(&pepper, &digits, salt, costs));
        work.await.map_err(|error| error.to_string())?
    }
}

fn hash(pepper: &[u8], digits: &Digits, salt: [u8; 16], costs: Costs) -> Result<[u8; 32], String> {
    let (memory, passes, lanes) = costs;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let argon = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
        .map_err(|error| error.to_string())?;
    let mut out = [0; 32];
    argon.hash_password_into(digits.reveal().as_bytes(), &salt, &mut out).map_err(|error| error.to_string())?;
    Ok(out)
}
