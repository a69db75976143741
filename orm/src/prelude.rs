//! What a program that has models imports: `use nuages::prelude::*`.

pub use rust_decimal::Decimal;
pub use uuid::Uuid;

pub use crate::app::{App, InApp};
pub use crate::asynchronous::{AsyncFollow, AsyncPersist, Awaited};
pub use crate::atomic::{Atomic, Retry, Tx};
pub use crate::error::{Error, Result};
pub use crate::executor::{Db, Executor};
pub use crate::expression::aggregate::count;
pub use crate::expression::case::when;
pub use crate::expression::function::{DatePart, DateUnit, coalesce, concat, greatest, least, now, value};
pub use crate::expression::subquery::{exists, outer, subquery};
pub use crate::expression::tuple::{TupleLookups, tuple};
pub use crate::expression::{Aggregate, Expr, Param, Q};
pub use crate::field::{
    Auto, Choices, ContentType, Date, DateTime, Duration, Email, Json, Slug, StoredFile, StoredImage, Time,
    Url,
};
pub use crate::model::{Describe, Model, Proxy};
pub use crate::new;
pub use crate::order::InOrder;
pub use crate::partial::Partial;
pub use crate::queryset::lock::{Lock, LockStrength};
pub use crate::queryset::{BoundQuerySet, Dynamic, QuerySet, Queryset, Record, Words, prepare};
pub use crate::raw::{Cursors, RawQuerySet};
pub use crate::relation::{
    Follow, ForeignKey, GenericForeignKey, ManyToMany, OneToOne, Parent, Related, RelatedOne,
};
pub use crate::row::{Annotated, Fields};
pub use crate::save::Persist;
pub use crate::validate::Validate;
pub use nuages_engine::{Cancel, Isolation, Limits};
pub use nuages_macros::{Choices, Field, Model, Projection, q};
