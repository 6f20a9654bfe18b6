//! What `Migrator` offers for aggregates.

use super::definition::{Aggregate, AggregateDefinition};
use super::options::{AggregateReport, AggregateStatus, Backfill};
use super::read::AggregateReader;
use super::{build, status};
use crate::error::Result;
use crate::migrator::Migrator;

impl Migrator {
    /// Declares the aggregates that this program keeps: `.aggregates(&[&TODOS_BY_PROJECT])`.
    #[must_use]
    pub fn aggregates(mut self, aggregates: &[&'static AggregateDefinition]) -> Self {
        for aggregate in aggregates {
            if !self
                .aggregates
                .iter()
                .any(|known| known.name == aggregate.name)
            {
                self.aggregates.push(aggregate);
            }
        }
        self
    }

    /// Builds the declared aggregates that are not `READY`, or goes on with building them.
    ///
    /// A backfill that ends badly is `Ok` with a report that says so. When somebody else builds an aggregate this waits for
    /// it and goes on if its process is gone.
    ///
    /// # Errors
    /// A request that cannot be meant, a database that cannot be reached or read.
    pub async fn backfill(&self, backfill: Backfill) -> Result<AggregateReport> {
        self.on_thread(move |migrator| build::backfill(migrator, &backfill))
            .await
    }

    /// How every aggregate stands that is declared or was ever built. Writes nothing.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub async fn aggregate_status(&self) -> Result<Vec<AggregateStatus>> {
        self.on_thread(|migrator| {
            let mut session = migrator.store.connect()?;
            status::status(migrator, &mut *session)
        })
        .await
    }

    /// Removes the aggregates that are not declared, with their triggers; gives back their names.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub async fn prune_aggregates(&self) -> Result<Vec<String>> {
        self.on_thread(status::prune).await
    }

    /// Reads an aggregate: `migrator.aggregate(&TODOS_BY_PROJECT).get((7, true)).await?`.
    ///
    /// Connections are kept for the next read.
    pub fn aggregate<const KEYS: usize>(
        &self,
        aggregate: &'static Aggregate<KEYS>,
    ) -> AggregateReader<'_, KEYS> {
        AggregateReader::new(self, aggregate)
    }
}
