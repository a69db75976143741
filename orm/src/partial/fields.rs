//! `only` and `defer`: which fields of a row are read.

use super::Partial;
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::node::{FieldPath, Step};
use crate::path::{Col, Hop, Path, Rel, ToOne, field_path};
use crate::queryset::QuerySet;
use crate::queryset::loading::Loading;
use crate::row::{Annotated, Push, for_tuples};

/// Fields of `M`, or of rows that `select_related` joins to it: what `only` and `defer` take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name fields of `{M}`",
    label = "not a field of `{M}` or of a row that is joined to it, nor a tuple of them"
)]
pub trait Fields<M> {
    /// Adds the paths to the fields.
    fn collect(self, fields: &mut Vec<FieldPath>);
}

/// No field.
impl<M> Fields<M> for () {
    fn collect(self, _: &mut Vec<FieldPath>) {}
}

#[diagnostic::do_not_recommend]
impl<P: Path<Card: ToOne>, H: Hop, T, K> Fields<P::Root> for Col<P, H, T, K> {
    fn collect(self, fields: &mut Vec<FieldPath>) {
        fields.push(field_path::<P, H>());
    }
}

#[diagnostic::do_not_recommend]
impl<P: Path<Card: ToOne>, H: Hop<Card: ToOne>, R> Fields<P::Root> for Rel<P, H, R> {
    fn collect(self, fields: &mut Vec<FieldPath>) {
        fields.push(field_path::<P, H>());
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: Fields<M>),*> Fields<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, fields: &mut Vec<FieldPath>) {
                let ($($part,)*) = self;
                $($part.collect(fields);)*
            }
        }
    )*};
}
for_tuples!(tuples);

/// Rows of which fields can be left out: instances, those that have some left out already, and either with extras.
#[diagnostic::on_unimplemented(
    message = "rows of type `{Self}` have no fields to defer",
    label = "`only` and `defer` are for rows of a model, and cannot follow `values` or `values_list`"
)]
pub trait Defers<M> {
    /// The row with fields left out.
    type Out;
}

#[diagnostic::do_not_recommend]
impl<M: Model> Defers<M> for M {
    type Out = Partial<M>;
}

#[diagnostic::do_not_recommend]
impl<M: Model> Defers<M> for Partial<M> {
    type Out = Partial<M>;
}

#[diagnostic::do_not_recommend]
impl<M: Model, R: Defers<M>, A> Defers<M> for Annotated<R, A> {
    type Out = Annotated<R::Out, A>;
}

#[diagnostic::do_not_recommend]
impl<M: Model, T> Push<T> for Partial<M> {
    type Out = Annotated<Partial<M>, (T,)>;
}

impl<M: Model, R: Defers<M>> QuerySet<M, R> {
    /// Reads the primary key and these fields; the others when they are asked for. It takes the place of an earlier
    /// `only`; what was deferred by name before stays so. A path through a relation that is joined by `select_related`
    /// says what is read of the row there.
    pub fn only(self, fields: impl Fields<M>) -> QuerySet<M, R::Out> {
        self.loading("only", fields, Loading::only)
    }

    /// Reads all fields but these, which are read when they are asked for; those of an earlier `defer`, too.
    pub fn defer(self, fields: impl Fields<M>) -> QuerySet<M, R::Out> {
        self.loading("defer", fields, Loading::defer)
    }

    /// Reads all fields again: Django's `defer(None)`.
    pub fn defer_none(self) -> QuerySet<M, R::Out> {
        self.loading("defer", (), |loading, model, _| *loading = Loading::all(model))
    }

    fn loading(
        self,
        call: &'static str,
        fields: impl Fields<M>,
        change: impl FnOnce(&mut Loading, &'static ModelMeta, Vec<FieldPath>),
    ) -> QuerySet<M, R::Out> {
        let mut paths = Vec::new();
        fields.collect(&mut paths);
        let mut state = self.into_state();
        state.refuse_after_combination(call);
        let paths = paths.iter().map(|path| {
            let steps = path.steps().iter().copied();
            steps.filter(|step| *step != Step::Key).collect()
        });
        let loading = state.clauses_mut().loading.get_or_insert_with(|| Loading::all(M::meta()));
        change(loading, M::meta(), paths.collect());
        QuerySet::from_state(state)
    }
}
