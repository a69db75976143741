//! Views and triggers.

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::TableId;
use serde::{Deserialize, Serialize};

use super::mirrored;
use crate::catalog::{TriggerDefinition, ViewDefinition};
use crate::sql::Dialect;

mirrored!(DialectRecord of Dialect: PostgreSql, Sqlite);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ViewRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    columns: Vec<String>,
    #[serde(borrow)]
    sql: Cow<'a, str>,
    dialect: DialectRecord,
}

impl<'a> ViewRecord<'a> {
    pub(super) fn of(view: &'a Arc<ViewDefinition>) -> ViewRecord<'a> {
        ViewRecord {
            name: Cow::Borrowed(&view.name),
            columns: view.columns.clone(),
            sql: Cow::Borrowed(&view.sql),
            dialect: view.dialect.into(),
        }
    }

    pub(super) fn into_view(self) -> Arc<ViewDefinition> {
        Arc::new(ViewDefinition {
            name: self.name.into_owned(),
            columns: self.columns,
            sql: self.sql.into_owned(),
            dialect: self.dialect.into(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TriggerRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    table: u32,
    #[serde(borrow)]
    sql: Cow<'a, str>,
}

impl<'a> TriggerRecord<'a> {
    pub(super) fn of(trigger: &'a Arc<TriggerDefinition>) -> TriggerRecord<'a> {
        TriggerRecord {
            name: Cow::Borrowed(&trigger.name),
            table: trigger.table.get(),
            sql: Cow::Borrowed(&trigger.sql),
        }
    }

    pub(super) fn into_trigger(self) -> Arc<TriggerDefinition> {
        Arc::new(TriggerDefinition {
            name: self.name.into_owned(),
            table: TableId::new(self.table),
            sql: self.sql.into_owned(),
        })
    }
}
