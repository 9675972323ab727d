"""How networks that start from trained weights are trained on."""

from dataclasses import dataclass, fields

from cotrain.basics.errors import ConfigError
from cotrain.config.heeding import refuse_unheeded, written
from cotrain.config.limits import ABOVE_0, Bound, at_least, bounded


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How networks that start from trained weights are trained on.

    The head is the layer that gives the logits; all that stands before it is the backbone.

    Args:
        layer_decay: Learning rate of a layer, as a share of that of the layer after it (as timm
            has it, after arXiv:2106.08254); the head has the whole; 1 is off.
        head_lr_scale: By which the head's learning rate is multiplied.
        frozen_epochs: The first epochs, in which the head alone is trained. The backbone is in
            evaluation mode: without dropout, its BatchNorm statistics as they are.
        frozen_batch_norm: BatchNorm keeps its statistics, and normalises by them, in all epochs.
        cached_views: Views of an image whose features are computed once, before the frozen epochs,
            which then take them in turn and need no backbone; 0 computes every epoch's anew.
    """

    layer_decay: float = bounded(
        1.0,
        Bound(
            holds=lambda value: 0 < value <= 1,
            otherwise="is no share of a learning rate: give more than 0 and at most 1, which is "
            "none",
        ),
    )
    head_lr_scale: float = bounded(1.0, ABOVE_0)
    frozen_epochs: int = bounded(0, at_least(0))
    frozen_batch_norm: bool = False
    cached_views: int = bounded(0, at_least(0))

    @property
    def is_off(self) -> bool:
        """Whether nothing is done that is not done in every training."""
        return self == FineTuning()

    def check(self, *, starts_trained: bool, epochs: int) -> None:
        """Raise ConfigError for settings that nothing would heed, or that cannot be.

        Args:
            starts_trained: Whether the networks start from trained weights.
            epochs: Of the whole run.
        """
        refuse_unheeded("fine_tuning", self)
        if self.is_off:
            return
        if not starts_trained:
            name, value = next(iter(self._changed().items()))
            raise ConfigError(
                f"fine_tuning.{name}={written(value)} is for networks that start from trained "
                "weights: give pretrained or inherit, or leave it out"
            )
        if self.frozen_epochs > epochs:
            raise ConfigError(
                f"fine_tuning.frozen_epochs={self.frozen_epochs} is more than epochs={epochs}: "
                f"give at most {epochs}"
            )
        if self.cached_views > self.frozen_epochs:
            raise ConfigError(
                f"fine_tuning.cached_views={self.cached_views} is more than one view for each of "
                f"fine_tuning.frozen_epochs={self.frozen_epochs}: give at most that"
            )
        for name in ("layer_decay", "frozen_batch_norm") if self.frozen_epochs == epochs else ():
            if name in self._changed():
                raise ConfigError(
                    f"fine_tuning.{name}={written(getattr(self, name))} would be ignored, as all "
                    f"epochs={epochs} are frozen: leave it out, or give fewer "
                    "fine_tuning.frozen_epochs"
                )

    def _changed(self) -> dict[str, object]:
        """The settings that are not the defaults."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: each for name, each in values.items() if each != getattr(FineTuning(), name)}
