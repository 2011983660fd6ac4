//! Money: vouchers and funding lines.

use edugrid_units::MicroYuan;

use super::{seconds, yuan};
use crate::metrics::{
    about::{Base, gauge},
    rows::{Family, Group},
    snapshot::{FundingLine, Snapshot, Voucher, VoucherMoney},
};

pub(super) static VOUCHERS: Group<Snapshot, Voucher> = Group {
    rows: |snapshot| &snapshot.vouchers,
    families: &[
        Family {
            about: gauge(
                "voucher_face",
                Base::Yuan,
                "What the voucher was worth; tenant: its holder",
                "算力券面值；tenant 为持有者",
            ),
            value: |row| Some(yuan(row.face)),
        },
        Family {
            about: gauge(
                "voucher_held",
                Base::Yuan,
                "What of it is held for attempts",
                "算力券冻结额",
            ),
            value: |row| of(row, |money| money.held),
        },
        Family {
            about: gauge(
                "voucher_spent",
                Base::Yuan,
                "What of it is spent",
                "算力券已支出额",
            ),
            value: |row| of(row, |money| money.spent),
        },
        Family {
            about: gauge(
                "voucher_returned",
                Base::Yuan,
                "What went back to its funding line by expiry or revocation (L8)",
                "因到期或撤销退回资金渠道的金额（L8）",
            ),
            value: |row| of(row, |money| money.returned),
        },
        Family {
            about: gauge(
                "voucher_available",
                Base::Yuan,
                "What it can still pay",
                "算力券可用额",
            ),
            value: |row| of(row, |money| money.available),
        },
        Family {
            about: gauge(
                "voucher_active",
                Base::None,
                "1 while it is neither frozen nor revoked",
                "1 表示未冻结且未撤销",
            ),
            value: |row| Some(f64::from(u8::from(row.is_active))),
        },
        Family {
            about: gauge(
                "voucher_valid_until",
                Base::TimestampSeconds,
                "The instant of its expiry, in virtual time (N5); no series: none",
                "到期时刻（虚拟时间，N5）；无序列表示不过期",
            ),
            value: |row| row.valid_until.map(seconds),
        },
    ],
};

pub(super) static LINES: Group<Snapshot, FundingLine> = Group {
    rows: |snapshot| &snapshot.lines,
    families: &[
        Family {
            about: gauge(
                "funding_line_total",
                Base::Yuan,
                "The most that may be out of the funding line at a time; tenant: its issuer",
                "资金渠道额度；tenant 为发券方",
            ),
            value: |row| Some(yuan(row.total)),
        },
        Family {
            about: gauge(
                "funding_line_available",
                Base::Yuan,
                "What the funding line can still grant",
                "资金渠道可发放余额",
            ),
            value: |row| Some(yuan(row.available)),
        },
    ],
};

fn of(row: &Voucher, part: fn(VoucherMoney) -> MicroYuan) -> Option<f64> {
    row.money.map(part).map(yuan)
}
