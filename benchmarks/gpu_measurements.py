"""What is measured on a GPU, in the order of its worth, and what each measurement must show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Record = Mapping[str, Any]  # what a command has written


class Finding(NamedTuple):
    """What a measurement came to.

    Attributes:
        target: What was hoped for; empty where nothing was.
        measured: What is.
        met: Whether the one is the other; None where nothing was hoped for.
    """

    target: str
    measured: str
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "met", False: "not met", None: ""}[self.met]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One command, and what is read out of what it leaves.

    Args:
        name: Of its record.
        shows: What it is for.
        program: ``cotrain``, ``pytest``, or a script in ``benchmarks/``.
        options: What follows; ``{folder}`` is where it writes, ``{device}`` is cuda or cpu.
        tiny: Options in their place where only the way is tried, on a CPU; none if it cannot be.
        minutes: What it takes, about, on an H100.
        leaves: The file in ``{folder}`` that is read; none where only its success counts.
        judge: What that file says.
        resumes: Whether it goes on where it was stopped, so that it is begun in any time.
    """

    name: str
    shows: str
    program: str
    options: str
    tiny: str = ""
    minutes: float
    leaves: str = ""
    judge: Callable[[Record], Iterator[Finding]]
    resumes: bool = False


def passed(record: Record) -> Iterator[Finding]:
    """Of a command that only has to succeed."""
    yield Finding("all pass", "all pass", met=True)


def training_step(record: Record) -> Iterator[Finding]:
    """Of ``training.py``: our step against the paper's loop, and Lightning against none."""
    speedup = record["tensors_only"]["speedup"]
    images = record["tensors_only"]["ours"]["images_per_second"]
    goal = record["settings"]["execution"] == "cuda_graphs"  # of the fastest way
    yield Finding(
        "2.5 x the images/s of the reference step or more" if goal else "",
        f"{speedup:.2f} x the reference step: {images:,.0f} images/s",
        met=speedup >= 2.5 if goal else None,
    )
    if "with_data_loading" in record:
        wait = record["with_data_loading"]
        yield Finding(
            "", f"with data loading {wait['speedup']:.2f} x, {wait['data_wait']:.1%} of it waiting"
        )
    if "lightning" in record:
        over = record["lightning"]["lightning"]["ratio"] - 1
        yield Finding("Lightning adds 3 % or less", f"{over:+.1%}", met=round(over, 3) <= 0.03)


def answering(record: Record) -> Iterator[Finding]:
    """Of ``cotrain benchmark``: the fastest way of every ensemble, at every batch size."""
    for each in record["verdicts"]:
        best, size = each["best"], each["batch_size"]
        into, way = best["case"]["into"], f"{best['case']['strategy']}, {best['case']['level']}"
        found = f"S={into}, batch {size}: {best['latency']['median_ms']:.3g} ms ({way})"
        if each["against_large"] is not None:
            ratio, goal = each["against_large"], size == 1
            yield Finding(
                "1.1 x the large network's fastest or less" if goal else "",
                f"{found}, {ratio:.2f} x the large network's fastest",
                met=ratio <= 1.1 if goal else None,
            )
        if best["against_loop"] is not None:
            gain, goal = 1 / best["against_loop"], size == 1
            yield Finding(
                "3 x faster than the plain loop or more" if goal else "",
                f"S={into}, batch {size}: {gain:.2f} x faster",
                met=gain >= 3 if goal else None,
            )


def choosing(record: Record) -> Iterator[Finding]:
    """Of ``cotrain benchmark``: what ``auto`` chose, against the loop and against the best."""
    for row in record["rows"]:
        if not row["case"]["reason"]:
            continue
        batch, into = row["latency"]["batch_size"], row["case"]["into"]
        others = [
            other
            for other in record["rows"]
            if other["case"]["role"] == "together"
            and not other["case"]["reason"]
            and (other["latency"]["batch_size"], other["case"]["into"]) == (batch, into)
        ]
        time = row["latency"]["median_ms"]
        loop = time / min(_ms(each) for each in others if each["case"]["strategy"] == "loop")
        best = time / min(map(_ms, others))
        yield Finding(
            "auto takes 1.03 x the fastest or less",
            f"S={into}, batch {batch}: {best:.2f} x the fastest, {loop:.2f} x the fastest loop",
            met=best <= 1.03,
        )


