"""English verses in Spanish: an encoder reads the pieces of words, a decoder with attention writes those of Spanish.

`python examples/translation.py [--model lstm|transformer] [--sentence TEXT ...] [--load FILE] [--out FOLDER] [--short]`
The World English Bible and the Reina-Valera of 1909 (`apt-get install sword-text-web sword-text-sparv`, and
`pip install 'fastnn-cpu[translation]'`). Of the verses of 3 to 12 English words, each text once, a tenth is for
validation and a tenth is read once, at the end. The networks learn from all other verses of up to 20 words except those
that have the English or the Spanish text of one of these anywhere in them. Each language has 3,000 pieces of words, so
that a new word is spelled. A beam search of width 5 writes; BLEU and chrF are those of sacrebleu. The baseline is a
dictionary, learned by EM from the words that occur together. Draws which words each Spanish word depends on.
--short: generated phrases, without the Bible.
"""

import argparse
import base64
import functools
import io
import re
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import fastnn as fnn
from sequences import Writer, drawing, influence

#: English words of a verse: at least, at most to learn from, and at most in validation and test.
FEWEST, LONGEST, SHORT = 3, 20, 12
PADDING, UNKNOWN, START, END = range(4)
PIECES = 3000
WORD = r"\w+(?:'\w+)?"
STEPS = 64  # the most pieces of a verse
BATCH, WIDTH = 32, 5

Pair = tuple[str, str]


def bible(module: str) -> dict[tuple[str, int, int], str]:
    """The verses of a translation, by book, chapter and number."""
    from pysword.modules import SwordModules

    library = SwordModules("/usr/share/sword")
    try:
        library.parse_modules()
        text, found = library.get_bible_from_module(module), {}
    except (FileNotFoundError, KeyError):
        raise SystemExit("the verses are missing: apt-get install sword-text-web sword-text-sparv") from None
    text._decompressed_text = functools.cache(text._decompressed_text)  # else once for each verse
    for books in text.get_structure().get_books().values():
        for book in books:
            for chapter in range(1, book.num_chapters + 1):
                for i, verse in enumerate(text.get_iter(books=book.name, chapters=chapter, clean=False), 1):
                    found[book.name, chapter, i] = plain(verse)
    return found


def plain(verse: str) -> str:
    """A verse without markup, notes, quotation marks and words in capital letters."""
    text = re.sub(r"<[^>]*>", "", re.sub(r"<(note|title)\b.*?</\1>", " ", verse, flags=re.DOTALL))
    text = re.sub(r"[\u201c\u201d\u2018\"]", "", text).replace("\u2019", "'")
    return " ".join(word.capitalize() if word[1:].isupper() else word for word in text.split())


def verses() -> list[Pair]:
    """The verses that both translations have."""
    english, spanish = bible("engWEB2015eb"), bible("spaRV1909eb")
    return [(english[place], spanish[place]) for place in english if english[place] and spanish.get(place)]


def phrases() -> list[Pair]:
    """What --short learns: all sentences of these words, with the adjective behind and in the gender of the noun."""
    nouns = {"house": "casa", "table": "mesa", "star": "estrella", "dog": "perro", "tree": "árbol", "book": "libro"}
    adjectives = {"red": "roj", "white": "blanc", "small": "pequeñ", "old": "viej", "good": "buen", "new": "nuev"}
    verbs = {"falls": "cae", "sleeps": "duerme", "shines": "brilla", "grows": "crece", "sings": "canta"}
    found = []
    for noun, thing in nouns.items():
        a, the, ending = ("Una", "La", "a") if thing.endswith("a") else ("Un", "El", "o")
        for adjective, kind in adjectives.items():
            for verb, does in verbs.items():
                for article, spanish in (("A", a), ("The", the)):
                    found.append((f"{article} {adjective} {noun} {verb}.", f"{spanish} {thing} {kind}{ending} {does}."))
    return found


def words(text: str) -> list[str]:
    """The words of a text, without punctuation marks."""
    return re.findall(WORD, text)


