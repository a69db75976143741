//! SeaORM on SQLite, each verb driven to its end on a runtime of one thread.

use sea_orm::{
    ActiveValue::Set, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait,
    LoaderTrait, QueryFilter, QueryOrder, TransactionTrait, entity::prelude::*,
};
use tokio::runtime::{Builder, Runtime};

use crate::{
    contestant::{Contestant, Input, NewUser, Result, weigh},
    diesel_orm::{SCHEMA, forget},
};

mod user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
    #[sea_orm(table_name = "users")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i64,
        pub(crate) name: String,
        pub(crate) hair_color: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {
        #[sea_orm(has_many = "super::post::Entity")]
        Post,
    }

    impl Related<super::post::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Post.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod post {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
    #[sea_orm(table_name = "posts")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i64,
        pub(crate) user_id: i64,
        pub(crate) title: String,
        pub(crate) body: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {
        #[sea_orm(
            belongs_to = "super::user::Entity",
            from = "Column::UserId",
            to = "super::user::Column::Id"
        )]
        User,
        #[sea_orm(has_many = "super::comment::Entity")]
        Comment,
    }

    impl Related<super::user::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl Related<super::comment::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Comment.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod comment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
    #[sea_orm(table_name = "comments")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i64,
        pub(crate) post_id: i64,
        pub(crate) text: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {
        #[sea_orm(
            belongs_to = "super::post::Entity",
            from = "Column::PostId",
            to = "super::post::Column::Id"
        )]
        Post,
    }

    impl Related<super::post::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Post.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) struct SeaOrm {
    runtime: Runtime,
    connection: DatabaseConnection,
    users: usize,
}

impl SeaOrm {
    pub(crate) fn new() -> Result<SeaOrm> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(async {
            let mut options = ConnectOptions::new("sqlite::memory:");
            options.max_connections(1).sqlx_logging(false);
            let connection = Database::connect(options).await?;
            connection.execute_unprepared(SCHEMA).await?;
            Ok::<_, DbErr>(connection)
        })?;
        Ok(SeaOrm { runtime, connection, users: 0 })
    }
}

fn active(user: &NewUser) -> user::ActiveModel {
    user::ActiveModel {
        name: Set(user.name.clone()),
        hair_color: Set(user.hair_color.clone()),
        ..Default::default()
    }
}

impl Contestant for SeaOrm {
    fn name(&self) -> &'static str {
        "SeaORM"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        self.users = input.users.len();
        self.insert(&input.users)?;
        self.runtime.block_on(async {
            let transaction = self.connection.begin().await?;
            for posts in input.posts.chunks(1_000) {
                let posts = posts.iter().map(|(user, title, body)| post::ActiveModel {
                    user_id: Set(*user),
                    title: Set(title.clone()),
                    body: Set(body.clone()),
                    ..Default::default()
                });
                post::Entity::insert_many(posts).exec(&transaction).await?;
            }
            for comments in input.comments.chunks(1_000) {
                let comments = comments.iter().map(|(post, text)| comment::ActiveModel {
                    post_id: Set(*post),
                    text: Set(text.clone()),
                    ..Default::default()
                });
                comment::Entity::insert_many(comments).exec(&transaction).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn all_users(&mut self) -> Result<u64> {
        let users = self.runtime.block_on(user::Entity::find().all(&self.connection))?;
        Ok(users.iter().map(|user| user.name.len() as u64).sum())
    }

    fn black_haired(&mut self) -> Result<u64> {
        let query = user::Entity::find()
            .find_also_related(post::Entity)
            .filter(user::Column::HairColor.eq("black"))
            .order_by_desc(user::Column::Name)
            .order_by_asc(post::Column::Id);
        let pairs = self.runtime.block_on(query.all(&self.connection))?;
        let pairs = pairs.iter().enumerate();
        Ok(pairs
            .map(|(i, (user, post))| weigh(i, &user.name, post.as_ref().map(|post| post.title.as_str())))
            .sum())
    }

    fn insert(&mut self, users: &[NewUser]) -> Result<u64> {
        self.runtime.block_on(async {
            let transaction = self.connection.begin().await?;
            // SQLite takes 32,766 parameters a statement.
            for users in users.chunks(10_000) {
                user::Entity::insert_many(users.iter().map(active)).exec(&transaction).await?;
            }
            transaction.commit().await?;
            Ok(users.len() as u64)
        })
    }

    fn uninsert(&mut self) -> Result<()> {
        self.runtime.block_on(self.connection.execute_unprepared(&forget(self.users)))?;
        Ok(())
    }

    fn associations(&mut self) -> Result<u64> {
        self.runtime.block_on(async {
            let users = user::Entity::find().all(&self.connection).await?;
            let posts = users.load_many(post::Entity, &self.connection).await?;
            let flat: Vec<post::Model> = posts.iter().flatten().cloned().collect();
            let mut comments = flat.load_many(comment::Entity, &self.connection).await?.into_iter();
            let mut sum = 0;
            for (user, posts) in users.iter().zip(&posts) {
                let texts = comments.by_ref().take(posts.len()).flatten();
                sum += texts.map(|comment| comment.text.len() as u64 * user.id as u64).sum::<u64>();
            }
            Ok(sum)
        })
    }
}
