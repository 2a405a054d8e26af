"""A model of text, character by character: train it, watch what it writes, measure it on text that it has not seen.

`python examples/text_generation.py [--model lstm|transformer] [--text FILE] [--prompt TEXT] [--top-k K] [--short]`
An LSTM reads the text as streams, whose state goes from batch to batch; a Transformer reads pieces of --steps
characters, each of which sees all before it in its piece. The text is Newton's Opticks (`apt-get install
golang-1.19-src`), or any file in UTF-8. The last tenth is held out. Saves the model with its alphabet in --out; `--load
FILE` only writes, with such a model. --short: a few pages of Python's manual and two epochs.
"""

import argparse
from pathlib import Path

import numpy as np

import fastnn as fnn

#: Replaces characters that are not in the training text.
OTHER = "\N{REPLACEMENT CHARACTER}"
#: The settings of each model.
USUAL: dict[str, dict[str, float]] = {
    "lstm": {"epochs": 12, "units": 256, "dropout": 0.3, "rate": 5e-3, "steps": 64},
    "transformer": {"epochs": 14, "units": 128, "dropout": 0.1, "rate": 3e-3, "steps": 128},
}


def text_of(file: str | None, short: bool) -> str:
    """The text: a file's, Newton's Opticks or, if it should be short, some of what Python's help() shows."""
    if short and file is None:
        from pydoc_data.topics import topics

        return "\n".join(str(topics[name]) for name in sorted(topics))[:60_000]
    return fnn.datasets.opticks(file)


def encoded(text: str, alphabet: str) -> np.ndarray:
    """The position of each character in the alphabet, int32; that of OTHER for a character that is not there."""
    places = {character: place for place, character in enumerate(alphabet)}
    return np.array([places.get(character, places[OTHER]) for character in text], np.int32)


