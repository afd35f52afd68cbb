"""Trains a tiny Transformer in PyTorch and records what it translates: translator.pt, its dictionaries, its BPE codes, and
translator.json.

Encoder and decoder differ in width, so that cross-attention has separate projections; the decoder's layer has two experts. The
forward pass is written out from the description of the reference, apart from the program that is tested.

Run once, with PyTorch 2.5.1 on a CPU: python make_translator.py
"""

import argparse
import collections
import json
import math
import random

import torch
import torch.nn.functional as F

ENCODER, DECODER, QKV, FFN, HEADS, EXPERTS = 16, 24, 16, 32, 2, 2
BOS, PAD, EOS, UNK = range(4)
SOURCE = ["ba", "de", "ki", "lo", "mu", "ri"]
TARGET = ["ta", "fe", "pi", "so", "nu", "gi"]
LONGEST = 30


def tokens(syllables):
    """Each syllable within a word, then each at a word's end."""
    return [syllable + "@@" for syllable in syllables] + syllables


def xavier(rows, columns):
    bound = math.sqrt(6 / (rows + columns))
    return torch.empty(rows, columns).uniform_(-bound, bound)


def weights():
    made = collections.OrderedDict()

    def linear(name, outputs, inputs, joint="."):
        made[f"{name}{joint}weight"] = xavier(outputs, inputs)
        made[f"{name}{joint}bias"] = torch.zeros(outputs)

    def norm(name, width):
        made[f"{name}.weight"] = torch.ones(width)
        made[f"{name}.bias"] = torch.zeros(width)

    for stack, width, vocabulary in [("encoder", ENCODER, 4 + 2 * len(SOURCE)), ("decoder", DECODER, 4 + 2 * len(TARGET))]:
        made[f"{stack}.embed_tokens.weight"] = torch.randn(vocabulary, width) * width**-0.5
        layer = f"{stack}.layers.0"
        linear(f"{layer}.self_attn.in_proj", 3 * QKV, width, "_")
        linear(f"{layer}.self_attn.out_proj", width, QKV)
        norm(f"{layer}.self_attn_layer_norm", width)
        norm(f"{layer}.final_layer_norm", width)
    linear("encoder.layers.0.fc1", FFN, ENCODER)
    linear("encoder.layers.0.fc2", ENCODER, FFN)
    cross = "decoder.layers.0.encoder_attn"
    for part, width in [("q", DECODER), ("k", ENCODER), ("v", ENCODER)]:
        made[f"{cross}.{part}_proj_weight"] = xavier(QKV, width)
    made[f"{cross}.in_proj_bias"] = torch.zeros(3 * QKV)
    linear(f"{cross}.out_proj", DECODER, QKV)
    norm(f"{cross}_layer_norm", DECODER)
    linear("decoder.layers.0.switch_layer.switch", EXPERTS, DECODER)
    for expert in range(EXPERTS):
        linear(f"decoder.layers.0.switch_layer.experts.{expert}.0", FFN, DECODER)
        linear(f"decoder.layers.0.switch_layer.experts.{expert}.1", DECODER, FFN)
    return {name: value.requires_grad_() for name, value in made.items()}


def positions(ids, width):
    """Tokens that are not padding count from 2; the row of padding is 0."""
    numbers = (ids != PAD).cumsum(1) + PAD
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
    angles = numbers.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1) * (ids != PAD).unsqueeze(-1)


