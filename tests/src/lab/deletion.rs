//! Every rule of deletion.

use super::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Region {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[related(Depot::region)]
    pub depots: Related<Depot>,
    #[related(Lease::region)]
    pub leases: Related<Lease>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Depot {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(on_delete = Cascade)]
    pub region: ForeignKey<Region>,
    #[related(Bin::depot)]
    pub bins: Related<Bin>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Bin {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub label: String,
    #[field(on_delete = Cascade)]
    pub depot: ForeignKey<Depot>,
    #[related(Part::bin)]
    pub parts: Related<Part>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Part {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(on_delete = SetNull)]
    pub bin: Option<ForeignKey<Bin>>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Audit {
    pub id: Auto<i64>,
    #[field(on_delete = Protect)]
    pub depot: ForeignKey<Depot>,
}

/// Deletable with its region, not with its depot.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Lease {
    pub id: Auto<i64>,
    #[field(on_delete = Restrict)]
    pub depot: ForeignKey<Depot>,
    #[field(on_delete = Cascade)]
    pub region: ForeignKey<Region>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Scan {
    pub id: Auto<i64>,
    #[field(on_delete = DoNothing)]
    pub bin: ForeignKey<Bin>,
}

/// A ticket goes back to the first user, and to the one who stands for all that are gone.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Ticket {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub title: String,
    #[field(on_delete = SetDefault, default = 1)]
    pub editor: ForeignKey<User>,
    #[field(on_delete = Set(sentinel_user))]
    pub reviewer: Option<ForeignKey<User>>,
}

/// Who stands for deleted users.
fn sentinel_user(ex: &dyn Executor) -> Result<User> {
    let deleted = || new!(User { username: "deleted" });
    Ok(User::objects().get_or_create(User::username.eq("deleted"), deleted, ex)?.0)
}

/// Rows that are hidden before they are deleted.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", objects = Self::live)]
pub struct Soft {
    pub id: Auto<i64>,
    #[field(max_length = 20)]
    pub name: String,
    #[field(default = false)]
    pub deleted: bool,
    #[field(on_delete = Cascade)]
    pub parent: Option<ForeignKey<Soft>>,
    #[related(Soft::parent)]
    pub children: Related<Soft>,
}

impl Soft {
    fn live() -> QuerySet<Soft> {
        Soft::all_objects().filter(Soft::deleted.eq(false))
    }
}
