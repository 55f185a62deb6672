//! Curves of a log as a PNG.

use super::log::Log;
use catena::error::{Error, Result};
use plotters::{prelude::*, style::register_font};
use std::path::Path;

const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(214, 90, 20), RGBColor(44, 140, 44), RGBColor(150, 60, 150)];

/// Draws panels side by side, each with a title and columns of the log over the epochs.
pub fn plot(log: &Log, path: &Path, panels: &[(&str, &[&str])]) -> Result<()> {
    // The font travels with the program: a fresh machine may have none.
    let _ = register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    let (width, height) = (520 * panels.len() as u32, 400);
    let mut pixels = vec![0u8; (width * height * 3) as usize];
    let failed = |e: &dyn std::fmt::Display| Error::io("draw", path, std::io::Error::other(e.to_string()));
    {
        let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        root.fill(&WHITE).map_err(|e| failed(&e))?;
        for (area, (title, columns)) in root.split_evenly((1, panels.len())).iter().zip(panels) {
            panel(area, log, title, columns).map_err(|e| failed(&e))?;
        }
        root.present().map_err(|e| failed(&e))?;
    }
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().and_then(|mut file| file.write_image_data(&pixels)).map_err(|e| failed(&e))?;
    catena::serializers::write_file(path, &bytes)
}

type Fault = Box<dyn std::error::Error>;

fn panel(
    area: &DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>,
    log: &Log,
    title: &str,
    columns: &[&str],
) -> std::result::Result<(), Fault> {
    let curves: Vec<(&str, Vec<(f64, f64)>)> = columns.iter().map(|c| (*c, log.column(c))).collect();
    let points = || curves.iter().flat_map(|(_, p)| p.iter().copied()).filter(|p| p.1.is_finite());
    let (low, high) = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (_, y)| (l.min(y), h.max(y)));
    let last = points().fold(1.0f64, |m, (x, _)| m.max(x));
    if low > high {
        return Ok(());
    }
    let margin = (high - low).max(1e-6) * 0.08;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(38)
        .y_label_area_size(56)
        .build_cartesian_2d(1.0..last.max(2.0), low - margin..high + margin)
        .map_err(|e| e.to_string())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels((last as usize).clamp(2, 12))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .light_line_style(WHITE)
        .label_style(("sans-serif", 14))
        .draw()
        .map_err(|e| e.to_string())?;
    for ((name, points), colour) in curves.into_iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))
            .map_err(|e| e.to_string())?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .border_style(RGBColor(200, 200, 200))
        .background_style(WHITE.mix(0.85))
        .label_font(("sans-serif", 14))
        .draw()
        .map_err(|e| e.to_string())?;
    Ok(())
}
