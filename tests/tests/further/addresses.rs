//! Addresses of the internet: what is one, and how it is written.

use nuages::{error::Error, prelude::*};
use nuages_tests::{data, lab::AllTypes, oracle};
use serde_json::{Value as Json, json};

oracle! { "validate", data::lab;
    addresses(db) {
        let said = |text: &str| match AllTypes::clean_from([("ip", text)], db) {
            Ok(row) => json!(row.ip.map(|address| address.to_string())),
            Err(Error::Validation(errors)) => errors.iter().map(|(field, messages)| {
                let messages = messages.iter().map(|message| json!([message.code, message.text]));
                (field.to_owned(), messages.collect::<Json>())
            }).collect(),
            Err(other) => json!(other.to_string()),
        };
        [
            "1.2.3.4", "2001:DB8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "::ffff:10.0.0.1", "::FFFF:0a00:0001", "1.2.3",
            "010.1.2.3", "1::2::3", "12345::", "0::0", " 1.2.3.4",
        ].map(said)
    }
    addresses_stored_and_found(db) {
        let stored = |text: &str| -> Result<AllTypes> {
            let ip: std::net::IpAddr = text.parse().expect("an address");
            AllTypes::objects().create(new!(AllTypes { ip }), db)
        };
        let (a, b) = (stored("2001:DB8::1")?, stored("::ffff:0a00:0001")?);
        let again = |row: &AllTypes| AllTypes::objects().get(AllTypes::pk.eq(row.pk().unwrap_or_default()), db).map(|row| row.ip);
        let count = |words: &str, value: &str| AllTypes::objects().filter(Q::parse(words, value)?).count(db);
        let either = Q::parse("ip", "2001:DB8::1")? | Q::parse("ip", "1.1.1.1")?;
        json!([
            again(&a)?, again(&b)?, count("ip", "2001:db8::1")?, count("ip", "2001:DB8:0::1")?,
            count("ip__startswith", "2001:db8")?,
            AllTypes::objects().filter(either).count(db)?,
            AllTypes::objects().exclude(Q::parse("ip", "2001:DB8::1")?).count(db)?,
        ])
    }
}