def _ms(row: Record) -> float:
    return row["latency"]["median_ms"]


def comparing(record: Record) -> Iterator[Finding]:
    """Of ``cotrain compare``: the error of every candidate, and the verdict in words."""
    for each in record["candidates"]:
        error = each["given"]["error"]
        yield Finding("", f"{each['name']}: {error['mean']:.2f} % error")
    yield Finding("", str(record["verdict"][0]))


_STEP = "--batch 128 --device {device} --precision bf16 --workers 4 --steps 11 --n 5"
_TINY_STEP = "--network basic_resnet8_8 --batch 5 --steps 3 --n 1"
_NAME = "--name {folder}/training"
_TIMED = "--device {device} --output {folder}"
_TINY_TIMED = "basic_resnet8_8 --into 2 --batch 1 --rounds 2 --acceleration none"


def _trained(
    network: str, more: str = "", parts: str = "tensors", minutes: float = 0.5
) -> Measurement:
    how = more.replace("--execution", "").replace("--", "").split()
    return Measurement(
        name="-".join(["training", network, *how]),
        shows=f"a training step of {network} into 4, batch 128, bf16 {more}".strip(),
        program="training.py",
        options=f"--network {network} {_STEP} {more} --parts {parts} {_NAME}",
        tiny=f"{_TINY_STEP} {_NAME}",
        minutes=minutes,
        leaves="training.json",
        judge=training_step,
    )


def _answered(network: str, batches: str, ways: str, minutes: float) -> Measurement:
    return Measurement(
        name=f"answers-{network}",
        shows=f"answers of {network} into 4, batch {batches}",
        program="cotrain",
        options=f"benchmark {network} --into 1,4 --batch {batches} --rounds 100 {ways} {_TIMED}",
        tiny=f"benchmark {_TINY_TIMED} --execution loop {_TIMED}",
        minutes=minutes,
        leaves="benchmark.json",
        judge=answering,
    )


_GRAPHS = "--execution cuda_graphs"

MEASUREMENTS: Sequence[Measurement] = (
    Measurement(
        name="tests",
        shows="what needs CUDA: strategies in training and answering, graphs, fit, DDP",
        program="pytest",
        options="-q -m gpu",
        minutes=5,
        judge=passed,
    ),
    _trained("wide_resnet28_10", _GRAPHS),
    _trained("wide_resnet28_10"),
    _trained("wide_resnet16_8", _GRAPHS, "tensors data lightning", 1),
    _answered(
        "wide_resnet28_10", "1", "--execution loop,cuda_graphs --acceleration light,compile", 1
    ),
    _trained("wide_resnet16_8"),
    _trained("wide_resnet28_10", f"--compile {_GRAPHS}", minutes=2),
    _trained("wide_resnet28_10", "--compile", minutes=2),
    _answered(
        "wide_resnet16_8",
        "1,16,64",
        "--execution loop,streams,cuda_graphs,stacked --acceleration none,light,bf16",
        2,
    ),
    Measurement(
        name="auto",
        shows="what auto chooses for WRN-28-10 into 4",
        program="cotrain",
        options="benchmark wide_resnet28_10 --into 4 --batch 1,64 --rounds 50 "
        f"--execution loop,streams,cuda_graphs,stacked,auto --acceleration none,light {_TIMED}",
        tiny=f"benchmark {_TINY_TIMED} --execution loop,auto {_TIMED}",
        minutes=3,
        leaves="benchmark.json",
        judge=choosing,
    ),
    Measurement(
        name="accuracy",
        shows="WRN-16-8 on CIFAR-10, S=1, 2, 4 at equal cost (resumes: give it the time there is)",
        program="cotrain",
        options="compare --config cifar10-wide --into 1,2,4 --seeds 0,1,2 --output {folder}",
        tiny="compare --config digits --into 1,2 --seeds 0 --epochs 1 --independent false "
        "--data.train_images 40 --network basic_resnet8_8 --schedule.warmup_epochs 0 "
        "--batch_size 8 --jobs 1 --output {folder}",
        minutes=600,
        leaves="comparison.json",
        judge=comparing,
        resumes=True,
    ),
)
