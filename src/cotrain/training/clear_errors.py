"""What a user is told where training cannot go on: one line, and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as lightning
from torch.distributed import DistError
from torch.multiprocessing.spawn import ProcessRaisedException

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.training.finite import NotFiniteError


@contextmanager
def clear_errors(folder: RunFolder, trainer: lightning.Trainer) -> Iterator[None]:
    """Say what to do next where training cannot go on."""
    try:
        yield
    except NotFiniteError as error:
        kept = f"the last good checkpoint is {folder.checkpoint}"
        raise TrainingError(
            f"{error}; {kept if folder.checkpoint.exists() else 'no checkpoint was saved yet'}: "
            "lower optimizer.lr, set optimizer.clip, or --on_nan skip"
        ) from None
    except ProcessRaisedException as error:
        raise TrainingError(f"a process failed: {str(error).strip().splitlines()[-1]}") from error
    except RuntimeError as error:
        if trainer.world_size == 1 or not _is_connection_lost(error):
            raise
        message = (
            f"process {trainer.global_rank} stopped because another one failed: see its message"
        )
        raise TrainingError(message) from error
    except SystemExit:
        # Lightning's answer to a second Ctrl-C.
        raise KeyboardInterrupt from None


def _is_connection_lost(error: RuntimeError) -> bool:
    return isinstance(error, DistError) or "by peer" in str(error)


def fewer_workers(folder: RunFolder) -> str:
    """What to do where a process that loads images has died."""
    return (
        f"go on with cotrain train --resume {folder.root}, "
        f"if need be with fewer data.workers in its {folder.config.name}"
    )
