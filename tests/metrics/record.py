"""Records what sacreBLEU 2.6.0 computes for made-up corpora: `python record.py cases.json paired.json [CORPORA SEED]`."""

import json
import os
import random
import sys
import unicodedata

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest
from sacrebleu.version import __version__

assert __version__ == "2.6.0", __version__

SUBJECTS = ["The baker", "A tall crane", "Frau Öztürk", "Our neighbour's dog", "Der Straßenhändler", "Łukasz", "ΟΔΥΣΣΕΥΣ", "İpek"]
VERBS = ["repairs", "counts", "verkauft", "has painted", "doesn't like", "fährt", "re-reads"]
OBJECTS = ["three clocks", "1,000.50 euros", "a well-known song", "Äpfel & Birnen", "the 2nd-hand boat", "ein Windrad-Modell", "5-6 maps",
           "C++ and R&D", "the 'old' mill", "50% of it", "№ 7", "crème brûlée", "€12.30", "U.S. stamps", "½ cup", "x² + y²"]
PLACES = ["near the river", "in Zürich", "at 7:30 p.m.", "on 12.05.1999", "behind the barn", "an der Ecke", "(upstairs)", "for e.g. 3 hours"]
ENDS = [".", "!", "?", " .", "...", " …", ".\"", ";", "", "!?", " :-)", ",", " -", "。", "\u00a0!"]
ODDITIES = ["&quot;", "&amp;", "&amp;lt;", "&lt;b&gt;", "<skipped>", "-\n", "\n", "\t", "\r", "\u00a0", "\u200b", "\u2028", "\u0085", "\x1c", "\x1f",
            "\x0b", "\u3000", "\ufeff", "e\u0301", "👩‍🚀", "🇪🇺", "日本語、テスト", "مرحبا؟", "«oui»", "—", "–", "1.", ".5", "1.2.3", "1,2", "-5", "5-",
            "a-b-c", "'", "`", "^", "~", "{", "|", "}", "\\", "[", "]", "_", "@", "/", "=", "Ⅷ.", "٣,", "²,", "ΣΑΣ", "ẞ", "ǅ", "ﬁ", "İ"]


def sentence(rng):
    words = [rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS)]
    while rng.random() < 0.4:
        words += ["and", rng.choice(OBJECTS)]
    if rng.random() < 0.6:
        words.append(rng.choice(PLACES))
    return " ".join(words) + rng.choice(ENDS)


def assigned_character(rng):
    """Any character of Unicode's lower planes that was there in version 14, which Python 3.11 knows."""
    while True:
        character = chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x250, 0x3100), rng.randrange(0x3100, 0x1FFFF)]))
        if unicodedata.category(character) not in ("Cn", "Cs", "Co"):
            return character


def jumble(rng):
    """Odd pieces and characters in a row, now and then with spaces between them."""
    pieces = []
    for _ in range(rng.randrange(1, 14)):
        pieces.append(rng.choice(ODDITIES) if rng.random() < 0.7 else assigned_character(rng))
        if rng.random() < 0.4:
            pieces.append(rng.choice([" ", "  ", "a", "7", "Zeit"]))
    return "".join(pieces)


def vary(rng, line, strength):
    """The line with some words dropped, doubled, swapped, re-cased or replaced."""
    words = line.split(" ")
    out = []
    for word in words:
        draw = rng.random() / strength
        if draw < 0.1:
            continue
        if draw < 0.2:
            word = rng.choice([word.upper(), word.lower(), word.title()])
        elif draw < 0.3:
            word = rng.choice(rng.choice([SUBJECTS, OBJECTS, PLACES, ODDITIES]))
        elif draw < 0.35:
            out.append(word)
        out.append(word)
    if len(out) > 1 and rng.random() < strength / 2:
        at = rng.randrange(len(out) - 1)
        out[at], out[at + 1] = out[at + 1], out[at]
    return " ".join(out)


def corpus(rng, index):
    """Hypotheses and one to three sets of references; some lines are empty, some corpora have nothing in common."""
    strength = rng.choice([0.2, 0.6, 1.2])
    make = jumble if index % 3 == 2 else sentence
    hypotheses, references = [], [[] for _ in range(1 + index % 3 if index % 2 else 1)]
    for _ in range(1 if index % 5 == 0 else rng.randrange(2, 7)):
        line = make(rng)
        hypotheses.append("" if rng.random() < 0.08 else rng.choice(["", "", "", " "]) + vary(rng, line, strength))
        for lines in references:
            lines.append("" if rng.random() < 0.08 else vary(rng, line, strength) + rng.choice(["", "", "", " ", "\u00a0", "\n"]))
    if index % 11 == 10:
        hypotheses = [sentence(rng).translate({ord(c): "q" for c in "etaoinshrdlu .,"}) for _ in hypotheses]
    if index % 17 == 16:
        hypotheses = ["" for _ in hypotheses]
    if index % 19 == 18:
        references = [["" for _ in lines] for lines in references]
    return {"hypotheses": hypotheses, "references": references}


