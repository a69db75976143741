//! How a column holds its texts.

/// Texts, one a row.
///
/// What lies in a leaf is borrowed. What is computed lies end to end in one heap, so that a column of a thousand
/// texts is two allocations and not a thousand. A column that begins borrowed and meets a computed text is copied
/// to a heap once.
#[derive(Clone, Debug)]
pub struct Texts<'v>(Form<'v>);

/// What room is made for per text, in bytes: names and titles.
const USUAL_BYTES: usize = 24;

#[derive(Clone, Debug)]
enum Form<'v> {
    Borrowed(Vec<&'v str>),
    Heap { heap: String, ends: Vec<usize> },
}

impl<'v> Texts<'v> {
    /// No texts yet.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Texts(Form::Borrowed(Vec::with_capacity(rows)))
    }

    /// No texts yet, all of which will be computed.
    pub(crate) fn computed(rows: usize) -> Self {
        Texts(Form::Heap { heap: String::with_capacity(rows * USUAL_BYTES), ends: Vec::with_capacity(rows) })
    }

    /// Makes room for more texts.
    pub(super) fn reserve(&mut self, rows: usize) {
        match &mut self.0 {
            Form::Borrowed(texts) => texts.reserve(rows),
            Form::Heap { ends, .. } => ends.reserve(rows),
        }
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Borrowed(texts) => texts.len(),
            Form::Heap { ends, .. } => ends.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row; empty beyond the last.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> &str {
        match &self.0 {
            Form::Borrowed(texts) => texts.get(row).copied().unwrap_or_default(),
            Form::Heap { heap, ends } => {
                let start =
                    row.checked_sub(1).map_or(0, |before| ends.get(before).copied().unwrap_or_default());
                ends.get(row).and_then(|end| heap.get(start..*end)).unwrap_or_default()
            }
        }
    }

    /// The text of a row, if it outlives this column.
    #[must_use]
    #[inline]
    pub fn borrowed(&self, row: usize) -> Option<&'v str> {
        match &self.0 {
            Form::Borrowed(texts) => texts.get(row).copied(),
            Form::Heap { .. } => None,
        }
    }

    /// Adds a text without copying it, as long as no text was copied.
    #[inline]
    pub fn push_borrowed(&mut self, text: &'v str) {
        match &mut self.0 {
            Form::Borrowed(texts) => texts.push(text),
            Form::Heap { .. } => self.push_with(|heap| heap.push_str(text)),
        }
    }

    /// Adds these rows of other texts; a row beyond the last is empty.
    pub(super) fn append(&mut self, source: &Self, rows: impl Iterator<Item = usize>) {
        match (&mut self.0, &source.0) {
            (Form::Borrowed(texts), Form::Borrowed(source)) => {
                texts.extend(rows.map(|row| source.get(row).copied().unwrap_or_default()));
            }
            (Form::Heap { .. }, _) | (_, Form::Heap { .. }) => {
                rows.for_each(|row| self.push(source.get(row)));
            }
        }
    }

    /// Adds a copy of a text.
    pub fn push(&mut self, text: &str) {
        if text.is_empty() {
            self.push_borrowed("");
        } else {
            self.push_with(|heap| heap.push_str(text));
        }
    }

    /// Adds what `write` appends to the heap it is given.
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        if let Form::Borrowed(texts) = &self.0 {
            let mut ends = Vec::with_capacity(texts.capacity());
            let mut heap = String::new();
            for text in texts {
                heap.push_str(text);
                ends.push(heap.len());
            }
            self.0 = Form::Heap { heap, ends };
        }
        if let Form::Heap { heap, ends } = &mut self.0 {
            write(heap);
            ends.push(heap.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_the_same_borrowed_or_copied() {
        let mut texts = Texts::with_capacity(2);
        texts.push_borrowed("été");
        texts.push("");
        assert_eq!(texts.borrowed(0), Some("été"));
        texts.push("Straße");
        texts.push_borrowed("x");
        assert_eq!(texts.borrowed(0), None);
        assert_eq!(
            (0..texts.len()).map(|row| texts.get(row)).collect::<Vec<_>>(),
            ["été", "", "Straße", "x"]
        );
        assert_eq!(texts.get(4), "");
    }
}
