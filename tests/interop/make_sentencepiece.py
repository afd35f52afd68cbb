#!/usr/bin/env python3
"""Makes spm_*.model and sentencepiece_cases.json: small models of SentencePiece, and the pieces that it cuts lines into.

Needs `pip install sentencepiece==0.2.0`. The text is invented here.
"""

import json
import os
import random
import tempfile

import sentencepiece

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = [("ﬁ", "fi"), ("Ａ", "a"), ("A", "a"), ("e\u0301", "é"), ("\u00a0", " "), ("\t", " "), ("\u3000", " "), ("\u200b", "")]
LINES = [
    "", " ", "low lower newest", " low  lower ", "low\u00a0lower\tnew\u3000low", "ﬁne Ａ A cafe\u0301 café", "aaaaaaaaaaa aaaa",
    "東京 tower 京", "lower<sep>newest <sep>", "<ctl> <s> </s> <unk> <0x41>", "▁low ▁▁er", "\u200b", "low\u200ber", "😀",
    "new new,new.new", "\u0000low\u0001", "the lowest of the newest towers", "e\u0301\u0301", "low▁", "<sep", "\t\u00a0low",
]
MODELS = {
    "spm_unigram": dict(model_type="unigram", vocab_size=90, user_defined_symbols=["<sep>"], control_symbols=["<ctl>"]),
    "spm_bpe": dict(model_type="bpe", vocab_size=110, user_defined_symbols=["<sep>"]),
    "spm_bytes": dict(model_type="unigram", vocab_size=340, byte_fallback=True, add_dummy_prefix=False),
    "spm_suffix": dict(model_type="bpe", vocab_size=110, treat_whitespace_as_suffix=True, remove_extra_whitespaces=False),
}


def text():
    draw = random.Random(1)
    syllables = "ka lo mi nesu ra ti zor pel an eg ust im".split()
    words = ["".join(draw.choice(syllables) for _ in range(draw.randint(1, 3))) for _ in range(80)]
    words += "low lower lowest new newer newest tower towers the of café fine aa aaa newly slow slower, end.".split()
    return [" ".join(draw.choice(words) for _ in range(draw.randint(1, 9))) for _ in range(400)]


def main():
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus, rules = os.path.join(folder, "text"), os.path.join(folder, "rules")
        with open(corpus, "w", encoding="utf-8") as file:
            file.write("\n".join(text()))
        code_points = lambda characters: " ".join(f"{ord(character):X}" for character in characters)
        with open(rules, "w", encoding="utf-8") as file:
            file.writelines(f"{code_points(source)}\t{code_points(target)}\n" for source, target in RULES)
        for name, settings in MODELS.items():
            prefix = os.path.join(folder, name)
            sentencepiece.SentencePieceTrainer.train(
                input=corpus, model_prefix=prefix, normalization_rule_tsv=rules,
                hard_vocab_limit=settings["model_type"] == "bpe", minloglevel=2, **settings
            )
            models = {name: sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")}
            if name in ["spm_unigram", "spm_bpe"]:
                # Half of the pieces are unused: only steps to others.
                unused = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
                unused.SetVocabulary([unused.id_to_piece(i) for i in range(0, unused.get_piece_size(), 2)])
                models[f"{name}_unused"] = unused
            for model_name, model in models.items():
                with open(os.path.join(HERE, f"{model_name}.model"), "wb") as file:
                    file.write(model.serialized_model_proto())
                cases[model_name] = [
                    {"text": line, "pieces": model.encode(line, out_type=str), "decoded": model.decode(model.encode(line))}
                    for line in LINES + text()[:20]
                ]
    with open(os.path.join(HERE, "sentencepiece_cases.json"), "w", encoding="utf-8") as file:
        json.dump(cases, file, ensure_ascii=False, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
