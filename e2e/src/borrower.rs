//! A second university beside the one of the example: it owns nothing of the pool and may borrow what the other leaves.
//! Tests in which two compete stand on it.

use anyhow::Result;

use crate::{Province, wait_for};

/// What the province's administrator declares of it.
const DECLARED: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: lnu}
spec: {parent: province, level: University, quotas: [{pool: a100, nominal: 0}]}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: lnu-own}
spec: {issuer: province, holder: lnu, type: OwnFunds, faceValue: \"1000.00\"}
";

/// Where its people submit.
const NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: lnu
  labels: {edugrid.io/tenant: lnu, pod-security.kubernetes.io/enforce: baseline}
";

impl Province {
    /// Adds the university `lnu` with 1,000 yuan and a namespace, where bob submits, and waits until its money counts.
    ///
    /// # Errors
    /// If any part of it fails.
    pub fn with_a_borrower(self) -> Result<Self> {
        self.cluster().apply("province-admin", DECLARED)?;
        self.cluster().apply("admin", NAMESPACE)?;
        self.edugrid.bind("lnu", "edugrid-user", "lnu-users")?;
        self.edugrid.approve("lnu-own")?;
        wait_for("lnu's deposit", || {
            let voucher = self
                .edugrid
                .object("computevoucher", "default", "lnu-own")?;
            Ok(voucher["status"]["conditions"][0]["status"] == "True")
        })?;
        Ok(self)
    }
}
