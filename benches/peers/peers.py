"""Times CTranslate2 and PyTorch beside automoe: see README.md."""

import argparse
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import ct2

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEAM, LEAST, MOST = 5, 18, 60
# A program's start takes longer than some of what is timed, and not always equally long.
REPEATS = 5
# Width, FFN, heads, layers of either stack, entries of the vocabulary, sentences, and words of each by chance.
SHAPES = {
    "128x3": (128, 512, 8, 3, 10_000, 16, lambda _: 15),
    "256x3": (256, 1024, 8, 3, 10_000, 16, lambda _: 15),
    "512x6": (512, 2048, 8, 6, 10_000, 16, lambda _: 15),
    "multi30k-like": (192, 512, 4, 3, 4_000, 1_000, lambda chance: min(49, max(5, round(chance.gammavariate(9, 1.7))))),
}
CONFIG = """
run_dir = "run"
model.qkv_dim = {width}
data = {{ dir = ".", source_lang = "xx", target_lang = "yy", source_dict = "dict.txt", max_length_ratio = 0.0 }}
train = {{ max_updates = 60, warmup_updates = 10, lr = 2e-3, max_tokens = 1024, update_freq = 1, validate_every = 60 }}
[space]
decoder_ende_attention_heads = [{heads}]
decoder_arbitrary_ende_attn = [-1]
"""
SPACE = """
{stack}_embed_dim = [{width}]
{stack}_layer_num = [{layers}]
{stack}_ffn_embed_dim = [{ffn}]
{stack}_self_attention_heads = [{heads}]
{stack}_n_experts = []
"""


class Ours:
    """`automoe` in a folder of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def call(self, *arguments, text=""):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, input=text, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"automoe {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def make(self, width, ffn, heads, layers, vocab, sentences, length):
        """Trains a model on made-up text and exports it; words, and lines to translate."""
        chance = random.Random(1)
        words = [f"w{index}" for index in range(4, vocab)]
        # As in a language, few words are frequent; short targets make the end of a sentence likely everywhere.
        often = [1 / rank for rank in range(1, len(words) + 1)]
        line = lambda count: " ".join(chance.choices(words, often, k=count))
        self.write("dict.txt", (f"{word} 1" for word in words))
        for split, count in ("train", 4_000), ("valid", 20), ("test", 20):
            self.write(f"{split}.xx", (line(length(chance)) for _ in range(count)))
            self.write(f"{split}.yy", (line(3) for _ in range(count)))
        sizes = dict(width=width, ffn=ffn, heads=heads, layers=layers)
        space = [SPACE.format(stack=stack, **sizes) for stack in ("encoder", "decoder")]
        self.write("config.toml", [CONFIG.format(**sizes), *space])
        self.call("train", "--config", "config.toml")
        self.call("export", "--checkpoint", "run/supernet", "--out", "model.safetensors", "--names", "reference")
        return words, [" ".join(chance.choices(words, k=length(chance))) for _ in range(sentences)]

    def write(self, name, lines):
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def translate(self, lines, precision, threads):
        settings = dict(beam=BEAM, min_len=LEAST, max_len_a=0, max_len_b=MOST, precision=precision)
        sets = [part for key, value in settings.items() for part in ("--set", f"translate.{key}={value}")]
        text = "".join(f"{line}\n" for line in lines)
        command = ["translate", "--checkpoint", "run/supernet", "--threads", str(threads), *sets]
        return self.call(*command, text=text).splitlines()

    def seconds(self, lines, precision, threads):
        """Of translating `lines`, without loading: without what an empty line takes, which needs no step of the decoder."""
        least = [float("inf")] * 2
        for _ in range(REPEATS):
            for place, some in enumerate(([""], lines)):
                start = time.perf_counter()
                self.translate(some, precision, threads)
                least[place] = min(least[place], time.perf_counter() - start)
        return least[1] - least[0]

    def bench(self, name):
        """The seconds of `cargo bench`'s rows of this name, by threads."""
        command = ["cargo", "bench", "--", "--quick", name]
        out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return {int(row["name"].rsplit("-", 1)[1]): row["seconds"] for row in rows if row["name"].startswith(name)}


