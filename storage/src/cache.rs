//! What is said to the processor's cache.

/// Asks for the cache line in which a value begins, and does not wait for it: whoever reads it later finds it on its
/// way or there. On a processor for which we know no such instruction nothing is asked.
#[inline(always)]
pub(crate) fn ask_for<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    safe_arch::prefetch_t0(value);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
