//! `swap.svg`: pause over engines, both axes logarithmic; one line for each class and number of
//! entries, and the empty handshake.

use super::{BenchClass, SwapReport};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 680.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 490.0;

/// How lines of more and more entries are drawn.
const DASHES: [&str; 4] = ["none", "8 4", "3 3", "10 3 3 3"];

/// One line.
struct Series {
    name: String,
    colour: &'static str,
    dash: &'static str,
    /// Engines, median, first and third quartile in µs.
    points: Vec<[f64; 4]>,
}

/// A point of the page.
#[derive(Clone, Copy)]
struct At {
    x: f64,
    y: f64,
}

const fn at(x: f64, y: f64) -> At {
    At { x, y }
}

/// A stretch of the page.
#[derive(Clone, Copy)]
struct Stretch {
    from: f64,
    to: f64,
}

/// A logarithmic axis between two powers of ten, on a stretch of the page.
struct Axis {
    decades: (i32, i32),
    page: Stretch,
}

/// The plot of a report.
pub(super) fn svg(report: &SwapReport) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = draw(report, &mut svg);
    svg
}

fn draw(report: &SwapReport, svg: &mut String) -> std::fmt::Result {
    let all = series(report);
    let points = || all.iter().flat_map(|series| &series.points);
    let across = Stretch {
        from: LEFT,
        to: RIGHT,
    };
    let up = Stretch {
        from: BOTTOM,
        to: TOP,
    };
    let x = Axis::over(points().map(|point| point[0]), across);
    let y = Axis::over(points().flat_map(|point| point[1..].to_vec()), up);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">"
    )?;
    writeln!(
        svg,
        "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>"
    )?;
    text(
        svg,
        at(LEFT, 28.0),
        "start",
        "Pause of a swap: median, bars over the middle half",
    )?;
    text(
        svg,
        at((LEFT + RIGHT) / 2.0, BOTTOM + 45.0),
        "middle",
        "engines",
    )?;
    let middle = (TOP + BOTTOM) / 2.0;
    writeln!(
        svg,
        "<text x=\"24\" y=\"{middle}\" text-anchor=\"middle\" \
         transform=\"rotate(-90 24 {middle})\">pause, µs</text>"
    )?;
    grid(svg, &x, &y)?;
    for (row, series) in all.iter().enumerate() {
        line(svg, series, &x, &y)?;
        legend(svg, series, TOP + 20.0 * row as f64)?;
    }
    let machine = format!("{} · {} repetitions", report.machine, report.repetitions);
    text(svg, at(LEFT, HEIGHT - 8.0), "start", &machine)?;
    writeln!(svg, "</svg>")
}

fn series(report: &SwapReport) -> Vec<Series> {
    let mut entries: Vec<u64> = report.cells.iter().map(|cell| cell.cell.entries).collect();
    entries.sort_unstable();
    entries.dedup();
    let mut all = Vec::new();
    for (count, dash) in entries.iter().zip(DASHES.iter().cycle()) {
        for class in BenchClass::ALL {
            let cells = report
                .cells
                .iter()
                .filter(|cell| (cell.cell.class, cell.cell.entries) == (class, *count));
            let points: Vec<_> = cells
                .map(|cell| (cell.cell.engines as f64, cell.pause_us))
                .map(|(engines, pause)| [engines, pause.p50, pause.q1, pause.q3])
                .collect();
            if !points.is_empty() {
                let name = format!("{class}, {count} entries each");
                all.push(Series {
                    name,
                    colour: colour(class),
                    dash,
                    points,
                });
            }
        }
    }
    all.push(handshake(report));
    all
}

/// The handshake of all classes and entries together: it does not depend on them.
fn handshake(report: &SwapReport) -> Series {
    let mut engines: Vec<u64> = report.cells.iter().map(|cell| cell.cell.engines).collect();
    engines.sort_unstable();
    engines.dedup();
    let point = |engines: &u64| {
        let rows = report
            .rows
            .iter()
            .filter(|row| row.cell.engines == *engines);
        let spread = crate::Spread::of(rows.map(|row| super::row::as_micros(row.handshake)));
        [*engines as f64, spread.p50, spread.q1, spread.q3]
    };
    let points = engines.iter().map(point).collect();
    Series {
        name: "empty handshake".to_owned(),
        colour: "#777777",
        dash: "2 4",
        points,
    }
}

