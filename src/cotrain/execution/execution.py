"""What every strategy gives: S networks that answer together, called like an ensemble."""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.ensemble import Ensemble, device_of, split_views
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.ensemble.stages import StagedAnswers, answer_in_stages

Network = Callable[[Tensor], Tensor]


class NetworkError(RuntimeError):
    """One of the networks failed; its own error is the cause.

    Args:
        index: Which, from 0.
        error: What it raised.
    """

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(f"network {index}: {error}")
        self.index = index


class Execution:
    """S networks prepared to answer; make one with ``cotrain.execution.prepare``.

    It holds the weights of the moment it was prepared: prepare again after training on.

    Args:
        name: The strategy.
        networks: The S networks, where they were before they were prepared.
        run: Logits [S, B, C] of S views.
        ask: Logits [B, C] that the network of an index gives for images, where the networks can
            be asked one by one.
        close: Gives back what it holds, such as threads.
    """

    def __init__(
        self,
        name: str,
        networks: Sequence[nn.Module],
        run: Callable[[Sequence[Tensor]], Tensor],
        *,
        ask: Callable[[int, Tensor], Tensor] | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:
        self.name, self.into, self.device = name, len(networks), device_of(networks)
        self.reason = ""
        """Why this strategy, where it was chosen by measuring."""
        self._run, self._ask, self._close = run, ask, close
        self._closed = False
        self._spec: EnsembleSpec | None = None

    @property
    def spec(self) -> EnsembleSpec:
        """The description of the ensemble that was prepared.

        Raises:
            ConfigError: Networks were prepared, and no ensemble.
        """
        if self._spec is None:
            raise ConfigError(
                f"the execution {self.name!r} has networks without a spec: prepare an Ensemble"
            )
        return self._spec

    @spec.setter
    def spec(self, spec: EnsembleSpec) -> None:
        self._spec = spec

    def prepare(self, pixels: Tensor) -> Tensor:
        """The images of a call, on ``device``, from pixels [B, C, H, W] in 0..255.

        Raises:
            ConfigError: There is no spec, or it has no preprocessing.
        """
        return known_preprocessing(self.spec).normalize(pixels.to(self.device))

    def __call__(self, images: Tensor) -> Tensor:
        """Logits [S, B, C] in evaluation mode, without gradients.

        Args:
            images: [B, C, H, W], the same for all networks, or [S, B, C, H, W], one view each.

        Raises:
            NetworkError: A network failed; the others are done, and the execution can go on.
        """
        self._check_open()
        with torch.no_grad():
            return self._run(split_views(images, self.into))

    def answer_in_stages(self, images: Tensor, *, calibrated: bool = True) -> StagedAnswers:
        """The answers of the ensemble's cascade, which asks only some of the networks.

        Args:
            images: [B, C, H, W].
            calibrated: Use the ensemble's calibration, if it has one, where all are asked.

        Raises:
            ConfigError: It has no cascade, or this strategy has its networks answer together.
            NetworkError: A network failed.
        """
        self._check_open()
        if self._ask is None:
            raise ConfigError(
                f"the execution {self.name!r} has its networks answer together, and a cascade asks "
                "them one by one: prepare 'loop'"
            )
        spec, calibration = self.spec, self.spec.calibration if calibrated else None
        with torch.no_grad():
            return answer_in_stages(self._ask, images, spec.num_classes, spec.cascade, calibration)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigError(f"the execution {self.name!r} is closed: prepare another one")

    def close(self) -> None:
        """Give back threads and memory; closing twice does nothing."""
        if not self._closed and self._close:
            self._close()
        self._closed = True
        self._run = _nothing

    def __enter__(self) -> "Execution":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _nothing(_: Sequence[Tensor]) -> Tensor:
    raise AssertionError("closed")


def ask(index: int, network: Network, view: Tensor) -> Tensor:
    """Logits [B, C] of one network; its error names it."""
    try:
        return network(view)
    except ConfigError:
        raise  # says all there is to do
    except Exception as error:
        raise NetworkError(index, error) from error


def networks_of(networks: Ensemble | Iterable[nn.Module]) -> list[nn.Module]:
    """The S networks of an ensemble, or those given."""
    found = list(networks.networks if isinstance(networks, Ensemble) else networks)
    if not found:
        raise ConfigError("networks: none given: give at least one")
    return found
