//! What a job costs at most: walltime × billed units × the highest rate of the day (L2, N4).
//!
//! Nothing is computed here: the engine says what a pool bills, the books what that costs. Own
//! pools and vouchers make it less; they are known only to the books.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_core::{ClassSpec, Counts, JobSpec, PoolSpec};
use edugrid_crds::{ComputePool, JobClass, PriceBook as PriceBookObject};
use edugrid_ledger::{PriceBook, Rates, price_in_effect};
use edugrid_translate::{
    money,
    tenancy::{self, Header},
};
use edugrid_units::{MicroYuan, PoolName, Stamp};
use kube::{Api, Resource, ResourceExt, api::ListParams};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cluster::{self, Cluster},
    failure::Failure,
};

/// What a job costs at most in one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The pool.
    pub pool: String,
    /// Billed units there.
    pub units: String,
    /// How long it may run.
    pub walltime: String,
    /// Yuan for one unit and hour, before bands of the day; absent: no price is in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_unit_hour: Option<String>,
    /// Yuan; absent: no price is in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_at_most: Option<String>,
    #[serde(skip)]
    amount: Option<MicroYuan>,
}

impl Estimate {
    /// The dearest is the largest; a pool without price below all others.
    pub fn order(&self) -> Option<MicroYuan> {
        self.amount
    }
}

/// Pools, classes and prices, as they are declared.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    pools: Vec<PoolSpec>,
    classes: BTreeMap<String, ClassSpec>,
    books: Vec<PriceBook>,
}

impl Catalogue {
    /// Reads all three; `None`: the user may not. What can't be read in the engine's words counts
    /// for nothing, as it does there.
    ///
    /// # Errors
    /// If the cluster can't be asked.
    pub async fn read(cluster: &Cluster) -> Result<Option<Self>, Failure> {
        let Some(pools) = list::<ComputePool>(cluster).await? else {
            return Ok(None);
        };
        let Some(classes) = list::<JobClass>(cluster).await? else {
            return Ok(None);
        };
        let Some(books) = list::<PriceBookObject>(cluster).await? else {
            return Ok(None);
        };
        let pool = |object: &ComputePool| {
            let name = object.name_any();
            let header = Header {
                name: &name,
                uid: "",
                created: Stamp::default(),
            };
            tenancy::pool(header, &object.spec).ok()
        };
        let class = |object: &JobClass| {
            let name = object.name_any();
            let class = tenancy::class(&name, &object.spec).ok()?;
            Some((name, class))
        };
        let book =
            |object: &PriceBookObject| money::price_book(&object.name_any(), &object.spec).ok();
        Ok(Some(Self {
            pools: pools.iter().filter_map(pool).collect(),
            classes: classes.iter().filter_map(class).collect(),
            books: books
                .iter()
                .filter_map(book)
                .filter(|book| book.check().is_ok())
                .collect(),
        }))
    }

    /// What the job costs at most in each pool that it may go to, in its order of preference;
    /// nothing where its class or its pools are unknown.
    pub fn estimate(&self, job: &JobSpec, now: Stamp) -> Vec<Estimate> {
        let class = job.class.as_ref().map(ToString::to_string);
        let Some(class) = class.and_then(|name| self.classes.get(&name)) else {
            return Vec::new();
        };
        let walltime = job.walltime.unwrap_or(class.default_walltime);
        let counted: BTreeSet<String> = self
            .pools
            .iter()
            .filter_map(|pool| match &pool.counts {
                Counts::Card(device) => Some(device.clone()),
                Counts::Core => None,
            })
            .collect();
        let candidates: Vec<&PoolSpec> = if job.pools.is_empty() {
            self.pools.iter().filter(|pool| !pool.retired).collect()
        } else {
            job.pools
                .iter()
                .filter_map(|name| self.pool(name))
                .collect()
        };
        candidates
            .into_iter()
            .filter_map(|pool| {
                let billed = pool.bill(&job.roles, &counted)?;
                let rate = price_in_effect(&self.books, now, &pool.name, &class.price_tier);
                let rates = rate.map(|(book, per_unit_hour)| Rates {
                    per_unit_hour,
                    bands: book.bands.clone(),
                });
                let amount = rates
                    .as_ref()
                    .and_then(|rates| rates.most(billed, walltime));
                Some(Estimate {
                    pool: pool.name.to_string(),
                    units: billed.to_string(),
                    walltime: walltime.to_string(),
                    rate_per_unit_hour: rate.map(|(_, rate)| rate.to_string()),
                    cost_at_most: amount.map(|amount| amount.to_string()),
                    amount,
                })
            })
            .collect()
    }

    fn pool(&self, name: &PoolName) -> Option<&PoolSpec> {
        self.pools.iter().find(|pool| pool.name == *name)
    }
}

/// All objects of a kind; `None`: the user may not list them.
async fn list<K>(cluster: &Cluster) -> Result<Option<Vec<K>>, Failure>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let api: Api<K> = Api::all(cluster.client().clone());
    match api.list(&ListParams::default()).await {
        Ok(list) => Ok(Some(list.items)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => Err(cluster::failure(&error)),
    }
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
mod tests;