def in_turns(contenders, rounds):
    """The least seconds of each of `contenders`, a function by name."""
    least = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, seconds in contenders.items():
            least[name] = min(least[name], seconds())
    return least


def translation(name, program, threads, rounds):
    """Rows of one shape, once both programs translate alike."""
    shape = SHAPES[name]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ours = Ours(program, folder)
        print(f"{name}: making a model", file=sys.stderr)
        words, lines = ours.make(*shape)
        ct2.convert(folder / "model.safetensors", words, shape[2], folder / "ct2")
        options = dict(beam_size=BEAM, min_decoding_length=LEAST, max_decoding_length=MOST)
        pairs = zip(ours.translate(lines, "float32", 1), ct2.Peer(folder / "ct2", "float32", 1, options).translate(lines))
        equal = sum(mine == theirs for mine, theirs in pairs)
        print(f"{name}: {equal} of {len(lines)} hypotheses equal CTranslate2's", file=sys.stderr)
        if equal < len(lines):
            raise SystemExit(f"{name}: hypotheses differ; nothing is timed")
        for count in threads:
            contenders = {}
            for precision in "float32", "int8":
                peer = ct2.Peer(folder / "ct2", precision, count, options)
                peer.seconds(lines)
                contenders["CTranslate2", precision] = lambda peer=peer: peer.seconds(lines)
            for precision in "float32", "bfloat16", "int8":
                try:
                    ours.translate(lines[:1], precision, count)
                except SystemExit as refused:
                    print(f"skipped: {refused}", file=sys.stderr)
                    continue
                contenders["automoe", precision] = lambda of=precision: ours.seconds(lines, of, count)
            yield from rows(f"translate/{name}", count, in_turns(contenders, rounds))


def updates(name, threads, rounds, compiled):
    """Rows of PyTorch's updates and ours."""
    import pytorch

    width, layers = SHAPES[name][0], SHAPES[name][3]
    ours = Ours(None, ROOT)
    for count in threads:
        contenders = {}
        for precision in "float32", "bfloat16":
            for how in [False, True][: 1 + compiled]:
                peer = pytorch.Peer(width, layers, precision, count, how)
                contenders["PyTorch, compiled" if how else "PyTorch", precision] = peer.seconds
            bench = f"update/{name}/dense/{precision}"
            contenders["automoe", precision] = lambda bench=bench: ours.bench(bench).get(count, float("inf"))
        yield from rows(f"update/{name}", count, in_turns(contenders, rounds))


def rows(name, threads, seconds):
    """A row for each contender that could be timed."""
    for (program, precision), least in seconds.items():
        if least < float("inf"):
            yield dict(name=name, threads=threads, program=program, precision=precision, seconds=round(least, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"{', '.join(SHAPES)}; all where none is named")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/automoe")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="time compiled PyTorch, too")
    parser.add_argument("--json", action="store_true", help="a JSON line a result in place of a table")
    options = parser.parse_args()
    if unknown := set(options.shapes) - set(SHAPES):
        parser.error(f"no such shape: {', '.join(sorted(unknown))}")
    has_torch = importlib.util.find_spec("torch") is not None
    if not has_torch:
        print("skipped: updates, for torch is not installed", file=sys.stderr)
    if not options.json:
        print("| | threads | program | precision | seconds |\n|---|---|---|---|---|")
    for name in options.shapes or SHAPES:
        found = [translation(name, options.program.resolve(), options.threads, options.rounds)]
        if has_torch and SHAPES[name][4] == 10_000:
            found.append(updates(name, options.threads, options.rounds, options.compile))
        for row in (row for part in found for row in part):
            print(json.dumps(row) if options.json else f"| {' | '.join(map(str, row.values()))} |", flush=True)


if __name__ == "__main__":
    main()
