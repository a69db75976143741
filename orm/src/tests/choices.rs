use nuages_storage::Value;

use crate::field::{Choices as _, Field as _};
use crate::meta::{ChoiceValue, FieldKind};
use crate::node::Node;
use crate::prelude::*;

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
enum Priority {
    Low = 1,
    #[choices(label = "As soon as you can")]
    High = 10,
}

#[derive(Choices, Clone, Debug, PartialEq)]
enum Status {
    InTransit,
    #[choices(value = "P")]
    Paid,
    #[choices(unknown)]
    Other(String),
}

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct OrderId(i64);

#[derive(Model, Clone, Debug)]
struct Order {
    id: Auto<OrderId>,
    #[field(choices, default = Status::InTransit)]
    status: Status,
    #[field(choices)]
    priority: Option<Priority>,
}

#[derive(Model, Clone, Debug)]
struct Item {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    order: ForeignKey<Order>,
}

#[test]
fn values_and_labels_are_those_of_the_variants() {
    assert_eq!((Status::InTransit.value(), &*Status::InTransit.label()), ("in_transit", "In Transit"));
    assert_eq!((Status::Paid.value(), Status::Other("x".into()).value()), ("P", "x"));
    assert_eq!((Priority::High.value(), &*Priority::High.label()), (10, "As soon as you can"));
    let choices = Order::meta().fields[2].choices.unwrap();
    assert_eq!(
        choices.iter().map(|choice| choice.value).collect::<Vec<_>>(),
        [ChoiceValue::Int(1), ChoiceValue::Int(10)]
    );
}

#[test]
fn a_stranger_is_kept_or_refused() {
    assert_eq!(Status::from_value(&Value::Text("P".into())), Ok(Status::Paid));
    assert_eq!(Status::from_value(&Value::Text("lost".into())), Ok(Status::Other("lost".into())));
    assert_eq!(Priority::from_value(&Value::Int(2)).map_err(|error| error.found), Err(Value::Int(2)));
}

#[test]
fn a_field_shows_its_label() {
    let order = new!(Order { priority: Priority::Low });
    assert_eq!(order.get_status_display(), "In Transit");
    assert_eq!(order.get_priority_display().as_deref(), Some("Low"));
    assert_eq!(new!(Order {}).get_priority_display(), None);
}

#[test]
fn choices_are_compared_with_what_is_stored() {
    assert_eq!(Order::status.eq(Status::Paid).node(), Order::status.eq("P").node());
    assert_eq!(Order::priority.eq(Priority::High).node(), Order::priority.eq(10).node());
    let _: QuerySet<Order, (Status, Option<Priority>)> =
        Order::objects().values_list((Order::status, Order::priority));
}

#[test]
fn newtypes_are_keys() {
    assert!(matches!(Order::meta().fields[0].kind, FieldKind::Column(nuages_storage::DataType::BigInt)));
    let item = new!(Item { order: OrderId(7) });
    assert_eq!(item.order.key(), Some(&OrderId(7)));
    let Node::Call(_, operands) = Item::order.eq(OrderId(7)).into_node() else { panic!("not a lookup") };
    assert_eq!(operands[1], Node::Value(Value::Int(7)));
}
