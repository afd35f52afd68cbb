use super::*;
use crate::error::Result;
use crate::run::dtype::Dtype;

/// The pickle of protocol 2 with this `body`, before its STOP.
fn pickle(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02", body, b"."].concat()
}

fn read(body: &[u8]) -> Result<Pickle> {
    let bytes = pickle(body);
    parse(&mut bytes.as_slice(), bytes.len() as u64)
}

fn refused(body: &[u8]) -> String {
    let error = read(body).expect_err("refused").to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn calls_of_anything_unknown_are_refused_by_name() {
    for (body, name) in [
        (&b"cos\nsystem\n(X\x02\x00\x00\x00lstR"[..], "`os.system`"),
        (b"cposix\nsystem\n", "`posix.system`"),
        (b"c__builtin__\neval\n(X\x01\x00\x00\x001tR", "`__builtin__.eval`"),
        (b"\x8c\x02os\x8c\x06system\x93", "`os.system`"),
        (b"\x8c\x03o\ns\x8c\x01x\x93", "`o\\ns.x`"),
        (b"ctorch\nload\n", "`torch.load`"),
        (b"ctorch.hub\nload\n", "`torch.hub.load`"),
    ] {
        let error = refused(body);
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn calls_of_data_and_of_known_names_with_other_arguments_are_refused() {
    for body in [
        &b"NN\x85R"[..],
        b"K\x01)R",
        b"c__builtin__\nset\nNR",
        b"c__builtin__\nset\nN\x85R",
        b"c__builtin__\nbytes\nK\x05\x85R",
        b"ctorch._utils\n_rebuild_parameter\nN\x85R",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        b"ctorch\nFloatStorage\n)R",
        b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R",
        b"ccollections\nOrderedDict\n]N\x85a\x85R",
        b"cargparse\nNamespace\n)\x81Nb",
        b"]}b",
    ] {
        refused(body);
    }
}

#[test]
fn opcodes_that_plain_data_does_not_need_are_refused() {
    for body in [&b"\x82\x01"[..], b"(i", b"(o", b"Pid\n", b"S'a'\n", b"\x97", b"\x98", b"\xff"] {
        assert!(refused(body).contains("opcode"));
    }
}

#[test]
fn stack_marks_and_memo_are_checked() {
    for body in [
        &b""[..],
        b"0",
        b"t",
        b"a",
        b"]a",
        b"h\x05",
        b"(0",
        b"K\x01(\x85",
        b"}(K\x01u",
        b"}K\x01u",
        b"NK\x01a",
        b"]K\x01K\x02s",
        b"2",
        b"q\x00",
        b"\x94",
        b"gx\n",
    ] {
        refused(body);
    }
}

#[test]
fn lengths_are_checked_before_anything_is_read() {
    for body in [
        &b"X\xff\xff\xff\xff"[..],
        b"B\xff\xff\xff\x7f",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8e\x00\x00\x00\x00\x00\x00\x00\x80",
        b"\x8b\xff\xff\xff\xff",
        b"\x8a\xff",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8cz",
    ] {
        refused(body);
    }
    let endless = parse(&mut std::io::repeat(b'('), u64::MAX).expect_err("endless").to_string();
    assert!(endless.contains("objects"), "{endless}");
    let memos = parse(&mut std::io::Read::chain(&b"N"[..], std::io::repeat(0x94)), u64::MAX);
    assert!(memos.expect_err("endless").to_string().contains("objects"));
    let long_line = parse(&mut std::io::Read::chain(&b"c"[..], std::io::repeat(b'a')), 1000);
    assert!(long_line.expect_err("endless").to_string().contains("are left"));
}

#[test]
fn cycles_are_refused() {
    for body in [
        &b"]q\x00h\x00a"[..],
        b"}q\x00K\x01h\x00s",
        b"]q\x00(h\x00ta",
        b"cargparse\nNamespace\n)\x81q\x00}K\x01h\x00sb",
        b"\x8f\x94(h\x00\x90",
    ] {
        assert!(refused(body).contains("cycle"));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [vec![b'N'], vec![0x85; depth]].concat();
    assert!(read(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(refused(&nested(MAX_DEPTH)).contains("deep"));
    assert!(refused(&nested(100_000)).contains("deep"));
    // The depth behind objects that were already visited counts too.
    let mut body = nested(MAX_DEPTH - 5);
    body.splice(0..0, *b"(");
    body.extend(b"q\x00h\x00");
    body.extend([0x85; 10]);
    body.push(b't');
    assert!(refused(&body).contains("deep"));
}

#[test]
fn shared_objects_do_not_multiply() {
    // Each tuple holds the one before twice: 2^90 leaves as a tree, 91 nodes here.
    let body = [&b"N"[..], &b"2\x86".repeat(90)].concat();
    let pickle = read(&body).expect("a small graph");
    assert!(matches!(pickle.node(pickle.root()), Node::Tuple(items) if items[0] == items[1]));
    // Copying one long list over and over is paid for.
    let mut body = b"c__builtin__\nset\nq\x00](".to_vec();
    body.extend([b'N'; 10_000]);
    body.extend(b"e\x85q\x01(");
    body.extend(b"h\x00h\x01R".repeat(1000));
    body.push(b't');
    assert!(refused(&body).contains("objects"));
}

#[test]
fn tensors_lie_within_their_storage() {
    let tensor = |offset: &[u8], shape: &[u8], strides: &[u8]| {
        let mut body = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
        body.extend(b"\x8c\x07storagectorch\nFloatStorage\n\x8c\x010\x8c\x03cpuK\x06tQ");
        body.extend([offset, b"(", shape, b"t(", strides, b"t\x89}tR"].concat());
        body
    };
    for (offset, shape, strides) in [
        (&b"K\x00"[..], &b"K\x02K\x03"[..], &b"K\x03K\x01"[..]),
        (b"K\x03", b"K\x02K\x02", b"K\x01K\x01"),
        (b"K\x05", b"", b""),
        (b"K\x09", b"K\x00K\x07", b"K\x07K\x01"),
    ] {
        let pickle = read(&tensor(offset, shape, strides)).expect("a tensor");
        let Node::Tensor(tensor) = pickle.node(pickle.root()) else {
            panic!("not a tensor");
        };
        assert_eq!(pickle.storage_of(tensor).dtype, Dtype::F32);
    }
    let huge = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    for (offset, shape, strides) in [
        (&b"K\x01"[..], &b"K\x02K\x03"[..], &b"K\x03K\x01"[..]),
        (b"K\x06", b"", b""),
        (b"J\xff\xff\xff\xff", b"K\x01", b"K\x01"),
        (b"K\x00", b"K\x02", b"J\xff\xff\xff\xff"),
        (b"K\x00", b"K\x02", b""),
        (b"K\x00", huge, b"K\x01"),
        (b"K\x00", b"K\x02", huge),
        (b"K\x00", &[huge.as_slice(), huge].concat(), b"K\x00K\x00"),
        (b"N", b"K\x01", b"K\x01"),
    ] {
        assert!(refused(&tensor(offset, shape, strides)).contains("does not fit"));
    }
    for id in [&b"N"[..], b")", b"(\x8c\x06modulectorch\nFloatStorage\n\x8c\x010\x8c\x03cpuK\x06t"] {
        assert!(refused(&[id, b"Q"].concat()).contains("storage"));
    }
}

#[test]
fn plain_objects_of_every_protocol_are_read() {
    let text = |body: &[u8]| match read(body) {
        Ok(pickle) => pickle.node(pickle.root()).clone(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(text(b"I01\n"), Node::Bool(true));
    assert_eq!(text(b"I-12\n"), Node::Int(-12));
    assert_eq!(text(b"L123456789012345678901L\n"), Node::Int(123_456_789_012_345_678_901));
    assert_eq!(text(b"F-1.5\n"), Node::Float(-1.5));
    assert_eq!(text(b"J\xfe\xff\xff\xff"), Node::Int(-2));
    assert_eq!(text(b"\x8a\x01\xfe"), Node::Int(-2));
    assert_eq!(text(b"\x8a\x00"), Node::Int(0));
    assert_eq!(text(b"G\x3f\xf8\x00\x00\x00\x00\x00\x00"), Node::Float(1.5));
    assert_eq!(text(b"V\\u00e4\\x\xe4\\U0001f600\n"), Node::Str("ä\\xä😀".into()));
    assert_eq!(text(b"U\x02ab"), Node::Str("ab".into()));
    assert_eq!(text(b"U\x01\xff"), Node::Bytes(vec![0xff]));
    assert_eq!(text(b"C\x02ab"), Node::Bytes(b"ab".to_vec()));
    assert_eq!(text(b"ctorch\nfloat32\n"), Node::Str("torch.float32".into()));
    assert_eq!(text(b"ctorch\ndevice\n\x8c\x03cpu\x85R"), Node::Str("cpu".into()));
    assert_eq!(
        text(b"c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86R"),
        Node::Bytes(vec![0xff])
    );
    for broken in [&b"Ix\n"[..], b"F\n", b"V\\u12\n", b"V\\ud800\n", b"X\x01\x00\x00\x00\xff", b"\x80\x06N"] {
        refused(broken);
    }
}

#[test]
fn the_last_of_equal_keys_counts() {
    let pickle = read(b"cargparse\nNamespace\n)\x81}(\x8c\x01aK\x01\x8c\x01aK\x02ub").expect("read");
    let value = pickle.get(pickle.root(), "a").expect("an attribute");
    assert_eq!(*pickle.node(value), Node::Int(2));
    assert_eq!(pickle.get(pickle.root(), "b"), None);
}