def bleu_cases(rng, corpora):
    smoothings = [("exp", None), ("floor", None), ("add-k", None), ("none", None), ("floor", 0.01), ("add-k", 0.5)]
    for index, data in enumerate(corpora):
        for tokenizer in ["13a", "none", "intl", "char"]:
            for method, value in rng.sample(smoothings, 4):
                lowercase = rng.random() < 0.3
                effective = rng.random() < 0.3
                order = rng.choice([4, 4, 4, 1, 2, 6])
                metric = BLEU(tokenize=tokenizer, smooth_method=method, smooth_value=value, lowercase=lowercase,
                              effective_order=effective, max_ngram_order=order)
                score = metric.corpus_score(data["hypotheses"], data["references"])
                yield {"corpus": index, "tokenizer": tokenizer, "smoothing": method, "smoothing_value": value,
                       "lowercase": lowercase, "effective_order": effective, "max_order": order,
                       "score": score.score, "precisions": score.precisions, "brevity_penalty": score.bp,
                       "ratio": score.ratio, "hypothesis_length": score.sys_len, "reference_length": score.ref_len,
                       "line": score.format(signature=str(metric.get_signature()))}


def chrf_cases(rng, corpora):
    for index, data in enumerate(corpora):
        for word_order in [0, 2]:
            for whitespace in [False, True]:
                options = {"char_order": rng.choice([6, 6, 6, 3, 8]), "word_order": word_order, "beta": rng.choice([2, 2, 2, 1, 3]),
                           "lowercase": rng.random() < 0.3, "whitespace": whitespace, "eps_smoothing": rng.random() < 0.3}
                metric = CHRF(**options)
                score = metric.corpus_score(data["hypotheses"], data["references"])
                yield {"corpus": index, **options, "score": score.score,
                       "line": score.format(signature=str(metric.get_signature()))}


def paired_cases(rng):
    """A baseline and two other systems, tested as `sacrebleu --paired-bs` does."""
    for index, (count, samples, seed) in enumerate([(40, 1000, 12345), (1, 100, 12345), (7, 1000, 1), (150, 300, 2**40 + 3)]):
        lines = [sentence(rng) for _ in range(count)]
        references = [[vary(rng, line, 0.3) for line in lines] for _ in range(1 + index % 2)]
        systems = [[vary(rng, line, strength) for line in lines] for strength in (0.6, 0.5, 0.6)]
        if index == 2:
            systems[2] = systems[0]
        os.environ["SACREBLEU_SEED"] = str(seed)
        metrics = {"BLEU": BLEU(), "chrF2": CHRF(), "chrF2++": CHRF(word_order=2)}
        named = [(str(place), lines) for place, lines in enumerate(systems)]
        signatures, scores = PairedTest(named, metrics, references, test_type="bs", n_samples=samples)()
        figures = {name: [{"score": float(r.score), "mean": float(r.mean), "ci": float(r.ci), "p_value": r.p_value} for r in results]
                   for name, results in scores.items() if name != "System"}
        yield {"systems": systems, "references": references, "samples": samples, "seed": seed,
               "signatures": {name: signature.format() for name, signature in signatures.items()}, "figures": figures}


def main():
    (path, paired), (count, seed) = sys.argv[1:3], map(int, sys.argv[3:] or [45, 1])
    rng = random.Random(seed)
    corpora = [corpus(rng, index) for index in range(count)]
    recorded = {"sacrebleu": __version__, "corpora": corpora, "bleu": list(bleu_cases(rng, corpora)), "chrf": list(chrf_cases(rng, corpora))}
    with open(path, "w", encoding="ascii") as file:
        parts = [f'"sacrebleu": {json.dumps(__version__)}']
        for key in ["corpora", "bleu", "chrf"]:
            parts.append(f'"{key}": [\n' + ",\n".join(json.dumps(case) for case in recorded[key]) + "\n]")
        file.write("{" + ",\n".join(parts) + "}\n")
    with open(paired, "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in paired_cases(random.Random(seed))) + "\n]\n")


main()
