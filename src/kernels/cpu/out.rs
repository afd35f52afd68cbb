//! Results that threads write together.

/// Where a result starts; tasks write different parts of it.
#[derive(Clone, Copy)]
pub struct Out(*mut f32);

// SAFETY: whoever shares one writes elements that nobody else writes.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

impl Out {
    /// The result that starts at `pointer`.
    pub fn new(pointer: *mut f32) -> Self {
        Self(pointer)
    }

    /// Its first element.
    pub fn pointer(self) -> *mut f32 {
        self.0
    }
}
