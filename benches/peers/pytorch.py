"""What an update takes in PyTorch: the batch, dropout, loss and optimiser of `benches/training.rs`."""

import time

import torch
from torch import nn

SENTENCES, LENGTH, VOCAB, HEADS = 64, 16, 10_000, 8
DROPOUT = 0.1


class Model(nn.Module):
    """A dense Transformer with one table for source, target and output."""

    def __init__(self, width, layers):
        super().__init__()
        self.table = nn.Embedding(VOCAB, width)
        nn.init.normal_(self.table.weight, std=width**-0.5)
        self.stacks = nn.Transformer(width, HEADS, layers, layers, 4 * width, DROPOUT, batch_first=True)
        # Ours end in the last layer's normalisation and drop nothing within feed-forward networks.
        self.stacks.encoder.norm = self.stacks.decoder.norm = None
        for layer in [*self.stacks.encoder.layers, *self.stacks.decoder.layers]:
            layer.dropout.p = 0.0
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def embed(self, ids):
        # Positions are left out: adding them takes no time that could be measured.
        return self.dropout(self.table(ids) * self.table.embedding_dim**0.5)

    def forward(self, source, previous):
        out = self.stacks(self.embed(source), self.embed(previous), tgt_mask=self.mask, tgt_is_causal=True)
        return out @ self.table.weight.T


class Peer:
    """An update of `width` x `layers` on `threads` threads."""

    def __init__(self, width, layers, precision, threads, compiled):
        torch.manual_seed(1)
        self.precision, self.threads = precision, threads
        model = Model(width, layers)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.model = torch.compile(model) if compiled else model
        self.batch = [torch.randint(4, VOCAB, (SENTENCES, LENGTH)) for _ in range(3)]
        self.seconds()

    def seconds(self):
        """Of the fastest of three updates."""
        torch.set_num_threads(self.threads)
        return min(self.update() for _ in range(3))

    def update(self):
        start = time.perf_counter()
        source, previous, target = self.batch
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.model(source, previous)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), label_smoothing=0.1)
        loss.backward()
        self.optimizer.step()
        return time.perf_counter() - start
