//! People who know each other, and accounts with transfers between them.

use super::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Person {
    pub id: Auto<i64>,
    #[field(max_length = 50)]
    pub name: String,
    pub friends: ManyToMany<Person>,
    #[field(symmetrical = false)]
    pub follows: ManyToMany<Person>,
    #[related(Person::follows)]
    pub followers: Related<Person>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", constraints = Account::constraints)]
pub struct Account {
    pub id: Auto<i64>,
    #[field(max_length = 50, unique)]
    pub owner: String,
    #[field(default = 0)]
    pub balance: i32,
    #[related(Transfer::from_account)]
    pub outgoing_transfers: Related<Transfer>,
    #[related(Transfer::to_account)]
    pub incoming_transfers: Related<Transfer>,
}

impl Account {
    fn constraints() -> Vec<Constraint<Account>> {
        vec![check(Account::balance.gte(0)).name("balance_not_negative")]
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub struct Transfer {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub from_account: ForeignKey<Account>,
    #[field(on_delete = Cascade)]
    pub to_account: ForeignKey<Account>,
    pub amount: i32,
}