fn colour(class: BenchClass) -> &'static str {
    match class {
        BenchClass::Carry => "#1b7f4d",
        BenchClass::Adopt => "#1f5fbf",
        BenchClass::Migrate => "#b8860b",
        BenchClass::Hand => "#b22222",
    }
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, page: Stretch) -> Self {
        let logs: Vec<f64> = values
            .filter(|value| *value > 0.0)
            .map(f64::log10)
            .collect();
        let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = if low.is_finite() {
            low.floor() as i32
        } else {
            0
        };
        let high = if high.is_finite() {
            high.ceil() as i32
        } else {
            1
        };
        Self {
            decades: (low, high.max(low + 1)),
            page,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let (low, high) = (f64::from(self.decades.0), f64::from(self.decades.1));
        // A value of 0 has no place on the axis; it is drawn at its lower end.
        let log = if value > 0.0 { value.log10() } else { low };
        let part = (log.clamp(low, high) - low) / (high - low);
        self.page.from + part * (self.page.to - self.page.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (low, high) = self.decades;
        (low..=high).map(|decade| 10_f64.powi(decade))
    }
}

fn grid(svg: &mut String, x: &Axis, y: &Axis) -> std::fmt::Result {
    for tick in x.ticks() {
        let x = x.place(tick);
        rule(svg, at(x, TOP), at(x, BOTTOM))?;
        text(svg, at(x, BOTTOM + 20.0), "middle", &number(tick))?;
    }
    for tick in y.ticks() {
        let y = y.place(tick);
        rule(svg, at(LEFT, y), at(RIGHT, y))?;
        text(svg, at(LEFT - 8.0, y + 4.0), "end", &number(tick))?;
    }
    Ok(())
}

fn rule(svg: &mut String, from: At, to: At) -> std::fmt::Result {
    writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
        from.x, from.y, to.x, to.y
    )
}

fn line(svg: &mut String, series: &Series, x: &Axis, y: &Axis) -> std::fmt::Result {
    let Series {
        colour,
        dash,
        points,
        ..
    } = series;
    let place = |point: &[f64; 4]| format!("{:.1},{:.1}", x.place(point[0]), y.place(point[1]));
    let path: Vec<String> = points.iter().map(place).collect();
    writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
         stroke-dasharray=\"{dash}\"/>",
        path.join(" ")
    )?;
    for [engines, median, q1, q3] in points {
        let (at, low, high) = (x.place(*engines), y.place(*q1), y.place(*q3));
        writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{low:.1}\" x2=\"{at:.1}\" y2=\"{high:.1}\" \
             stroke=\"{colour}\"/><circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>",
            y.place(*median)
        )?;
    }
    Ok(())
}

fn legend(svg: &mut String, series: &Series, y: f64) -> std::fmt::Result {
    let (left, right) = (RIGHT + 20.0, RIGHT + 50.0);
    writeln!(
        svg,
        "<line x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\" stroke=\"{}\" \
         stroke-width=\"2\" stroke-dasharray=\"{}\"/>",
        series.colour, series.dash
    )?;
    text(svg, at(right + 8.0, y + 4.0), "start", &series.name)
}

fn text(svg: &mut String, at: At, anchor: &str, words: &str) -> std::fmt::Result {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{words}</text>",
        at.x, at.y
    )
}

/// A power of ten as people write it.
fn number(value: f64) -> String {
    if value < 1.0 {
        return format!("{value}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_spans_whole_decades_and_places_values_between_them() {
        let axis = Axis::over(
            [20.0, 900.0].into_iter(),
            Stretch {
                from: 0.0,
                to: 100.0,
            },
        );
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [10.0, 100.0, 1_000.0]);
        assert!((axis.place(100.0) - 50.0).abs() < 1e-9);
        assert!((axis.place(0.0) - 0.0).abs() < 1e-9);
        let flat = Axis::over([10.0].into_iter(), Stretch { from: 0.0, to: 1.0 });
        assert!(flat.place(10.0).is_finite());
    }

    #[test]
    fn ticks_are_written_as_people_write_them() {
        assert_eq!(
            [0.1, 1.0, 1e3, 1e5, 1e7].map(number),
            ["0.1", "1", "1,000", "100,000", "10,000,000"]
        );
    }
}
