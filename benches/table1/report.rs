//! Times as lines for the terminal, a table in Markdown, and JSON.

use super::workloads::Workload;
use serde_json::{Value, json};
use std::fmt::Write;

/// What one process measured: milliseconds of each batch, and the most memory held.
pub struct Measured {
    pub forward: Vec<f64>,
    pub backward: Vec<f64>,
    pub peak: u64,
}

impl Measured {
    pub fn json(&self) -> Value {
        json!({ "forward": self.forward, "backward": self.backward, "peak": self.peak })
    }

    pub fn parse(text: &str) -> Option<Measured> {
        let value: Value = serde_json::from_str(text).ok()?;
        let times = |name: &str| value[name].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        Some(Measured { forward: times("forward")?, backward: times("backward")?, peak: value["peak"].as_u64()? })
    }
}

/// A pass: its first batch without and with kernels on disk, and the batches after that.
struct Times {
    cold: Option<f64>,
    first: f64,
    mean: f64,
    least: f64,
    most: f64,
}

impl Times {
    fn new(cold: Option<&[f64]>, all: &[f64]) -> Times {
        let later = &all[1..];
        Times {
            cold: cold.map(|c| c[0]),
            first: all[0],
            mean: later.iter().sum::<f64>() / later.len() as f64,
            least: later.iter().copied().fold(f64::INFINITY, f64::min),
            most: later.iter().copied().fold(0.0, f64::max),
        }
    }

    /// The first batch in later ones: with kernels on disk at most 2, without at most 4 are aimed at.
    fn ratios(&self) -> (Option<f64>, f64) {
        (self.cold.map(|c| c / self.mean), self.first / self.mean)
    }
}

/// The most that the backward pass is to take, in forward passes.
const BACKWARD: f64 = 2.2;

/// Whether a ratio is within what is aimed at.
fn verdict(ratio: f64, most: f64) -> &'static str {
    if ratio <= most { "met" } else { "missed" }
}

pub struct Report {
    text: String,
    rows: Vec<Value>,
}

impl Report {
    pub fn new() -> Report {
        Report { text: String::from("# Table 1\n"), rows: vec![] }
    }

    pub fn device(&mut self, name: &str, roof: f64, later: usize) {
        let _ = write!(
            self.text,
            "\n## {name}\n\nRoof, a matrix product: {roof:.1} GFLOP/s. Milliseconds, each row a process of its own; the paper's \
             are those of a GPU of 2015, at the paper's batch. First batches: without kernels on disk (at most 4 times a later \
             one is aimed at), and with them (at most 2).\n\n| | batch | pass | first, cold | first, warm | mean of 2-{} | \
             least-most | cold/later | warm/later | GFLOP/s | of roof | peak MiB | paper's batch | Chainer, first | \
             Chainer, 2-11 | Caffe, 1-10 | its first/later |\n{}|\n",
            later + 1,
            "|---".repeat(17)
        );
        println!("# {name}: roof {roof:.1} GFLOP/s");
    }

    /// Adds a row for each pass. `cold` is a process without kernels on disk, where the device has kernels.
    pub fn add(
        &mut self,
        w: &Workload,
        (device, roof): (&str, f64),
        batch: usize,
        cold: Option<&Measured>,
        measured: &Measured,
    ) {
        let forward = Times::new(cold.map(|c| &c.forward[..]), &measured.forward);
        let backward = Times::new(cold.map(|c| &c.backward[..]), &measured.backward);
        let peak = measured.peak as f64 / f64::from(1 << 20);
        let gflop = w.gflop.map(|g| g * batch as f64);
        let mut passes = vec![];
        for (pass, t, gflop, paper) in [
            ("forward", &forward, gflop[0], w.published.forward),
            ("backward", &backward, gflop[1], w.published.backward),
        ] {
            let rate = gflop / t.mean * 1e3;
            let share = rate / roof;
            let (cold, warm) = t.ratios();
            let or_none = |x: Option<f64>| x.map_or_else(|| "-".to_string(), |x| format!("{x:.2}"));
            let _ = writeln!(
                self.text,
                "| {} | {batch} | {pass} | {} | {:.2} | {:.2} | {:.2}-{:.2} | {} | {warm:.2} | {rate:.1} | {:.0} % | {peak:.1} \
                 | {} | {} | {} | {} | {:.2} |",
                w.name,
                or_none(t.cold),
                t.first,
                t.mean,
                t.least,
                t.most,
                or_none(cold),
                100.0 * share,
                w.batch,
                paper[0],
                paper[1],
                paper[2],
                paper[0] / paper[1],
            );
            println!(
                "{:<8} {pass:<8} batch {batch:>3}  first {} cold, {:.2} warm  mean {:.2} ms ({:.2}-{:.2})  first/later {} cold, \
                 {warm:.2} warm ({})  {rate:.1} GFLOP/s  {:.0} % of roof",
                w.name,
                or_none(t.cold),
                t.first,
                t.mean,
                t.least,
                t.most,
                or_none(cold),
                verdict((warm / 2.0).max(cold.unwrap_or(0.0) / 4.0), 1.0),
                100.0 * share,
            );
            println!(
                "{:<8} {:<8} paper: batch {}  Chainer {} first, {} later ({:.2})  Caffe {}",
                "",
                "",
                w.batch,
                paper[0],
                paper[1],
                paper[0] / paper[1],
                paper[2],
            );
            passes.push(json!({
                "cold_first_ms": t.cold, "first_ms": t.first, "mean_ms": t.mean, "least_ms": t.least, "most_ms": t.most,
                "gflops": rate, "share_of_roof": share, "cold_over_later": cold, "first_over_later": warm,
            }));
        }
        let (ratio, paper) = (backward.mean / forward.mean, &w.published);
        println!(
            "{:<8} backward/forward {ratio:.2} ({}; paper {:.2}, Caffe {:.2})  peak {peak:.1} MiB",
            w.name,
            verdict(ratio, BACKWARD),
            paper.backward[1] / paper.forward[1],
            paper.backward[2] / paper.forward[2],
        );
        let _ = writeln!(self.text, "| {} | {batch} | backward/forward | | | {ratio:.2} |{}", w.name, " |".repeat(11));
        let [forward, backward]: [Value; 2] = passes.try_into().expect("two passes");
        self.rows.push(json!({
            "workload": w.name, "device": device, "threads": rayon::current_num_threads(), "batch": batch,
            "peak_bytes": measured.peak, "roof_gflops": roof, "forward": forward, "backward": backward,
            "backward_over_forward": ratio,
            "paper": {
                "batch": w.batch, "columns": ["Chainer, first", "Chainer, 2-11", "Caffe, 1-10"],
                "forward_ms": paper.forward, "backward_ms": paper.backward,
            },
        }));
    }

    /// Writes `table1.md` and `table1.json`.
    pub fn write(&self, folder: &std::path::Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("table1.md"), &self.text)?;
        let rows = serde_json::to_string_pretty(&self.rows).expect("numbers and texts");
        std::fs::write(folder.join("table1.json"), rows)
    }
}
