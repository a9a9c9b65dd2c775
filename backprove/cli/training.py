"""The commands that train and predict."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import BackproveError, DataError
from .app import INTERRUPTED, app
from .arguments import network_of
from .output import emit, note_input, refuse_input, width, wrapped

if TYPE_CHECKING:
    from ..network import Network
    from ..run.training import Model, Predictions, Score

CURVE_WIDTH = 72


def option(*names: str, help: str, metavar: str | None = None) -> Any:
    """An option that the training itself gives a value where the reader gives none."""
    return typer.Option(*names, metavar=metavar, show_default=False, help=help)


Data = Annotated[
    str | None,
    option("--data", "-d", metavar="DATA", help="A .csv or .npz file, digits, or spirals, …"),
]
Map = Annotated[
    list[str] | None,
    option(
        "--map",
        metavar="NAME=COLUMNS",
        help="Which columns give an input, such as 'x=pixel*'; may be repeated.",
    ),
]
Target = Annotated[
    str | None,
    option("--target", metavar="COLUMNS", help="Those of the target; by default the last."),
]
OneHot = Annotated[
    list[str] | None,
    option(
        "--one-hot",
        metavar="COLUMNS",
        help="Of an input: each word gives a number, 1 where it is said; may be repeated.",
    ),
]
SkipMissing = Annotated[
    bool | None,
    option("--skip-missing", help="Leave out the rows that lack a value in a used column."),
]
Scale = Annotated[
    Literal["none", "standard", "minmax"] | None,
    option("--scale", help="Of the inputs; by default standard, for digits / 16."),
]
Epochs = Annotated[
    int | None, option("--epochs", metavar="N", help="Passes over the data; by default 30.")
]
Batch = Annotated[
    int | None, option("--batch", metavar="N", help="Samples in a mini-batch; by default 32.")
]
OptimizerName = Annotated[
    str | None,
    option(
        "--optimizer",
        metavar="NAME",
        help="sgd, momentum, nesterov, rmsprop, adam (the default), adamw, or your own .bp file; "
        "with other constants: adam,beta_1=0.8.",
    ),
]
Eta = Annotated[
    float | None,
    option("--eta", metavar="RATE", help="The learning rate; by default the optimizer's own."),
]
Decay = Annotated[
    float | None,
    option("--decay", metavar="LAMBDA", help="Weight decay, of the weights, not of the biases."),
]
ClipNorm = Annotated[
    float | None,
    option("--clip-norm", metavar="C", help="How long all gradients together may be."),
]
ClipValue = Annotated[
    float | None,
    option("--clip-value", metavar="C", help="How large a component of a gradient may be."),
]
Schedule = Annotated[
    str | None,
    option(
        "--schedule",
        metavar="NAME",
        help="Of the rate: constant (the default), step, exponential, cosine, one_cycle, or your "
        "own .bp file.",
    ),
]
Warmup = Annotated[
    int | None,
    option("--warmup", metavar="N", help="Updates in which the rate rises; by default 0."),
]
RunSeed = Annotated[
    int | None, option("--seed", metavar="N", help="What random numbers start from; by default 0.")
]
Validation = Annotated[
    float | None,
    option("--validation", metavar="PART", help="The part set aside to watch; by default 0.1."),
]
Test = Annotated[
    float | None,
    option("--test", metavar="PART", help="The part held out; of digits always 360 images."),
]
Patience = Annotated[
    int | None,
    option(
        "--patience",
        metavar="N",
        help="Stop after so many epochs without a better validation loss.",
    ),
]
Precision = Annotated[
    Literal["float32", "float64"] | None,
    option("--precision", help="The arithmetic; by default float32."),
]
BackendName = Annotated[
    Literal["auto", "c", "numpy"] | None,
    option("--backend", help="What computes; by default C where that is worth compiling."),
]
Threads = Annotated[
    int | None,
    option(
        "--threads", metavar="N", help="The most that share a mini-batch; by default all cores."
    ),
]
Resume = Annotated[
    Path | None, option("--resume", metavar="MODEL", help="Go on with the run saved there.")
]
ModelFile = Annotated[
    Path | None,
    option(
        "--output",
        "--checkpoint",
        "-o",
        metavar="MODEL",
        help="The model's file, written after each epoch; by default model.npz.",
    ),
]
Plot = Annotated[
    Path | None, option("--plot", metavar="PNG", help="Draw the loss curve (needs matplotlib).")
]


@app.command()
def train(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="A .bp file or a builder; not needed with --resume."),
    ] = None,
    data: Data = None,
    map_: Map = None,
    target: Target = None,
    one_hot: OneHot = None,
    skip_missing: SkipMissing = None,
    scale: Scale = None,
    epochs: Epochs = None,
    batch: Batch = None,
    optimizer: OptimizerName = None,
    eta: Eta = None,
    decay: Decay = None,
    clip_norm: ClipNorm = None,
    clip_value: ClipValue = None,
    schedule: Schedule = None,
    warmup: Warmup = None,
    seed: RunSeed = None,
    validation: Validation = None,
    test: Test = None,
    patience: Patience = None,
    precision: Precision = None,
    backend: BackendName = None,
    threads: Threads = None,
    resume: Resume = None,
    output: ModelFile = None,
    plot: Plot = None,
) -> None:
    """Train the weights and biases on data.

    Ctrl-C and SIGTERM save first; --resume goes on exactly where a run was left.
    """
    from .watching import watcher

    for name in (file, data):
        if name is not None:
            note_input(name)
    refuse_input(output)
    refuse_input(plot)
    if plot is not None:
        _refuse_no_plot(plot)
        if output is not None and plot.resolve() == output.resolve():
            raise DataError(f"the model and the plot cannot both be {plot}", "name two files")
    options: dict[str, Any] = {
        "columns": map_, "target": target, "one_hot": one_hot and ",".join(one_hot),
        "skip_missing": skip_missing, "scaling": scale, "batch_size": batch,
        "optimizer": optimizer, "eta": eta, "decay": decay, "clip_norm": clip_norm,
        "clip_value": clip_value, "schedule": schedule, "warmup": warmup, "seed": seed,
        "validation": validation, "test": test, "patience": patience, "dtype": precision,
        "backend": backend, "threads": threads,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None:
        model = _resumed(resume, file, data, epochs, given, output)
        place = output or resume
    elif file is None or data is None:
        missing = "FILE" if file is None else "--data"
        raise DataError(
            f"train needs {missing}",
            "backprove train FILE --data DATA, or backprove train --resume MODEL",
        )
    else:
        from ..run.training import train as train_

        place = output or _free_name()
        _refuse_no_folder(place)
        network = network_of(file)
        if epochs is not None:
            given["epochs"] = epochs
        with watcher() as watching, _stopped_by_sigterm():
            model = train_(network, data, checkpoint=place, watcher=watching, **given)
    _report(model, place, plot)


def _resumed(
    checkpoint: Path,
    file: str | None,
    data: str | None,
    epochs: int | None,
    given: Mapping[str, object],
    output: Path | None,
) -> Model:
    from ..run.training import load_model, resume
    from .watching import watcher

    if given:
        raise DataError(
            f"--resume goes on with the options of {checkpoint}: they cannot be changed",
            "only --epochs, --data, --output and --plot may stand beside it",
        )
    if file is not None:
        _refuse_another(network_of(file), load_model(checkpoint).network, file, checkpoint)
    with watcher() as watching, _stopped_by_sigterm():
        model = resume(checkpoint, data, epochs=epochs, watcher=watching)
    if output is not None:
        model.save(output)
    return model


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM stops a run as Ctrl-C does, which saves first."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse_another(asked: Network, saved: Network, file: str, checkpoint: Path) -> None:
    if list(asked.equations.values()) != list(saved.equations.values()):
        raise DataError(
            f"{checkpoint} holds another network than {file}", "leave FILE out to go on with it"
        )


def _free_name() -> Path:
    """model.npz, or the first model-2.npz, model-3.npz … that does not exist yet."""
    path, number = Path("model.npz"), 1
    while path.exists():
        number += 1
        path = Path(f"model-{number}.npz")
    return path


def _refuse_no_plot(path: Path) -> None:
    from importlib.util import find_spec

    _refuse_no_folder(path)
    if find_spec("matplotlib") is None:
        raise BackproveError(
            "a PNG of the loss curve needs matplotlib, which is not installed",
            "install it (pip install matplotlib), or read the curve in the terminal",
        )


def _refuse_no_folder(path: Path) -> None:
    """Better now than after the training."""
    if not path.resolve().parent.is_dir():
        raise DataError(f"{path} cannot be written: there is no folder {path.parent}")


def _report(model: Model, place: Path, plot: Path | None) -> None:
    from ..run.plot import save_curve, text_curve

    if len(model.history) > 1:
        print()
        print(text_curve(model.history, width=min(width(), CURVE_WIDTH)))
        print()
    if model.state.finished:
        print(f"finished: {model.state.finished}")
    for name, score in (("validation", model.validation), ("test", model.test)):
        if score is not None:
            print("\n".join(wrapped(f"{name}: {score_text(score)}", 2)))
    print(f"the model is in {place}")
    if plot is not None:
        save_curve(model.history, plot, model.network.file)
        print(f"the loss curve is in {plot}")
    if model.interrupted:
        print(f"stopped; go on with: backprove train --resume {place}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def score_text(score: Score) -> str:
    """`accuracy 97.8 %, loss 0.07 (360 samples)`."""
    parts = [
        f"{name} {value:.2%}".replace("%", " %") if name == "accuracy" else f"{name} {value:.4g}"
        for name, value in (*score.measures.items(), ("loss", score.loss))
    ]
    return f"{', '.join(parts)} ({score.samples:,} samples)"


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What train has written.")],
    data: Annotated[
        str,
        typer.Option("--data", "-d", metavar="DATA", help="A .csv or .npz file, or digits."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="CSV", show_default=False, help="Write to a file."),
    ] = None,
    skip_missing: SkipMissing = None,
) -> None:
    """Predict from a saved model.

    One line a sample, as CSV; with --skip-missing its first column is the line in the data's
    file (or the row, where it has no lines). Where the data have the target too, the score goes
    to stderr.
    For digits, the images that were held out are predicted.
    """
    import csv
    import io

    from ..run.training import predict as predict_

    note_input(model)
    note_input(data)
    refuse_input(output)
    predictions = predict_(model, data, skip_missing=bool(skip_missing))
    for note in predictions.notes:
        print(note, file=sys.stderr)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(_rows(predictions, bool(skip_missing)))
    emit(buffer.getvalue(), output)
    if predictions.score is not None:
        print(score_text(predictions.score), file=sys.stderr)


def _rows(predictions: Predictions, numbered: bool) -> Iterator[list[str]]:
    """A header, then a row a sample: labels and their confidence, or the numbers.

    numbered: whether each begins with its place in the data.
    """
    header: list[str] = []
    columns: list[list[str]] = []
    for p in predictions.predictions:
        if p.labels and p.confidence is not None:
            header += [p.target, "confidence"]
            columns += [list(p.labels), [f"{value:.4f}" for value in p.confidence.tolist()]]
            continue
        flat = p.values.reshape(len(p.values), -1)
        several = flat.shape[1] > 1
        for place in range(flat.shape[1]):
            header.append(f"{p.target}[{place + 1}]" if several else p.target)
            columns.append([f"{value:.8g}" for value in flat[:, place].tolist()])
    if numbered:
        counted = predictions.counted
        header.insert(0, f"{counted} of the data" if counted in header else counted)
        columns.insert(0, [str(place) for place in predictions.places])
    yield header
    yield from (list(row) for row in zip(*columns, strict=True))
