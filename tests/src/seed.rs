//! Chance that can be repeated.

/// A random number generator that says, when its test fails, how to get the same numbers again.
pub struct Seed {
    number: u64,
    generator: fastrand::Rng,
}

impl Seed {
    /// A new seed, or the one in `DRIFTLESS_SEED`.
    ///
    /// # Panics
    /// `DRIFTLESS_SEED` is not a number.
    pub fn new() -> Self {
        let number = match std::env::var("DRIFTLESS_SEED") {
            Ok(given) => given.parse().expect("DRIFTLESS_SEED is a number"),
            Err(_) => fastrand::u64(..1_000_000_000),
        };
        Seed {
            number,
            generator: fastrand::Rng::with_seed(number),
        }
    }

    /// Another generator with the same seed, moved by `by`: for a loop over many small worlds.
    pub fn world(&self, by: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.number.wrapping_add(by))
    }
}

impl Default for Seed {
    fn default() -> Self {
        Seed::new()
    }
}

impl std::ops::Deref for Seed {
    type Target = fastrand::Rng;

    fn deref(&self) -> &fastrand::Rng {
        &self.generator
    }
}

impl std::ops::DerefMut for Seed {
    fn deref_mut(&mut self) -> &mut fastrand::Rng {
        &mut self.generator
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "to repeat: DRIFTLESS_SEED={} cargo test -p driftless-tests -- {}",
                self.number,
                std::thread::current().name().unwrap_or_default()
            );
        }
    }
}
