//! The ways to do a job.

use crate::arena::{connect, run};
use driftless::{Migrator, Run};
use driftless_benches::{BATCH, Job, Outcome};
use sqlx::Connection as _;
use tokio_postgres::{Client, Row, Statement};

/// One way to do a job.
pub struct Contender {
    pub name: &'static str,
    pub run: fn(&str, Job) -> Outcome<()>,
}

/// The contender that the others are compared with.
pub const HAND_WRITTEN: usize = 1;

pub const CONTENDERS: [Contender; 8] = [
    Contender {
        name: "one UPDATE",
        run: one_update,
    },
    Contender {
        name: "hand-written loop, prefetching",
        run: |url, job| by_hand(url, job, Reading::Ahead, None),
    },
    Contender {
        name: "hand-written loop, one page after the other",
        run: |url, job| by_hand(url, job, Reading::InTurn, None),
    },
    Contender {
        name: "prefetching, synchronous_commit = off",
        run: |url, job| {
            let setting = "SET synchronous_commit = off";
            by_hand(url, job, Reading::Ahead, Some(setting))
        },
    },
    Contender {
        name: "usual sqlx loop, an UPDATE per row",
        run: usual_loop,
    },
    Contender {
        name: "ours, one worker, --full-speed",
        run: |url, job| migrate(url, job, full_speed()),
    },
    Contender {
        name: "ours, two workers, --full-speed",
        run: |url, job| migrate(url, job, full_speed().workers(2)),
    },
    Contender {
        name: "ours as it comes",
        run: |url, job| migrate(url, job, Run::up()),
    },
];

/// The whole job at once; everybody waits.
pub fn one_update(url: &str, job: Job) -> Outcome<()> {
    run(async {
        let client = connect(url).await?;
        client.execute(job.one_statement(), &[]).await?;
        Ok(())
    })
}

pub fn full_speed() -> Run {
    Run::up().batch_size(BATCH).full_speed()
}

pub fn migrate(url: &str, job: Job, up: Run) -> Outcome<()> {
    run(async {
        let migrator = Migrator::connect(url, job.manifest()).await?;
        Ok(migrator.run(up).await?.into_result()?)
    })
}

/// When the hand-written loop reads a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// In the transaction that writes it.
    InTurn,
    /// On a second connection, while the one before is written: the server reads on one core and writes on another.
    Ahead,
}

/// The best there is by hand: prepared statements, keyset pages, one `UPDATE` per batch from arrays, bounded by the page's
/// keys, the cursor in the same transaction; `BEGIN`, the writes and `COMMIT` sent together. What the app writes between
/// the read and the write is lost: that promise it does not make.
fn by_hand(url: &str, job: Job, reading: Reading, setting: Option<&str>) -> Outcome<()> {
    run(async {
        let client = connect(url).await?;
        client
            .batch_execute(
                "CREATE TABLE progress (cursor bigint NOT NULL); INSERT INTO progress VALUES (0)",
            )
            .await?;
        if let Some(setting) = setting {
            client.batch_execute(setting).await?;
        }
        let pages = Pages::prepare(&client, job).await?;
        match reading {
            Reading::InTurn => pages.in_turn().await,
            Reading::Ahead => {
                let reader = connect(url).await?;
                pages.ahead(&Pages::prepare(&reader, job).await?).await
            }
        }
    })
}

struct Pages<'c> {
    client: &'c Client,
    job: Job,
    select: Statement,
    update: Statement,
    save: Statement,
}

/// What a page comes to: `UPDATE`'s arrays, and its last key.
struct Changes {
    ids: Vec<i64>,
    values: Vec<String>,
    last: i64,
}

