"""Texts with labels: which of 17 languages a family name is from, and whether a first name is a woman's or a man's.

`python examples/text_classification.py [--name NAME ...] [--out FOLDER] [--short]`
Family names in Latin script from the locales of Faker, and first names of the US census that are of one gender only
(`pip install faker names`). A tenth of the names, with all their languages, is for validation, and another tenth is
read once, at the end; settings were chosen on the validation part of another random split. A convolution or a
bidirectional LSTM reads a name letter by letter; the baseline is naive Bayes on n-grams of letters. The network that
does best in validation is saved with its alphabet, loaded again, and classifies each --name; for languages a confusion
matrix is drawn. --short: a few names, two epochs.
"""

import argparse
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

import fastnn as fnn

#: Languages of which Faker has many family names in Latin script, and the locale of each.
LANGUAGES = {
    "Azerbaijani": "az_AZ", "Croatian": "hr_HR", "Czech": "cs_CZ", "Dutch": "nl_NL", "English": "en_US",
    "Estonian": "et_EE", "Finnish": "fi_FI", "French": "fr_FR", "German": "de_DE", "Indonesian": "id_ID",
    "Irish": "ga_IE", "Italian": "it_IT", "Slovenian": "sl_SI", "Spanish": "es_ES", "Swedish": "sv_SE",
    "Uzbek": "uz_UZ", "Zulu": "zu_ZA",
}  # fmt: skip
GENDERS = ["female", "male"]
START, END = "^", "$"
BATCH = 64


@dataclass(frozen=True)
class Part:
    """Names, and the number of the class of each; a name of two classes is there twice."""

    names: list[str]
    labels: np.ndarray


def family_names() -> list[set[str]]:
    """The family names of each language, in small letters."""
    found = []
    for locale in LANGUAGES.values():
        person = import_module(f"faker.providers.person.{locale}").Provider
        lists = [getattr(person, f"last_names{form}", ()) for form in ("", "_female", "_male")]
        found.append({name.lower() for each in lists for name in each})
    return found


def first_names() -> list[set[str]]:
    """The first names of women and of men, without those of both, in small letters."""
    folder = Path(str(import_module("names").__file__)).parent
    lines = [(folder / f"dist.{gender}.first").read_text().splitlines() for gender in GENDERS]
    women, men = ({line.split()[0].lower() for line in each if line} for each in lines)
    return [women - men, men - women]


def split(classes: list[set[str]], short: bool, seed: int) -> list[Part]:
    """Names to train on, for validation and to test on: no name is in two of these parts."""
    names = np.array(sorted(set().union(*classes)))
    order = np.random.default_rng(seed).permutation(names)[: 1000 if short else None]
    few = len(order) // 10
    parts = []
    for part in (order[2 * few :], order[few : 2 * few], order[:few]):
        pairs = [(str(name), label) for name in part for label, each in enumerate(classes) if name in each]
        parts.append(Part([name for name, _ in pairs], np.array([label for _, label in pairs])))
    return parts


def grams(name: str) -> list[str]:
    """The n-grams of one to four letters of a name and its ends."""
    text = START + name + END
    return [text[i : i + n] for n in range(1, 5) for i in range(len(text) - n + 1)]


def naive_bayes(train: Part, names: list[str], classes: int, smoothing: float = 0.1) -> np.ndarray:
    """log p(class) + the sum of log p(n-gram | class), up to a constant: (names, classes), with Laplace smoothing."""
    ids = {gram: i for i, gram in enumerate(sorted({gram for name in train.names for gram in grams(name)}))}
    counts = np.full((len(ids), classes), smoothing)
    for name, label in zip(train.names, train.labels, strict=True):
        for gram in grams(name):
            counts[ids[gram], label] += 1
    log_p = np.log(counts / counts.sum(axis=0))
    prior = np.log(np.bincount(train.labels, minlength=classes) + smoothing)
    return np.array([prior + log_p[[ids[gram] for gram in grams(name) if gram in ids]].sum(axis=0) for name in names])


def convolution(letters: int, classes: int, seed: int) -> fnn.Network:
    """Looks for patterns of three to five letters, and takes of each the place where it fits best."""
    name = fnn.Input((None,), "name")
    vectors = fnn.Embedding(letters, 32, padding=0, initializer="lecun_normal")(name)
    found = [fnn.GlobalMaxPool()(fnn.Conv1D(128, n, padding="same", activation="relu")(vectors)) for n in (3, 4, 5)]
    h = fnn.Dropout(0.5)(fnn.Concatenate()(found))
    return fnn.Network(name, fnn.Dense(classes, "softmax")(h), seed=seed)


