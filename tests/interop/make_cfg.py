"""Makes fairseq_cfg.pt and fairseq_cfg.json: a checkpoint as fairseq writes it since 2020, with an omegaconf DictConfig under
`cfg`, and those settings as plain data.

PyTorch's file is written by hand, so that only omegaconf is needed. Run once, with omegaconf 2.0.6: python make_cfg.py
"""

import argparse
import collections
import enum
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from dataclasses import dataclass, field
from typing import List, Optional

from omegaconf import OmegaConf


def module(name, **members):
    """A module of this name for what is pickled by name, as of an installed package."""
    sys.modules[name] = made = types.ModuleType(name)
    for key, member in members.items():
        member.__module__, member.__name__, member.__qualname__ = name, key, key
        setattr(made, key, member)
    return made


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError


class FloatStorage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, key, values, shape):
        self.storage, self.shape = FloatStorage(key, values), shape

    def __reduce__(self):
        strides = [1]
        for size in self.shape[:0:-1]:
            strides.insert(0, strides[0] * size)
        arguments = (self.storage, 0, self.shape, tuple(strides[: len(self.shape)]), False, collections.OrderedDict())
        return _rebuild_tensor_v2, arguments


class DdpBackend(enum.Enum):
    C10D = "c10d"


class AverageMeter:
    def __init__(self):
        self.sum = 1.5


@dataclass
class Stack:
    embed_dim: Optional[int] = 4
    layers: int = 1
    ffn_embed_dim: int = 6
    attention_heads: int = 2
    normalize_before: bool = False
    layers_to_keep: Optional[List[int]] = None


@dataclass
class Model:
    encoder: Stack = field(default_factory=Stack)
    decoder: Stack = field(default_factory=lambda: Stack(normalize_before=True))
    activation_fn: str = "relu"
    share_all_embeddings: bool = True


for package in ["fairseq", "fairseq.dataclass", "fairseq.logging"]:
    module(package)
module("torch", FloatStorage=FloatStorage)
module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)
module("fairseq.dataclass.configs", Stack=Stack, Model=Model)
module("fairseq.dataclass.constants", DdpBackend=DdpBackend)
module("fairseq.logging.meters", AverageMeter=AverageMeter)


def weights(width=4, ffn=6, vocabulary=7):
    """The names of fairseq's newest Transformer."""
    made = collections.OrderedDict()

    def add(name, *shape):
        size = 1
        for one in shape:
            size *= one
        start = sum(map(ord, name)) % 97
        made[name] = Tensor(str(len(made)), [(start + i) / 8 for i in range(size)], shape)

    def linear(name, outputs, inputs):
        add(f"{name}.weight", outputs, inputs)
        add(f"{name}.bias", outputs)

    for stack, attentions in [("encoder", ["self_attn"]), ("decoder", ["self_attn", "encoder_attn"])]:
        add(f"{stack}.version", 1)
        add(f"{stack}.embed_tokens.weight", vocabulary, width)
        add(f"{stack}.embed_positions._float_tensor", 1)
        layer = f"{stack}.layers.0"
        for attention in attentions:
            for projection in ["k_proj", "v_proj", "q_proj", "out_proj"]:
                linear(f"{layer}.{attention}.{projection}", width, width)
            linear_norm = f"{layer}.{attention}_layer_norm"
            add(f"{linear_norm}.weight", width)
            add(f"{linear_norm}.bias", width)
        linear(f"{layer}.fc1", ffn, width)
        linear(f"{layer}.fc2", width, ffn)
        add(f"{layer}.final_layer_norm.weight", width)
        add(f"{layer}.final_layer_norm.bias", width)
    shared = made["encoder.embed_tokens.weight"]
    made["decoder.embed_tokens.weight"] = made["decoder.output_projection.weight"] = shared
    return made


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, FloatStorage):
            storages[value.key] = value.values
            return ("storage", FloatStorage, value.key, "cpu", len(value.values))
        return None


storages = {}
cfg = OmegaConf.create({"_name": None, "common": {"seed": 1, "log_format": "simple"}, "task": {"left_pad_target": False}})
cfg.model = OmegaConf.structured(Model)
cfg.optimization = {"lr": [0.5, 0.25], "clip_norm": 0.0}
checkpoint = {
    "args": None,
    "cfg": cfg,
    "model": weights(),
    "extra_state": {"backend": DdpBackend.C10D, "meters": AverageMeter(), "rates": collections.defaultdict(dict)},
    "options": argparse.Namespace(seed=1),
}
with io.BytesIO() as stream:
    Pickler(stream, 2).dump(checkpoint)
    data = stream.getvalue()
with zipfile.ZipFile("fairseq_cfg.pt", "w", zipfile.ZIP_STORED) as archive:
    archive.writestr("archive/data.pkl", data)
    archive.writestr("archive/byteorder", "little")
    for key, values in storages.items():
        archive.writestr(f"archive/data/{key}", struct.pack(f"<{len(values)}f", *values))
with open("fairseq_cfg.json", "w") as file:
    json.dump(OmegaConf.to_container(cfg), file, indent=1)
    file.write("\n")
