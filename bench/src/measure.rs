//! What is done with figures: median with min and max of several runs, the ratio to a limit
//! measured in the same run, the slope of a cost. It must not know what was measured.

use serde::Serialize;

/// Runs of one measurement: at least five, says the rule of the house.
pub const RUNS: usize = 5;

/// Figures of like runs, in the order in which they were taken.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// The middle one; of an even number the mean of the two middle ones. 0 of none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.len() % 2) {
            (None, _) => 0.0,
            (Some(one), 1) => *one,
            (Some(upper), _) => (sorted[middle - 1] + upper) / 2.0,
        }
    }

    /// The least.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Each sample by the limit's of the same run.
    pub fn ratios(&self, limit: &Self) -> Self {
        Self(self.0.iter().zip(&limit.0).map(|(a, b)| a / b).collect())
    }
}

/// The value below which that part of the sorted values lies, by nearest rank.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into the values"
    )]
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

/// The least-squares slope of log(y) over log(x): 0 where y does not depend on x, 1 where it
/// grows as x does.
pub fn log_slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let under: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let samples = Samples(vec![9.0, 1.0, 5.0]);
        assert_eq!(
            (samples.median(), samples.min(), samples.max()),
            (5.0, 1.0, 9.0)
        );
        assert_eq!(Samples(vec![1.0, 2.0, 4.0, 9.0]).median(), 3.0);
        assert_eq!(Samples::default().median(), 0.0);
    }

    #[test]
    fn quantiles_by_nearest_rank() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 5.0);
        assert_eq!(quantile(&values, 0.99), 10.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_power_has_its_exponent_as_slope() {
        let squares: Vec<(f64, f64)> = [1.0, 10.0, 100.0].map(|x| (x, x * x)).to_vec();
        assert!((log_slope(&squares) - 2.0).abs() < 1e-9);
        assert!(log_slope(&[(1.0, 7.0), (100.0, 7.0)]).abs() < 1e-9);
    }
}