def lstm(letters: int, classes: int, seed: int) -> fnn.Network:
    """Reads the letters in both directions, and keeps the last state of each."""
    layers = [
        fnn.Embedding(letters, 32, padding=0, initializer="lecun_normal"),
        fnn.Dropout(0.1),
        fnn.Bidirectional(fnn.LSTM(64)),
        fnn.Dropout(0.5),
        fnn.Dense(classes, "softmax"),
    ]
    return fnn.Sequential(layers, input_shape=(None,), seed=seed)


#: Each network, and its highest learning rate.
NETWORKS = {"convolution": (convolution, 2e-3), "LSTM": (lstm, 5e-3)}


def encoded(vocabulary: fnn.data.Vocabulary, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the letters of names, between START and END, padded; and how many each has."""
    return fnn.data.padded([vocabulary.encode(START + name + END) for name in names])


def compare(task: str, parts: list[Part], classes: list[str], options: argparse.Namespace) -> Path:
    """Trains the networks, prints how well each does in the test, and saves the one that is best in validation."""
    train, held, test = parts
    print(f"\n{task}: {len(set().union(*(part.names for part in parts))):,} names, {len(classes)} classes")
    usual = np.bincount(train.labels).argmax()
    print(f"{'of the test part':20}{'accuracy':>9}{'macro F1':>9}{'CPU seconds':>12}")
    print(f"{'always ' + classes[usual]:20}{np.mean(test.labels == usual):9.3f}")
    begin = time.process_time()
    report("naive Bayes", naive_bayes(train, test.names, len(classes)), test, begin)
    vocabulary = fnn.data.Vocabulary.of([START + name + END for name in train.names], by="characters")
    (x, ends), (x_held, ends_held), (x_test, ends_test) = (encoded(vocabulary, part.names) for part in parts)
    best, chosen, epochs = -1.0, "", 2 if options.short else 12
    path: Path = options.out / f"{task}.safetensors"
    for kind, (network, rate) in NETWORKS.items():
        begin = time.process_time()
        net = network(len(vocabulary), len(classes), options.seed)
        net.metadata |= {"vocabulary": vocabulary.settings(), "classes": classes}
        schedule = fnn.schedules.OneCycle(rate, epochs * -(-len(x) // BATCH))
        net.compile(fnn.Adam(schedule, clip_norm=1.0), fnn.losses.CrossEntropy(label_smoothing=0.1), ["accuracy"])
        net.fit(x, train.labels, BATCH, epochs, lengths=ends, verbose=0)
        report(kind, net.predict(x_test, lengths=ends_test), test, begin)
        right = net.evaluate(x_held, held.labels, lengths=ends_held)["accuracy"]
        if right > best:
            best, chosen = right, kind
            net.save(path)
    print(f"best in validation: {chosen}, accuracy {best:.3f}; saved: {path}")
    return path


def report(kind: str, scores: np.ndarray, test: Part, begin: float) -> None:
    """Prints the accuracy and macro F1 of scores (names, classes), and the time since `begin`."""
    spent = time.process_time() - begin
    accuracy, f1 = fnn.metrics.accuracy(scores, test.labels), fnn.metrics.F1("macro")(scores, test.labels)
    print(f"{kind:20}{accuracy:9.3f}{f1:9.3f}{spent:12.1f}", flush=True)


def classify(path: Path, names: list[str]) -> np.ndarray:
    """The probabilities (names, classes) of the saved model."""
    net = fnn.load(path)
    x, ends = encoded(fnn.data.Vocabulary(**net.metadata["vocabulary"]), [name.lower() for name in names])
    return np.asarray(net.predict(x, lengths=ends))


def draw(path: Path, test: Part, out: Path) -> None:
    """Draws which languages the saved model takes for which."""
    try:
        from fastnn import plot

        found = classify(path, test.names).argmax(axis=1)
        plot.confusion_matrix(test.labels, found, list(LANGUAGES)).savefig(out)
    except ImportError as error:
        print(f"nothing is drawn: {error}")
    else:
        print(f"drawn: {out}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", nargs="+", default=["Lindqvist", "Ferrari", "Maria", "Oscar"])
    parser.add_argument("--out", type=Path, default=Path("names_model"), metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    try:
        tasks = {"languages": (family_names(), list(LANGUAGES)), "genders": (first_names(), GENDERS)}
    except ImportError:
        raise SystemExit("the names are missing: pip install faker names") from None
    options.out.mkdir(parents=True, exist_ok=True)
    for task, (labelled, classes) in tasks.items():
        parts = split(labelled, options.short, options.seed)
        path = compare(task, parts, classes, options)
        if task == "languages":
            draw(path, parts[-1], options.out / "languages.png")
        for name, p in zip(options.name, classify(path, options.name), strict=True):
            likely = np.argsort(-p)[:3]
            print(f"{name:20} {', '.join(f'{classes[i]} {p[i]:.0%}' for i in likely)}")


if __name__ == "__main__":
    main()