def split(pairs: list[Pair], seed: int) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Pairs to train on, for validation and to test on; no text of the last two is, or is in, one to train on."""
    keys = [tuple(f" {' '.join(words(text.lower()))} " for text in pair) for pair in pairs]
    chosen, seen = [], set[str]()
    for i, key in enumerate(keys):
        if FEWEST <= len(pairs[i][0].split()) <= SHORT and not seen.intersection(key):
            chosen.append(i)
        seen.update(key)
    order = np.random.default_rng(seed).permutation(chosen)
    few = len(order) // 10
    unseen = [keys[i] for i in order[: 2 * few]]
    train = [
        pair
        for pair, key in zip(pairs, keys, strict=True)
        if len(pair[0].split()) <= LONGEST and not any(a in key[0] or b in key[1] for a, b in unseen)
    ]
    return train, [pairs[i] for i in order[few : 2 * few]], [pairs[i] for i in order[:few]]


def pieces(texts: list[str], small: bool) -> Any:
    """The pieces that words of the texts are made of. small: whether capital letters become small ones."""
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=made,
        vocab_size=PIECES,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc_cf" if small else "nmt_nfkc",
        pad_id=PADDING,
        unk_id=UNKNOWN,
        bos_id=START,
        eos_id=END,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())


def lstm(ids: tuple[int, int], units: int, seed: int) -> fnn.Network:
    """A bidirectional LSTM reads; another LSTM writes, and attends to what was read. ids: of both languages.

    What is attended to is the sum of a state and the piece itself, so that translations of pieces are learned first.
    The vectors of ids have a variance of 1: from small ones LSTMs learn slowly.
    """
    source, target = fnn.Input((None,), "source"), fnn.Input((None,), "target")
    pieces_read = fnn.Dropout(0.2)(fnn.Embedding(ids[0], units, initializer="lecun_normal")(source))
    memory = fnn.Add()([pieces_read, fnn.Bidirectional(fnn.LSTM(units // 2, return_sequences=True))(pieces_read)])
    written = fnn.Dropout(0.2)(fnn.LayerNorm()(fnn.Embedding(ids[1], units, name="target_ids")(target)))
    state = fnn.LSTM(units, return_sequences=True)(written)
    attended = fnn.MultiHeadAttention(1, units)([state, memory])
    h = fnn.Dense(units, "tanh")(fnn.Concatenate()([state, attended]))
    following = fnn.TiedDense(ids[1], "target_ids", "softmax")(fnn.Dropout(0.2)(fnn.LayerNorm()(h)))
    return fnn.Network([source, target], following, seed=seed)


def transformer(ids: tuple[int, int], units: int, seed: int) -> fnn.Network:
    """Attention alone, in three blocks that read and three that write."""
    return fnn.architectures.transformer(*ids, STEPS, STEPS, units, heads=4, blocks=3, dropout=0.2, seed=seed)


#: Each network, its units, its highest learning rate and its epochs.
NETWORKS = {"lstm": (lstm, 256, 3e-3, 6), "transformer": (transformer, 128, 2e-3, 6)}

Encoded = tuple[list[np.ndarray], np.ndarray, None, dict[str, np.ndarray]]


def batch(pairs: list[tuple[list[int], list[int]]]) -> Encoded:
    """x, y, no weights, and lengths of pairs of ids."""
    source, read = fnn.data.padded([ids for ids, _ in pairs])
    target, written = fnn.data.padded([[START, *ids] for _, ids in pairs])
    following, _ = fnn.data.padded([[*ids, END] for _, ids in pairs])
    return [source, target], following, None, {"source": read, "target": written}


def train(kind: str, parts: tuple[list[Pair], list[Pair]], short: bool, seed: int) -> fnn.Network:
    """A network that has learned from the first part, and is validated on the second."""
    make, units, highest, epochs = NETWORKS[kind]
    if short:
        units, epochs = 32, 30
    english, spanish = (pieces([pair[side] for pair in parts[0]], side == 0) for side in (0, 1))
    known, held = (
        [(english.encode(text)[:STEPS], spanish.encode(wanted)[: STEPS - 1]) for text, wanted in part] for part in parts
    )
    order = functools.partial(fnn.data.buckets, [len(source) + len(target) for source, target in known], BATCH, seed)
    epoch = 0

    def batches() -> Iterator[Encoded]:
        """Those of an epoch, of about equal lengths."""
        nonlocal epoch
        for rows in order(epoch):
            yield batch([known[i] for i in rows])
        epoch += 1

    net = make((len(english), len(spanish)), units, seed)
    models = {"english": english, "spanish": spanish}
    net.metadata |= {name: base64.b64encode(each.serialized_model_proto()).decode() for name, each in models.items()}
    net.metadata["words"] = sorted({word for text, _ in parts[0] for word in words(text.lower())})
    rate = fnn.schedules.OneCycle(highest, epochs * len(order()))
    net.compile(fnn.Adam(rate, clip_norm=1.0), fnn.losses.CrossEntropy(label_smoothing=0.1), ["accuracy"])
    net.fit(batches, epochs=epochs, validation_data=batch(held), verbose=0 if short else 2)
    return net


class Translator:
    """Translates with a network of `train`, whose pieces are in its metadata."""

    def __init__(self, net: fnn.Network) -> None:
        import sentencepiece

        self.net, self.words = net, frozenset(net.metadata["words"])
        self.english, self.spanish = (
            sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(net.metadata[name]))
            for name in ("english", "spanish")
        )
        # Chosen in validation: with a smaller penalty translations end too early, with a greater one they repeat words.
        self.write = Writer(net, START, END, STEPS, WIDTH, length_penalty=1.0)

    def __call__(self, text: str) -> str:
        """The Spanish of an English text."""
        return str(self.spanish.decode(self.write(self.english.encode(text)[:STEPS])))

    def show(self, text: str) -> None:
        """Prints a translation, and which words are new."""
        print(f"{text}\n    {self(text)}")
        new = [word for word in dict.fromkeys(words(text.lower())) if word not in self.words]
        if new:
            spelled = ", ".join(f"{word} = {' '.join(self.english.encode(word, out_type=str))}" for word in new)
            print(f"    words that were not in the training, read as pieces: {spelled}")

    def draw(self, text: str, path: Path) -> None:
        """Draws which words of the text each word of its translation depends on: the piece that does so most."""
        source = self.english.encode(text)[:STEPS]
        target = self.write(source)
        read, columns = by_word(self.english.id_to_piece(source))
        written, rows = by_word([*self.spanish.id_to_piece(target), "▁(end)"])
        changes = influence(self.net, source, [START, *target], columns, UNKNOWN)
        changes = np.array([changes[row].max(axis=0) for row in rows])
        drawing(changes, read, written, "which words a word depends on", path)


def by_word(found: list[str]) -> tuple[list[str], list[list[int]]]:
    """The words that pieces make, and the numbers of the pieces of each, of which the first begins with a mark."""
    starts = [i for i, piece in enumerate(found) if piece.startswith("▁")]
    parts = [[*range(*ends)] for ends in zip(starts, [*starts[1:], len(found)], strict=True)]
    return ["".join(found[i] for i in part)[1:] for part in parts], parts


def dictionary(pairs: list[Pair], rounds: int = 10) -> dict[str, str]:
    """The likeliest Spanish word of each English one: IBM Model 1, t(spanish | english), by EM.

    P. F. Brown et al., "The Mathematics of Statistical Machine Translation", Computational Linguistics 19(2), 1993.
    """
    ids: tuple[dict[str, int], dict[str, int]] = {}, {}
    sides = [
        [[numbers.setdefault(word, len(numbers)) for word in words(text)] for text in texts]
        for numbers, texts in zip(ids, zip(*((a.lower(), b) for a, b in pairs), strict=True), strict=True)
    ]
    # Words of the same pair, as one number; and the place of the Spanish one among all words of all verses.
    together, place, places = [], [], 0
    for english, spanish in zip(*sides, strict=True):
        together.append(np.add.outer(np.array(spanish), len(ids[1]) * np.array(english, np.int64)).ravel())
        place.append(np.repeat(places + np.arange(len(spanish)), len(english)))
        places += len(spanish)
    both, which = np.unique(np.concatenate(together), return_inverse=True)
    english_of, at = both // len(ids[1]), np.concatenate(place)
    t = np.ones(len(both))
    for _ in range(rounds):
        share = t[which] / np.bincount(at, t[which])[at]
        expected = np.bincount(which, share)
        t = expected / np.bincount(english_of, expected)[english_of]
    names = list(ids[1])
    best = {int(english_of[i]): names[both[i] % len(names)] for i in np.argsort(t)}  # the last is the likeliest
    return {word: best[i] for word, i in ids[0].items() if i in best}


def word_by_word(known: dict[str, str], text: str) -> str:
    """The baseline: each word by its likeliest translation, or as it is."""
    return re.sub(WORD, lambda word: known.get(word[0].lower(), word[0]), text)


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=NETWORKS, default="lstm")
    parser.add_argument("--sentence", nargs="+", default=[], metavar="TEXT")
    parser.add_argument("--load", type=Path, metavar="FILE", help="a model to translate with")
    parser.add_argument("--out", type=Path, default=Path("translation_model"), metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if not all(map(words, options.sentence)):
        parser.error("--sentence: a text has no words")
    for package in ("sacrebleu", "sentencepiece", *(() if options.short or options.load else ("pysword",))):
        try:
            import_module(package)
        except ImportError:
            raise SystemExit(f"{package} is missing: pip install 'fastnn-cpu[translation]'") from None
    options.out.mkdir(parents=True, exist_ok=True)
    shown = list(options.sentence)
    if options.load:
        translator = Translator(fnn.load(options.load))
    else:
        known, held, test = split(phrases() if options.short else verses(), options.seed)
        print(f"{len(known):,} pairs to train on, {len(held)} for validation, {len(test)} to test")
        begin = time.process_time()
        net = train(options.model, (known, held), options.short, options.seed)
        spent = time.process_time() - begin
        path = options.out / f"{options.model}.safetensors"
        net.save(path)
        print(f"trained in {spent:.0f} CPU seconds; saved: {path}")
        translator, by_words = Translator(fnn.load(path)), functools.partial(word_by_word, dictionary(known))
        wanted = [spanish for _, spanish in test]
        for name, translate in (("word by word", by_words), (f"{options.model}, beam search", translator)):
            found = [translate(english) for english, _ in test]
            print(f"{name:26}BLEU {fnn.metrics.bleu(found, wanted):5.1f}, chrF {fnn.metrics.chrf(found, wanted):5.1f}")
        shown = [english for english, _ in test[:5]] + shown
    for text in shown:
        translator.show(text)
    if shown:
        translator.draw(shown[-1], options.out / "words.png")


if __name__ == "__main__":
    main()