def attend(query, key, value, mask):
    def split(x):
        batch, time, _ = x.shape
        return x.view(batch, time, HEADS, QKV // HEADS).transpose(1, 2)

    scores = split(query) * (QKV // HEADS) ** -0.5 @ split(key).transpose(2, 3)
    context = torch.softmax(scores.masked_fill(mask, -torch.inf), -1) @ split(value)
    return context.transpose(1, 2).reshape(query.shape)


class Model:
    def __init__(self):
        self.w = weights()

    def linear(self, name, x, joint="."):
        return F.linear(x, self.w[f"{name}{joint}weight"], self.w[f"{name}{joint}bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def embed(self, stack, ids):
        table = self.w[f"{stack}.embed_tokens.weight"]
        return math.sqrt(table.shape[1]) * table[ids] + positions(ids, table.shape[1])

    def self_attention(self, layer, x, mask):
        query, key, value = self.linear(f"{layer}.self_attn.in_proj", x, "_").chunk(3, -1)
        attended = self.linear(f"{layer}.self_attn.out_proj", attend(query, key, value, mask))
        return self.norm(f"{layer}.self_attn_layer_norm", x + attended)

    def encode(self, source):
        layer = "encoder.layers.0"
        mask = (source == PAD)[:, None, None, :]
        x = self.self_attention(layer, self.embed("encoder", source), mask)
        inner = torch.relu(self.linear(f"{layer}.fc1", x))
        return self.norm(f"{layer}.final_layer_norm", x + self.linear(f"{layer}.fc2", inner)), mask

    def decode(self, previous, memory, mask):
        layer = "decoder.layers.0"
        time = previous.shape[1]
        causal = torch.ones(time, time, dtype=torch.bool).triu(1)
        x = self.self_attention(layer, self.embed("decoder", previous), causal)
        cross = f"{layer}.encoder_attn"
        projections = [self.w[f"{cross}.{part}_proj_weight"] for part in "qkv"]
        biases = self.w[f"{cross}.in_proj_bias"].chunk(3)
        parts = [F.linear(y, w, b) for y, w, b in zip([x, memory, memory], projections, biases)]
        x = self.norm(f"{cross}_layer_norm", x + self.linear(f"{cross}.out_proj", attend(*parts, mask)))
        p, best = torch.softmax(self.linear(f"{layer}.switch_layer.switch", x), -1).max(-1)
        y = torch.zeros_like(x)
        for expert in range(EXPERTS):
            name = f"{layer}.switch_layer.experts.{expert}"
            out = self.linear(f"{name}.1", torch.relu(self.linear(f"{name}.0", x)))
            y = y + out * (p * (best == expert)).unsqueeze(-1)
        x = self.norm(f"{layer}.final_layer_norm", x + y)
        return x @ self.w["decoder.embed_tokens.weight"].t()

    def greedy(self, source):
        """The best token at each step, eos included, and the mean of their log probabilities."""
        memory, mask = self.encode(torch.tensor([source]))
        found, scores = [], []
        while not found or found[-1] != EOS:
            assert len(found) < LONGEST
            logits = self.decode(torch.tensor([[EOS] + found]), memory, mask)[0, -1]
            log_p = torch.log_softmax(logits, -1)
            log_p[PAD] = -torch.inf
            if not found:
                log_p[EOS] = -torch.inf
            found.append(int(log_p.argmax()))
            scores.append(float(log_p[found[-1]]))
        return found, sum(scores) / len(scores)


def sentence():
    """Words of one to three syllables: source ids, target ids, source text."""
    ids, text = [], []
    for _ in range(random.randint(1, 4)):
        word = [random.randrange(len(SOURCE)) for _ in range(random.randint(1, 3))]
        ids += [4 + syllable for syllable in word[:-1]] + [4 + len(SOURCE) + word[-1]]
        text.append("".join(SOURCE[syllable] for syllable in word))
    return ids, " ".join(text)


def batch(sentences):
    """Sources padded on the left, decoder inputs and targets on the right."""
    longest = max(len(ids) for ids, _ in sentences) + 1
    pad = lambda ids: [PAD] * (longest - 1 - len(ids))
    source = [pad(ids) + ids + [EOS] for ids, _ in sentences]
    previous = [[EOS] + ids + pad(ids) for ids, _ in sentences]
    target = [ids + [EOS] + pad(ids) for ids, _ in sentences]
    return [torch.tensor(rows) for rows in [source, previous, target]]


def train(model, updates=1500):
    adam = torch.optim.Adam(model.w.values(), lr=5e-3)
    for update in range(updates):
        source, previous, target = batch([sentence() for _ in range(64)])
        logits = model.decode(previous, *model.encode(source))
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=0.1)
        adam.zero_grad()
        loss.backward()
        adam.step()
        for group in adam.param_groups:
            group["lr"] = 5e-3 * (1 - update / updates)
    print("loss of the last update", float(loss))


def subtransformer():
    """The architecture as the reference's settings have it."""
    genes = {"encoder_embed_choice": [ENCODER], "decoder_embed_choice": [DECODER], "decoder_n_experts": [EXPERTS]}
    for stack, width in [("encoder", ENCODER), ("decoder", DECODER)]:
        genes[f"{stack}_embed_dim_subtransformer"] = width
        genes[f"{stack}_layer_num_subtransformer"] = 1
        genes[f"{stack}_ffn_embed_dim_all_subtransformer"] = [FFN]
        genes[f"{stack}_self_attention_heads_all_subtransformer"] = [HEADS]
    genes["decoder_ende_attention_heads_all_subtransformer"] = [HEADS]
    genes["decoder_arbitrary_ende_attn_all_subtransformer"] = [-1]
    return argparse.Namespace(arch="transformersuper_tiny", left_pad_source="True", **genes)


def main():
    torch.manual_seed(1)
    random.seed(1)
    model = Model()
    train(model)
    lines = ["bade kilo", "mu", "ri ri baba kidemu", "loba zu deki"] + [sentence()[1] for _ in range(12)]
    ids = {token: 4 + i for i, token in enumerate(tokens(SOURCE))}
    names = ["<s>", "<pad>", "</s>", "<unk>"] + tokens(TARGET)
    cases = []
    with torch.no_grad():
        for line in lines:
            pieces = []
            for word in line.split():
                syllables = [word[i : i + 2] for i in range(0, len(word), 2)]
                for i, syllable in enumerate(syllables):
                    last = i == len(syllables) - 1
                    # A syllable that no merge makes stays two letters, both of them unknown.
                    known = syllable in SOURCE
                    pieces += [ids[syllable + ("" if last else "@@")]] if known else [UNK, UNK]
            found, score = model.greedy(pieces + [EOS])
            text = (" ".join(names[token] for token in found[:-1]) + " ").replace("@@ ", "").rstrip()
            cases.append({"line": line, "translation": text, "score": score})
    state = collections.OrderedDict((name, value.detach()) for name, value in model.w.items())
    torch.save({"args": subtransformer(), "model": state, "extra_state": {"val_loss": 0.5}}, "translator.pt")
    for name, syllables in [("dict.xx.txt", SOURCE), ("dict.yy.txt", TARGET)]:
        with open(name, "w") as file:
            file.writelines(f"{token} {100 - i}\n" for i, token in enumerate(tokens(syllables)))
    with open("translator.codes", "w") as file:
        merges = [f"{s[0]} {s[1]}{end}" for s in SOURCE for end in ["", "</w>"]]
        file.write("\n".join(["#version: 0.2"] + merges) + "\n")
    with open("translator.json", "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


main()