impl<'c> Pages<'c> {
    async fn prepare(client: &'c Client, job: Job) -> Outcome<Pages<'c>> {
        let select = format!(
            "SELECT id, {} FROM todos WHERE id > $1 ORDER BY id LIMIT {BATCH}",
            job.reads()
        );
        let update = format!(
            "UPDATE todos AS t SET {} = v.value FROM unnest($1::bigint[], $2::text[]) AS v (id, value) \
             WHERE t.id = v.id AND t.id BETWEEN $3 AND $4",
            job.column()
        );
        Ok(Pages {
            client,
            job,
            select: client.prepare(&select).await?,
            update: client.prepare(&update).await?,
            save: client.prepare("UPDATE progress SET cursor = $1").await?,
        })
    }

    async fn read(&self, after: i64) -> Outcome<Vec<Row>> {
        Ok(self.client.query(&self.select, &[&after]).await?)
    }

    fn change(&self, page: &[Row]) -> Changes {
        let mut changes = Changes {
            ids: Vec::with_capacity(page.len()),
            values: Vec::with_capacity(page.len()),
            last: page.last().map_or(0, |row| row.get(0)),
        };
        for row in page {
            if let Some(value) = self.job.value(row.get(1)) {
                changes.ids.push(row.get(0));
                changes.values.push(value.into_owned());
            }
        }
        changes
    }

    async fn write(&self, changes: &Changes) -> Outcome<()> {
        let Changes { ids, values, last } = changes;
        let first = ids.first().unwrap_or(last);
        self.client
            .execute(&self.update, &[ids, values, first, last])
            .await?;
        Ok(())
    }

    async fn save(&self, cursor: i64) -> Outcome<()> {
        self.client.execute(&self.save, &[&cursor]).await?;
        Ok(())
    }

    async fn send(&self, statement: &str) -> Outcome<()> {
        Ok(self.client.batch_execute(statement).await?)
    }

    async fn in_turn(&self) -> Outcome<()> {
        let mut cursor = 0;
        loop {
            let (_, page) = tokio::try_join!(self.send("BEGIN"), self.read(cursor))?;
            let changes = self.change(&page);
            cursor = changes.last.max(cursor);
            tokio::try_join!(self.write(&changes), self.save(cursor), self.send("COMMIT"))?;
            if page.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn ahead(&self, reader: &Pages<'_>) -> Outcome<()> {
        let mut page = self.read(0).await?;
        while let Some(last) = page.last() {
            let last = last.get(0);
            let write = async {
                let changes = self.change(&page);
                tokio::try_join!(
                    self.send("BEGIN"),
                    self.write(&changes),
                    self.save(last),
                    self.send("COMMIT")
                )
            };
            let (next, _) = tokio::try_join!(reader.read(last), write)?;
            page = next;
        }
        Ok(())
    }
}

/// What most people write with sqlx: pages by key, a transaction per page, and an `UPDATE` for every row of it.
fn usual_loop(url: &str, job: Job) -> Outcome<()> {
    run(async {
        let select = format!(
            "SELECT id, {} FROM todos WHERE id > $1 ORDER BY id LIMIT $2",
            job.reads()
        );
        let update = format!("UPDATE todos SET {} = $1 WHERE id = $2", job.column());
        let mut connection = sqlx::PgConnection::connect(url).await?;
        let mut cursor = 0_i64;
        loop {
            let mut transaction = connection.begin().await?;
            let page: Vec<(i64, Option<String>)> =
                sqlx::query_as(sqlx::AssertSqlSafe(select.as_str()))
                    .bind(cursor)
                    .bind(i64::from(BATCH))
                    .fetch_all(&mut *transaction)
                    .await?;
            for (id, read) in &page {
                if let Some(value) = job.value(read.as_deref()) {
                    sqlx::query(sqlx::AssertSqlSafe(update.as_str()))
                        .bind(value.as_ref())
                        .bind(id)
                        .execute(&mut *transaction)
                        .await?;
                }
                cursor = *id;
            }
            transaction.commit().await?;
            if page.len() < BATCH as usize {
                return Ok(());
            }
        }
    })
}
