//! What the program tells about its work, on standard error; results alone go to standard output.

use super::color;
use crate::error::{Error, Result};
use crate::progress;
use clap::ColorChoice;
use std::fmt;
use std::io::{self, Write};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

/// How much is told, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogArgs {
    /// Tell of errors only, and show no progress
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    quiet: bool,

    /// Tell more; twice: everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Messages")]
    verbose: u8,

    /// Format of the messages on standard error
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Messages")]
    pub(super) log_format: LogFormat,

    /// Colour help and messages; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, help_heading = "Messages")]
    color: ColorChoice,
}

impl LogArgs {
    /// The same, but of errors only and without progress.
    pub(super) fn quieted(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Objects, and all else by default.
    pub(super) fn json() -> Self {
        Self { log_format: LogFormat::Json, ..Self::default() }
    }
}

/// The format of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Plain lines
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// Sends all messages of the program to standard error as `args` say. Called once, before anything else.
///
/// # Errors
/// [`Error::Failure`] when it is called twice.
pub fn init(args: &LogArgs) -> Result<()> {
    if args.quiet {
        progress::disable();
    }
    color::apply(args.color);
    subscriber(args, || Terminal).try_init().map_err(Error::failure)
}

fn subscriber<W>(args: &LogArgs, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        // Where standard error is gone there is nobody left to tell.
        .log_internal_errors(false);
    let layer = match args.log_format {
        LogFormat::Text => layer.event_format(Plain).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    Registry::default().with(EnvFilter::new(filter(args))).with(layer)
}

/// What passes: more of this program's messages than of its libraries'.
fn filter(args: &LogArgs) -> &'static str {
    match (args.quiet, args.verbose) {
        (true, _) => "error",
        (false, 0) => "error,automoe=info",
        (false, 1) => "warn,automoe=debug",
        (false, _) => "debug,automoe=trace",
    }
}

/// Standard error, with progress bars out of the way.
struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::suspend(|| anstream::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The message and its fields, with the level in front where it is not the usual one.
struct Plain;

impl<S, F> FormatEvent<S, F> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, F>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => write!(out, "{} ", color::paint("error:", color::ERROR))?,
            Level::WARN => write!(out, "{} ", color::paint("warning:", color::WARNING))?,
            Level::INFO => {}
            Level::DEBUG => out.write_str("debug: ")?,
            Level::TRACE => out.write_str("trace: ")?,
        }
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::sync::{Arc, Mutex};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        log: LogArgs,
    }

    /// What is written for one message of each level, with these options.
    fn written(options: &[&str]) -> String {
        let command = Command::parse_from(std::iter::once(&"automoe").chain(options));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink(bytes.clone());
        let subscriber = subscriber(&command.log, move || sink.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "automoe::data", "gone");
            tracing::warn!(target: "automoe::data", "odd");
            tracing::info!(target: "automoe::train", update = 7, "validated");
            tracing::debug!(target: "automoe::train", "fine");
            tracing::trace!(target: "automoe::train", "finer");
            tracing::warn!(target: "wgpu_core", "a library's");
        });
        let bytes = bytes.lock().unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&bytes).unwrap()).to_string()
    }

    #[derive(Clone)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_is_plain_and_options_say_how_much() {
        let usual = "error: gone\nwarning: odd\nvalidated update=7\n";
        assert_eq!(written(&["--quiet"]), "error: gone\n");
        assert_eq!(written(&[]), usual);
        let library = "warning: a library's\n";
        assert_eq!(written(&["-v"]), format!("{usual}debug: fine\n{library}"));
        let all = format!("{usual}debug: fine\ntrace: finer\n{library}");
        assert_eq!(written(&["-vv"]), all);
        assert_eq!(written(&["--verbose", "--verbose", "-v"]), all);
    }

    #[test]
    fn json_is_an_object_a_line() {
        let text = written(&["--log-format", "json"]);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["level"], "ERROR");
        assert_eq!(lines[2]["message"], "validated");
        assert_eq!(lines[2]["update"], 7);
    }

    #[test]
    fn quiet_and_verbose_exclude_each_other() {
        assert!(Command::try_parse_from(["automoe", "-q", "-v"]).is_err());
    }
}
