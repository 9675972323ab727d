"""What Lightning would do in every step, or not do at all, to no one's good here."""

from datetime import timedelta
from functools import partial
from inspect import signature

import pytorch_lightning as lightning
from pytorch_lightning.plugins.precision import Precision
from pytorch_lightning.strategies import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel

# Torch 2.14 has a name for it that says when.
_SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    else "broadcast_buffers"
)


def spare_steps(trainer: lightning.Trainer, timeout: float) -> None:
    """Leave out what the steps of a Trainer need not do.

    BatchNorm's statistics are those of the first process, which alone saves them: sending them and
    those of the moving average changes nothing. Lightning would wrap the module on a stream beside
    the one that trains, for which every gradient would wait. SIGTERM is noted by ``Signals``, where
    Lightning would wait for the device. Gradients are clipped also before an optimizer of one
    kernel: those of bf16-mixed are not scaled, which Lightning takes them to be; where they are, in
    16-mixed, settings do not allow it.

    Args:
        trainer: Before it trains.
        timeout: Seconds after which a process gives up others that do not answer.
    """
    strategy = trainer.strategy
    if isinstance(strategy, DDPStrategy):
        own = {_SYNC_BUFFERS: False, "gradient_as_bucket_view": True}
        strategy._ddp_kwargs = own | strategy._ddp_kwargs
        strategy._timeout = timedelta(seconds=timeout)
        strategy._setup_model = partial(_wrapped, strategy)  # type: ignore[method-assign]
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing
    precision = strategy.precision_plugin
    precision.clip_gradients = partial(Precision.clip_gradients, precision)  # type: ignore[method-assign]


def _wrapped(strategy: DDPStrategy, module: nn.Module) -> DistributedDataParallel:
    devices = strategy.determine_ddp_device_ids()
    return DistributedDataParallel(module, device_ids=devices, **strategy._ddp_kwargs)


def _nothing() -> None:
    """Of this module, so that it reaches processes that are spawned."""
