//! Files of both kinds, and what is wrong with others.

use super::*;
use proptest::prelude::*;

fn hat(row: &str) -> String {
    format!(
        "{},latency_mean_encoder,latency_mean_decoder,latency_std_encoder,latency_std_decoder\n{row}\n",
        AVERAGES.join(",")
    )
}

fn fault(text: &str) -> String {
    MeasuredRows::parse("data.csv", text).unwrap_err().to_string()
}

#[test]
fn hat_rows_are_read() {
    let text = hat("640,6,1962.6,6.0,512,4,1920.0,2.5,5.5,1.5,5.49,124.5,0.05,0.44");
    let data = MeasuredRows::parse("data.csv", &text).unwrap();
    assert_eq!(data.feature_set, FeatureSet::Averages);
    assert_eq!(data.samples.len(), 1);
    assert!((data.samples[0].total_ms() - 129.99).abs() < 1e-9);
}

#[test]
fn our_rows_are_read_with_quotes_line_breaks_and_crlf() {
    let architecture = Architecture::dense(512, 1024, 4, 2, 2);
    let json = serde_json::to_string_pretty(&architecture.to_value()).unwrap();
    let row = format!("3.5,\"{}\",7.25,2.9\r\n", json.replace('"', "\"\""));
    let text = format!("\u{feff}encoder_ms,architecture,decoder_ms,gflops\r\n{row}\r\n{row}");
    let data = MeasuredRows::parse("data.csv", &text).unwrap();
    assert_eq!(data.samples.len(), 2);
    let sample = &data.samples[1];
    assert_eq!((sample.encoder_ms, sample.decoder_ms), (3.5, 7.25));
    assert_eq!(sample.features, Features::of(FeatureSet::Layers, &architecture, None));
}

#[test]
fn a_reference_measured_along_takes_the_drift_out() {
    let json = Architecture::dense(512, 1024, 4, 2, 2).to_value().to_string().replace('"', "\"\"");
    let row = |slow: f64| format!("\"{json}\",{},{},{}\n", 2.0 * slow, 8.0 * slow, 5.0 * slow);
    let rows = [1.0, 1.25, 1.0].map(row).concat();
    let text = format!("architecture,encoder_ms,decoder_ms,reference_ms\n{rows}");
    let data = MeasuredRows::parse("data.csv", &text).unwrap();
    assert!(data.samples.iter().all(|sample| (sample.total_ms() - 10.0).abs() < 1e-9));
    let missing = format!("{text}\"{json}\",1,2,\n");
    assert!(fault(&missing).contains("expected milliseconds"), "{}", fault(&missing));
}

#[test]
fn routing_fractions_are_read_and_checked() {
    let mut architecture = Architecture::dense(512, 1024, 4, 1, 1);
    architecture.encoder.layers[0].experts = Some(crate::space::Experts { ffn_dims: vec![512, 1024], top_k: 1 });
    let json = architecture.to_value().to_string().replace('"', "\"\"");
    let text =
        |fractions: &str| format!("architecture,encoder_ms,decoder_ms,routing_fractions\n\"{json}\",1,2,{fractions}\n");
    let uneven = text("\"{\"\"encoder\"\":[[0.25,0.75]],\"\"decoder\"\":[]}\"");
    let uneven = MeasuredRows::parse("data.csv", &uneven).unwrap();
    let even = MeasuredRows::parse("data.csv", &text("")).unwrap();
    assert_ne!(uneven.samples[0].features, even.samples[0].features);
    let wrong = fault(&text("\"{\"\"encoder\"\":[[0.25]],\"\"decoder\"\":[]}\""));
    assert!(wrong.contains("expected 2 routing fractions"), "{wrong}");
}

#[test]
fn faults_name_line_and_column() {
    let row = "640,6,1962.6,6.0,512,4,1920.0,2.5,5.5,1.5,5.49,124.5,0.05,0.44";
    let expected = |found: &str, place: &str, what: &str| {
        format!("data.csv:{place}: expected {what}, a positive number, but found '{found}'")
    };
    for (from, to, place, what) in [
        ("124.5", "NaN", "2:48", "milliseconds"),
        ("124.5", "-3", "2:48", "milliseconds"),
        ("124.5", "1e-320", "2:48", "milliseconds"),
        ("5.49", "inf", "2:43", "milliseconds"),
        ("1962.6", "many", "2:7", "a feature"),
    ] {
        let text = hat(&row.replacen(from, to, 1));
        assert_eq!(fault(&text), expected(to, place, what));
    }
    assert_eq!(fault(&hat("640,6")), "data.csv:2:1: 2 fields where the header has 14");
}

#[test]
fn wrong_headers_are_told_apart() {
    assert_eq!(fault(""), "data.csv: the file is empty");
    assert!(fault("a,b\n1,2\n").starts_with("data.csv:1:1: expected a header with"));
    let no_decoder = "architecture,encoder_ms\n";
    assert_eq!(fault(no_decoder), "data.csv:1:1: the header has no column 'decoder_ms'");
    assert_eq!(fault("a,b,a\n"), "data.csv:1:5: column 'a' again: is there a header?");
    assert_eq!(fault("architecture,\"encoder_ms\n"), "data.csv:1:14: the quote that begins here never ends");
    assert_eq!(fault("\"architecture\"x,encoder_ms\n"), "data.csv:1:15: expected a comma after the closing quote");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[architecturencd_ms,\"\n{}0-9.]{0,80}") {
        let header = "architecture,encoder_ms,decoder_ms\n";
        let _ = MeasuredRows::parse("data.csv", &text);
        let _ = MeasuredRows::parse("data.csv", &format!("{header}{text}"));
    }
}