def pairs(ids: np.ndarray, streams: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Streams of characters, and for each character the one that follows."""
    return fnn.datasets.streams(ids[:-1], streams, steps), fnn.datasets.streams(ids[1:], streams, steps)


def pieces(ids: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of the text that overlap by half, and for each character the one that follows."""
    starts = np.arange(0, len(ids) - steps, steps // 2)[:, None] + np.arange(steps)
    return ids[starts], ids[starts + 1]


def transformer(characters: int, steps: int, units: int, dropout: float, seed: int) -> fnn.Network:
    """Predicts the probabilities of the next character from those of the piece before it."""
    return fnn.architectures.gpt(characters, steps, units, max(1, units // 32), 4, dropout, seed)


def lstm(characters: int, units: int, dropout: float, seed: int) -> fnn.Network:
    """Predicts the probabilities of the next character from all before it."""
    layers = [
        fnn.Embedding(characters, 64),
        fnn.LSTM(units, return_sequences=True, dropout=0.1),
        fnn.Dropout(dropout),
        fnn.Dense(characters, "softmax"),
    ]
    return fnn.Sequential(layers, seed=seed)


def bits(net: fnn.Network, ids: np.ndarray, steps: int) -> float:
    """Bits per character: the mean of -log2 p(next character).

    An LSTM reads the text from its beginning as one stream; a Transformer each character after steps / 2 or more.
    """
    if net.graph.recurrent:
        found = net.evaluate(*pairs(ids, 1, steps), batch_size=1, stateful=True)
    else:
        x, y = pieces(ids, steps)
        weight = np.ones(x.shape)
        weight[1:, : steps // 2] = 0
        found = net.evaluate(x, y, sample_weight=weight)
    return found["loss"] / float(np.log(2))


class Writer:
    """Continues a text, a character at a time: a stream keeps what it needs of those before, so that each costs a step.

    A Transformer that has read as many as it was made for begins again with the last half of them.

    temperature: probabilities become p^(1 / temperature), normalised; below 1, likely characters become more likely.
    top_k: how many of the likeliest characters to draw from, 0 for all.
    """

    def __init__(self, net: fnn.Network, temperature: float, top_k: int, seed: int) -> None:
        self.stream, self.alphabet = net.freeze(streaming=True), str(net.metadata["alphabet"])
        self.temperature, self.top_k, self.other = temperature, top_k, self.alphabet.index(OTHER)
        self.rng, self.most = np.random.default_rng(seed), 0 if net.graph.recurrent else net.features[0][0]

    def write(self, prompt: str, characters: int) -> str:
        """The prompt and that many characters after it, with the weights that the network has now."""
        self.stream.refresh()
        self.stream.reset()
        written = encoded(prompt, self.alphabet).tolist()
        waiting, read = written[-self.most // 2 :] if self.most else written, 0
        for _ in range(characters):
            if self.most and read + len(waiting) > self.most:
                self.stream.reset()
                waiting, read = written[-self.most // 2 :], 0
            for place in waiting:
                p = self.stream.step(place)
            p[self.other] = 0
            read += len(waiting)
            waiting = [fnn.decode.draw(p, self.temperature, self.top_k, rng=self.rng, logits=False)]
            written += waiting
        return "".join(self.alphabet[place] for place in written)


class Report(fnn.Callback):
    """Prints after each epoch what the network writes, and how well it predicts the held-out text."""

    def __init__(self, held: np.ndarray, steps: int, writer: Writer, prompt: str, characters: int) -> None:
        self.held, self.steps = held, steps
        self.writer, self.prompt, self.characters = writer, prompt, characters

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        from tqdm import tqdm

        seen, unseen = logs["loss"] / np.log(2), bits(self.net, self.held, self.steps)
        sample = self.writer.write(self.prompt, self.characters)
        tqdm.write(f"\nepoch {epoch + 1}: bits per character {seen:.3f} in training, {unseen:.3f} held out\n{sample}")


def train(options: argparse.Namespace) -> fnn.Network:
    """Trains a model on a text, and prints how well it does on the last tenth."""
    text = text_of(options.text, options.short)
    cut = len(text) * 9 // 10
    alphabet = "".join(sorted({*text[:cut], OTHER}))
    ids, held = encoded(text[:cut], alphabet), encoded(text[cut:], alphabet)
    if len(ids) <= options.streams * options.steps or len(held) <= options.steps:
        raise SystemExit(f"the text has {len(text)} characters: too few for these --streams and --steps")
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{len(ids):,} characters to train on, {len(held):,} held out, {len(alphabet)} different ones")
    size, recurrent = len(alphabet), options.model == "lstm"
    if recurrent:
        x, y = pairs(ids, options.streams, options.steps)
        net = lstm(size, options.units, options.dropout, options.seed)
    else:
        x, y = pieces(ids, options.steps)
        net = transformer(size, options.steps, options.units, options.dropout, options.seed)
    net.metadata["alphabet"] = alphabet
    updates = options.epochs * (len(x) // options.streams)
    rate = fnn.schedules.OneCycle(options.rate, max(updates, 10))
    net.compile(fnn.Adam(rate, clip_norm=1.0), "cross_entropy")
    net.build((options.steps,))
    net.summary()
    writer = Writer(net, options.temperature, options.top_k, options.seed)
    report = Report(held, options.steps, writer, options.prompt, options.characters)
    net.fit(x, y, options.streams, options.epochs, shuffle=not recurrent, stateful=recurrent, callbacks=[report])
    print(f"held out: {bits(net, held, options.steps):.3f} bits per character")
    net.save(options.out / "model.safetensors")
    print(f"model saved: {options.out / 'model.safetensors'}")
    return net


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(USUAL), default="lstm")
    parser.add_argument("--text", metavar="FILE", help="default: Newton's Opticks")
    parser.add_argument("--load", metavar="FILE", help="a model to write with")
    parser.add_argument("--out", type=Path, default=Path("text_model"), metavar="FOLDER")
    parser.add_argument("--prompt", default="The ")
    parser.add_argument("--characters", type=int, default=300, help="of a sample")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="draw from the K likeliest only; 0: from all")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--units", type=int)
    parser.add_argument("--dropout", type=float)
    parser.add_argument("--rate", type=float, help="the highest learning rate: it rises and falls once")
    parser.add_argument("--streams", type=int, default=32, help="parts of the text that are read in parallel")
    parser.add_argument("--steps", type=int, help="how many characters a gradient goes back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    for name, value in USUAL[options.model].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if not options.temperature > 0 or options.top_k < 0 or options.characters < 1 or not options.prompt:
        parser.error("expected a temperature above 0, top-k of 0 or more, 1 character or more, and a prompt")
    if options.short:
        options.epochs, options.units, options.streams, options.characters = 2, 64, 8, 120

    try:
        net = fnn.load(options.load) if options.load else train(options)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if "alphabet" not in net.metadata:
        raise SystemExit(f"{options.load}: not a model of this example: it has no alphabet")
    writer = Writer(net, options.temperature, options.top_k, options.seed + 1)
    print(f"\nand it writes:\n{writer.write(options.prompt, 3 * options.characters)}")


if __name__ == "__main__":
    main()
