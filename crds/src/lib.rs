//! The user's language: the objects of EduGrid as people write them, one kind per file.
//!
//! Everything that the API server can refuse is refused here, by bounds and CEL rules that stand beside the field they
//! protect. Each refusal names the field, the value, the limit and the way out; what needs other objects or a clock is
//! refused by the operator instead.
//!
//! This crate must not know a client, a runtime, the engine or the books: whoever reads an object translates it once,
//! at the rim.

pub mod bounds;
pub mod compute_job;
pub mod compute_pool;
pub mod compute_reservation;
pub mod compute_voucher;
pub mod conditions;
pub mod definitions;
pub mod funding_line;
pub mod job_class;
pub mod job_status;
pub mod labels;
pub mod ledger_segment;
pub mod ledger_snapshot_part;
pub mod pod_template;
pub mod price_book;
pub mod rules;
pub mod tenant;
pub mod text;
pub mod visibility;

pub use compute_job::{ComputeJob, ComputeJobSpec, ComputeJobStatus};
pub use compute_pool::{ComputePool, ComputePoolSpec, ComputePoolStatus};
pub use compute_reservation::{
    ComputeReservation, ComputeReservationSpec, ComputeReservationStatus,
};
pub use compute_voucher::{ComputeVoucher, ComputeVoucherSpec, ComputeVoucherStatus};
pub use definitions::{definitions, file_name};
pub use funding_line::{FundingLine, FundingLineSpec, FundingLineStatus};
pub use job_class::{JobClass, JobClassSpec, JobClassStatus};
pub use ledger_segment::{LedgerSegment, LedgerSegmentSpec};
pub use ledger_snapshot_part::{LedgerSnapshotPart, LedgerSnapshotPartSpec};
pub use price_book::{PriceBook, PriceBookSpec, PriceBookStatus};
pub use tenant::{Tenant, TenantSpec, TenantStatus};
