//! The cluster without some of its admission policies for a while, as whoever owns it can have it. It must not know what
//! is done meanwhile.

use anyhow::Result;

use crate::{Province, anew, wait_for};

/// Takes policies' bindings out, waits until the operator says which, does something, and puts them back.
///
/// # Errors
/// Those of what is done, or if the operator does not notice.
pub fn without(
    province: &Province,
    bindings: &[&str],
    meanwhile: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let put_back = taken_out(province, bindings)?;
    let names: Vec<&str> = bindings
        .iter()
        .filter_map(|one| one.split('/').next_back())
        .collect();
    wait_for("the operator to name what is missing", || {
        let (is_ready, words) = province.edugrid.readiness()?;
        Ok(!is_ready && names.iter().all(|name| words.contains(name)))
    })?;
    meanwhile()?;
    put_back()?;
    wait_for("the operator to be ready again", || {
        Ok(province.edugrid.readiness()?.0)
    })
}

/// Takes policies' bindings out, and returns what puts them back.
///
/// # Errors
/// If there is no such binding.
pub fn taken_out<'a>(
    province: &'a Province,
    bindings: &[&str],
) -> Result<impl FnOnce() -> Result<()> + 'a> {
    let cluster = province.cluster();
    let mut saved = Vec::new();
    for binding in bindings {
        saved.push(anew(cluster, binding)?);
        cluster.kubectl("admin", &["delete", binding])?.ok()?;
    }
    Ok(move || {
        for binding in saved {
            cluster.apply("admin", &binding.to_string())?;
        }
        Ok(())
    })
}
