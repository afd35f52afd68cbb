"""Our weights in CTranslate2's format, and the time that it takes with them."""

import time

import ctranslate2
import numpy as np
from ctranslate2.specs.transformer_spec import TransformerSpec
from safetensors.numpy import load_file

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
# Positions that our models read, and the first one's number: fairseq counts from behind the padding symbol's id.
POSITIONS, FIRST_POSITION = 1024, 2


def positions(width):
    """fairseq's sinusoidal positions, `[POSITIONS, width]`."""
    half = width // 2
    place = np.arange(POSITIONS)[:, None] + FIRST_POSITION
    angle = place * np.exp(np.arange(half) * -(np.log(10_000) / (half - 1)))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)


def convert(weights, words, heads, folder):
    """Writes the dense model of `weights`, a file of `automoe export --names reference`, to `folder`."""
    tensors = load_file(weights)
    table = tensors["encoder.embed_tokens.weight"]
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layers."))
    spec = TransformerSpec.from_config((layers, layers), heads, pre_norm=False)

    def linear(spec, name, rows=slice(None), separator="."):
        spec.weight = tensors[f"{name}{separator}weight"][rows]
        spec.bias = tensors[f"{name}{separator}bias"][rows]

    def norm(spec, name):
        spec.gamma, spec.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

    for stack, name in (spec.encoder, "encoder"), (spec.decoder, "decoder"):
        embeddings = stack.embeddings[0] if isinstance(stack.embeddings, list) else stack.embeddings
        embeddings.weight = table
        stack.position_encodings.encodings = positions(table.shape[1])
        stack.scale_embeddings = True
        for index, layer in enumerate(stack.layer):
            prefix = f"{name}.layers.{index}"
            linear(layer.self_attention.linear[0], f"{prefix}.self_attn.in_proj", separator="_")
            linear(layer.self_attention.linear[1], f"{prefix}.self_attn.out_proj")
            norm(layer.self_attention.layer_norm, f"{prefix}.self_attn_layer_norm")
            if name == "decoder":
                width = tensors[f"{prefix}.encoder_attn.in_proj_weight"].shape[0] // 3
                linear(layer.attention.linear[0], f"{prefix}.encoder_attn.in_proj", slice(width), "_")
                linear(layer.attention.linear[1], f"{prefix}.encoder_attn.in_proj", slice(width, None), "_")
                linear(layer.attention.linear[2], f"{prefix}.encoder_attn.out_proj")
                norm(layer.attention.layer_norm, f"{prefix}.encoder_attn_layer_norm")
            linear(layer.ffn.linear_0, f"{prefix}.fc1")
            linear(layer.ffn.linear_1, f"{prefix}.fc2")
            norm(layer.ffn.layer_norm, f"{prefix}.final_layer_norm")
    spec.decoder.projection.weight = table
    spec.register_source_vocabulary(SPECIAL + words)
    spec.register_target_vocabulary(SPECIAL + words)
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    folder.mkdir(exist_ok=True)
    spec.save(str(folder))


class Peer:
    """CTranslate2 with the model in `folder`, on `threads` threads, in the fastest of a few ways to share work among them."""

    def __init__(self, folder, precision, threads, options):
        self.options = options
        self.ways = [
            (ctranslate2.Translator(str(folder), compute_type=precision, inter_threads=workers,
                                    intra_threads=threads // workers), tokens)
            for workers in {1, threads} for tokens in (512, 2048)
        ]

    def translate(self, lines, way=0):
        """The best hypothesis of each line."""
        translator, tokens = self.ways[way]
        sentences = [line.split() for line in lines]
        results = translator.translate_batch(sentences, max_batch_size=tokens, batch_type="tokens", **self.options)
        return [" ".join(result.hypotheses[0]) for result in results]

    def seconds(self, lines):
        """Of translating `lines`; the first call keeps the fastest way."""
        times = []
        for way in range(len(self.ways)):
            start = time.perf_counter()
            self.translate(lines, way)
            times.append(time.perf_counter() - start)
        self.ways = [self.ways[times.index(min(times))]]
        return min(times)
