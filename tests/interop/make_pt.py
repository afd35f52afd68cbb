"""Makes the .pt files that the tests read, and expected.json with what is in them.

Run once, with PyTorch 2.5.1 on a CPU: python make_pt.py
"""

import argparse
import collections
import json
import sys
import types

import torch

torch.manual_seed(1)


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float32)


def assortment():
    """One tensor of every kind that a state dict may hold."""
    base = numbers(6, 4)
    tensors = collections.OrderedDict()
    tensors["plain"] = numbers(2, 3)
    tensors["transposed"] = numbers(3, 5).t()
    tensors["permuted"] = numbers(2, 3, 4).permute(2, 0, 1)
    tensors["strided"] = numbers(7, 6)[1::2, ::3]
    tensors["expanded"] = numbers(3, 1).expand(3, 4)
    tensors["shared"] = base
    tensors["shared_rows"] = base[2:5]
    tensors["shared_column"] = base[:, 1]
    tensors["parameter"] = torch.nn.Parameter(numbers(4))
    tensors["scalar"] = torch.tensor(0.1)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["half"] = numbers(3, 2).half().t()
    tensors["bfloat16"] = numbers(5).bfloat16()
    tensors["double"] = torch.tensor([0.1, -1e30, 3.0], dtype=torch.float64)
    tensors["int64"] = torch.tensor([-1, 2**40, 7])
    tensors["int32"] = torch.tensor([-70000, 5], dtype=torch.int32)
    tensors["int16"] = torch.tensor([-300, 300], dtype=torch.int16)
    tensors["int8"] = torch.tensor([-128, 127], dtype=torch.int8)
    tensors["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors._metadata = collections.OrderedDict({"": {"version": 1}})
    return tensors


def linear(weights, name, outputs, inputs, joint=""):
    weights[f"{name}{joint or '.'}weight"] = numbers(outputs, inputs)
    weights[f"{name}{joint or '.'}bias"] = numbers(outputs)


def norm(weights, name, width):
    weights[f"{name}.weight"] = numbers(width)
    weights[f"{name}.bias"] = numbers(width)


def model(width=4, qkv=6, vocabulary=7):
    """A tiny model with the reference's names: a dense encoder layer, a decoder layer of two experts."""
    weights = collections.OrderedDict()
    table = numbers(vocabulary, width)
    weights["encoder.version"] = torch.tensor([3.0])
    weights["encoder.embed_tokens.weight"] = table
    weights["encoder.embed_positions._float_tensor"] = torch.zeros(1)
    for stack in ["encoder", "decoder"]:
        layer = f"{stack}.layers.0"
        linear(weights, f"{layer}.self_attn.in_proj", 3 * qkv, width, "_")
        linear(weights, f"{layer}.self_attn.out_proj", width, qkv)
        norm(weights, f"{layer}.self_attn_layer_norm", width)
        norm(weights, f"{layer}.final_layer_norm", width)
    linear(weights, "encoder.layers.0.fc1", 5, width)
    linear(weights, "encoder.layers.0.fc2", width, 5)
    linear(weights, "decoder.layers.0.encoder_attn.in_proj", 3 * qkv, width, "_")
    linear(weights, "decoder.layers.0.encoder_attn.out_proj", width, qkv)
    norm(weights, "decoder.layers.0.encoder_attn_layer_norm", width)
    linear(weights, "decoder.layers.0.switch_layer.switch", 2, width)
    for expert, inner in enumerate([3, 5]):
        linear(weights, f"decoder.layers.0.switch_layer.experts.{expert}.0", inner, width)
        linear(weights, f"decoder.layers.0.switch_layer.experts.{expert}.1", width, inner)
    weights["decoder.version"] = torch.tensor([3.0])
    weights["decoder.embed_tokens.weight"] = table
    weights["decoder.embed_positions._float_tensor"] = torch.zeros(1)
    return weights


def meters():
    """The meters that fairseq's trainer pickles, under the module name that they have there."""
    module = types.ModuleType("fairseq.meters")
    for name in ["AverageMeter", "TimeMeter", "StopwatchMeter"]:
        setattr(module, name, type(name, (), {"__module__": "fairseq.meters"}))
    sys.modules["fairseq"] = types.ModuleType("fairseq")
    sys.modules["fairseq.meters"] = module
    made = collections.OrderedDict()
    for name, kind in [("train_loss", "AverageMeter"), ("wps", "TimeMeter"), ("train_wall", "StopwatchMeter")]:
        made[name] = getattr(module, kind)()
        made[name].__dict__.update(val=1.5, sum=3, count=2)
    return made


def checkpoint():
    weights = model()
    args = argparse.Namespace(
        arch="transformersuper_wmt_en_de",
        dropout=0.3,
        lr=[1e-3],
        fp16=True,
        encoder_embed_choice=[640, 512],
        adam_betas="(0.9, 0.98)",
        clip_norm=float("inf"),
        share_all_embeddings=True,
        seed=2**40,
        left_pad_source=None,
        shapes=(1, (2, 3)),
        languages={"de"},
        nested={"a": {1: "b"}},
    )
    return {
        "args": args,
        "model": weights,
        "optimizer_history": [{"optimizer_name": "FairseqAdam", "num_updates": 7}],
        "extra_state": {"train_iterator": {"epoch": 1}, "val_loss": 2.25, "train_meters": meters()},
        "last_optimizer_state": {"state": {0: {"step": 7, "exp_avg": numbers(3)}}, "param_groups": [{"params": [0]}]},
    }


def expected(tensors):
    return {name: {"shape": list(t.shape), "data": t.float().flatten().tolist()} for name, t in tensors.items()}


def main():
    tensors, whole = assortment(), checkpoint()
    for name, value in [("tensors", tensors), ("fairseq", whole)]:
        torch.save(value, f"{name}.pt")
        torch.save(value, f"{name}_legacy.pt", _use_new_zipfile_serialization=False)
    args = vars(whole["args"])
    args.update(clip_norm="inf", languages=sorted(args["languages"]))
    record = {"tensors": expected(tensors), "model": expected(whole["model"]), "args": args}
    with open("expected.json", "w") as file:
        json.dump(record, file, sort_keys=True)
        file.write("\n")


main()
