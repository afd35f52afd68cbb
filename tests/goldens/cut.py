#!/usr/bin/env python3
"""Cuts a recording down to one of its cases, with no weights but those that the case uses.

    tests/goldens/cut.py ../shared/goldens/std_experts 2 tests/goldens/small/one_case

Weights and gradients are leading slices of those recorded, as subnets share them; every figure is as it was recorded.
"""

import json
import struct
import sys
from pathlib import Path


def read(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = json.loads(data[8 : 8 + length])
    tensors.pop("__metadata__", None)
    for name, tensor in tensors.items():
        begin, end = (8 + length + offset for offset in tensor["data_offsets"])
        assert tensor["dtype"] == "F32", name
        yield name, tensor["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])


def write(path, tensors):
    header, data = {}, b""
    for name, shape, values in tensors:
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def part(name, shape, architecture):
    """The shape of a parameter within the architecture, experts of one size a layer; none where it has no part in it."""
    side, rest = name.split(".", 1)
    genes = architecture[side]
    width = genes[f"{side}_embed_dim"]
    if rest.startswith("embed"):
        return [shape[0], width]
    _, layer, rest = rest.split(".", 2)
    layer = int(layer)
    if layer >= genes[f"{side}_layer_num"]:
        return None
    size = genes[f"{side}_ffn_embed_dim"][layer]
    experts = genes.get(f"{side}_n_experts", [0] * (layer + 1))[layer]
    if "encoder_attn.in_proj" in rest:
        width = architecture["encoder"]["encoder_embed_dim"]
    if "in_proj" in rest:
        return shape[:1] + [width] * (len(shape) - 1)
    if "out_proj" in rest:
        return [width] + shape[1:]
    if "layer_norm" in rest:
        return [width]
    if "switch_layer.switch" in rest:
        return [experts] + [width] * (len(shape) - 1)
    if "switch_layer.experts" in rest:
        _, _, expert, map, _ = rest.split(".")
        if int(expert) >= experts:
            return None
    else:
        map = "0" if "fc1" in rest else "1"
    return [size, width][: len(shape)] if map == "0" else [width, size][: len(shape)]


def cut(values, shape, wanted):
    if len(shape) == 1:
        return list(values[: wanted[0]])
    return [x for row in range(wanted[0]) for x in values[row * shape[1] : row * shape[1] + wanted[1]]]


def main():
    source, case, target = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    recording = json.loads(source.with_suffix(".json").read_text())
    case = recording["cases"][case]
    tensors = []
    for name, shape, values in read(source.with_suffix(".safetensors")):
        wanted = part(name, shape, case["architecture"])
        gradient = case["grads"].get(name)
        if wanted is None:
            assert case["grad_norms"][name] is None and gradient is None, name
            case["grad_norms"].pop(name)
            case["grads"].pop(name, None)
            continue
        tensors.append((name, wanted, cut(values, shape, wanted)))
        if gradient is not None:
            matrix = len(wanted) == 2
            case["grads"][name] = [row[: wanted[1]] if matrix else row for row in gradient[: wanted[0]]]
    recording["cases"] = [case]
    write(target.with_suffix(".safetensors"), tensors)
    target.with_suffix(".json").write_text(json.dumps(recording, separators=(",", ":")) + "\n")


main()
