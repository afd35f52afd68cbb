"""Learns BPE codes from a few sentences and records how subword-nmt 0.3.8 segments words by them.

Run once: python make_bpe.py
"""

import io
import json

from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

TEXT = """the lowest of the new experts routes the newest tokens
a router sends each token to the widest expert of the layer
der kleinste der neuen Experten leitet die neuesten Wörter weiter
ein Verteiler schickt jedes Wort zum größten Experten der Schicht
xxx xxxx xxxxx aaaa aaa aa banana bananas bandana
tokens , routers and layers : all of them learn together .
größer , größte , Größe ; Wort , Worte , Wörter
"""

LINES = [
    "the newest router",
    "  two  spaces   everywhere \r\n",
    "",
    " ",
    "x xx xxx xxxx xxxxx xxxxxx",
    "größten Größenordnung Wörterbuch",
    "unseen QZ 日本語 naïve e\u0301 😀😀",
    "the</w> </w> @@ a@@ ban@@ana",
    "tokens,routers;and:layers.",
    "a\tb lowest\u00a0newest",
]


def main():
    learned = io.StringIO()
    learn_bpe(io.StringIO(TEXT), learned, 60, min_frequency=2)
    codes = learned.getvalue()
    merges = codes.split("\n", 1)[1]
    # A merge that is there twice: the first counts.
    codes += "t h\n"
    cases = {}
    # Without a version line the version is 0.1, where the end of a word is a symbol of its own.
    for name, text in [("bpe.codes", codes), ("bpe_0.1.codes", "n </w>\ne n</w>\n" + merges)]:
        with open(name, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        bpe = BPE(io.StringIO(text))
        cases[name] = [{"line": line, "pieces": bpe.segment(line)} for line in LINES + TEXT.splitlines()]
    with open("bpe_cases.json", "w", encoding="utf-8") as file:
        json.dump(cases, file, indent=1, ensure_ascii=False)
        file.write("\n")


main()
