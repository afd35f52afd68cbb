//! Two hosts, made of network namespaces with a link of 1 Gb/s between them. That needs the rights of root and Linux.

use super::{DEALT, has_mpi, mpirun, output, ranks, weights};
use crate::cli::program::{Program, TINY, arguments};
use std::fs::File;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The two hosts and their link; gone when this is dropped.
struct Hosts;

const NAMES: [&str; 2] = ["automoe-test-0", "automoe-test-1"];
const ADDRESSES: [&str; 2] = ["10.213.77.1", "10.213.77.2"];

fn run(command: &str) -> bool {
    let mut words = command.split(' ');
    let run = Command::new(words.next().unwrap()).args(words).stderr(Stdio::null()).stdout(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

impl Hosts {
    /// `None`, after a line, where there can be none.
    fn new(test: &str) -> Option<Self> {
        let hosts = Self;
        let [first, second] = NAMES;
        let mut made = run(&format!("ip netns add {first}"))
            && run(&format!("ip netns add {second}"))
            && run(&format!("ip -n {first} link add link0 type veth peer name link0 netns {second}"));
        for (name, address) in NAMES.into_iter().zip(ADDRESSES) {
            made = made
                && run(&format!("ip -n {name} address add {address}/24 dev link0"))
                && run(&format!("ip -n {name} link set link0 up"))
                && run(&format!("ip -n {name} link set lo up"))
                && run(&format!(
                    "ip netns exec {name} tc qdisc add dev link0 root tbf rate 1gbit burst 256kb latency 50ms"
                ));
        }
        if made {
            return Some(hosts);
        }
        let line = format!("{test}: skipped, no network namespaces with tc (root on Linux, iproute2)\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
        None
    }

    /// Cuts the link, or joins it again.
    fn set_link(&self, state: &str) {
        assert!(run(&format!("ip -n {} link set link0 {state}", NAMES[1])));
    }

    /// Ends all that runs on them.
    fn clear(&self) {
        for name in NAMES {
            let left = Command::new("ip").args(["netns", "pids", name]).output();
            let left = left.map(|left| String::from_utf8_lossy(&left.stdout).into_owned()).unwrap_or_default();
            left.lines().for_each(|id| {
                run(&format!("kill -KILL {id}"));
            });
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.clear();
        for name in NAMES {
            run(&format!("ip netns del {name}"));
        }
    }
}

/// The program as a process on each host; the agent that starts the second enters its namespace.
fn on_both(program: &Program, arguments: &[&str]) -> Command {
    let agent = program.folder().join("agent");
    let script = format!("#!/bin/sh\nshift\nexec ip netns exec {} sh -c \"$*\"\n", NAMES[1]);
    std::fs::write(&agent, script).unwrap();
    assert!(run(&format!("chmod +x {}", agent.display())));
    let agent = agent.display().to_string();
    let hosts = ADDRESSES.map(|address| format!("{address}:1")).join(",");
    let network = ["btl", "tcp,self", "--mca", "btl_tcp_if_include", "link0", "--mca", "oob_tcp_if_include", "link0"];
    let options = ["--host", &hosts, "--mca", "plm_rsh_agent", &agent, "--mca"];
    let inner = mpirun(program, &[&options[..], &network].concat());
    let mut command = Command::new("ip");
    command.args(["netns", "exec", NAMES[0]]).arg(inner.get_program()).args(inner.get_args());
    command.arg(assert_cmd::cargo::cargo_bin!("automoe")).args(arguments).current_dir(program.folder());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn two_hosts_train_as_one_does_and_go_on_after_a_cut_link_has_ended_both() {
    const TEST: &str = "two_hosts_train_as_one_does_and_go_on_after_a_cut_link_has_ended_both";
    let Some(hosts) = has_mpi(TEST).then(|| Hosts::new(TEST)).flatten() else { return };
    // With cosine, learning rates would depend on how long a training is to be.
    let schedule = ["--set", "train.lr_schedule=inverse-sqrt"];
    let train = arguments(&arguments(&["train"], &TINY), &[&DEALT[..], &schedule].concat());
    let [one, two] = [Program::new(), Program::new()];
    output(ranks(&one, 2, &train));
    output(on_both(&two, &train));
    assert!(weights(&two) == weights(&one));

    let long = arguments(&train, &["--set", "train.max_updates=100000"]);
    // Not a pipe, which what is left of MPI would keep open.
    let errors = two.folder().join("errors");
    let stderr = File::create(&errors).unwrap();
    let mut job = on_both(&two, &long).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(job.try_wait().unwrap(), None);
    hosts.set_link("down");
    let cut = Instant::now();
    let is_ours = |id: &str| {
        let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let folder = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap_or_default();
        line.contains("max_updates=100000")
            && line.split('\0').next().is_some_and(|name| name.ends_with("automoe"))
            && folder == two.folder()
    };
    let ours = || {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        all.filter(|id| is_ours(id)).count()
    };
    assert!(ours() > 0);
    while ours() > 0 {
        assert!(cut.elapsed() < Duration::from_secs(60), "a process is still there");
        std::thread::sleep(Duration::from_millis(200));
    }
    // What MPI has started waits for the lost host.
    hosts.clear();
    job.wait().unwrap();
    let told = std::fs::read_to_string(&errors).unwrap();
    assert!(told.contains("has not been heard of for"), "{told}");

    hosts.set_link("up");
    let last = std::fs::read_to_string(two.folder().join("runs/toy/supernet/last.json")).unwrap();
    let saved = serde_json::from_str::<serde_json::Value>(&last).unwrap()["update"].as_u64().unwrap();
    let until = format!("train.max_updates={}", saved + 6);
    let ended = arguments(&train, &["--set", &until]);
    output(on_both(&two, &ended));
    output(ranks(&one, 2, &ended));
    assert!(weights(&two) == weights(&one));
}
