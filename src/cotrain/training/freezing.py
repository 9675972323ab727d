"""Which parts of the networks are trained in which epochs."""

from collections.abc import Sequence

import pytorch_lightning as lightning
from torch import nn

from cotrain.config import FineTuning
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.member import inner
from cotrain.ensemble.peers.peer import Peer
from cotrain.networks.heads import check_head, logit_layers
from cotrain.training.batch_norm import has_statistics
from cotrain.training.cached_features import FeatureCache
from cotrain.training.datamodule import Loaders
from cotrain.training.module import CoTraining
from cotrain.training.notices import say


class Freezing(lightning.Callback):
    """Freezes the backbones in the first epochs, and BatchNorm's statistics in all, if asked to.

    Args:
        ensemble: The networks, before anything is frozen.
        settings: Which epochs, and whether BatchNorm too.
        cache: Filled for the frozen epochs; None if every epoch computes its features.

    Raises:
        ConfigError: The head of a network cannot be told from its backbone.
    """

    def __init__(
        self, ensemble: Ensemble | Peer, settings: FineTuning, cache: FeatureCache | None
    ) -> None:
        networks = ensemble.networks
        self._settings, self._cache = settings, cache
        self._trained = [
            [each for each in network.parameters() if each.requires_grad] for network in networks
        ]
        for network in networks if settings.frozen_epochs else ():
            check_head(inner(network), ensemble.image_shape)
        norms = any(has_statistics(layer) for layer in ensemble.modules())
        if settings.frozen_batch_norm and not norms:
            say("fine_tuning.frozen_batch_norm=true: there is no BatchNorm, so nothing to freeze")

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Also in the middle of an epoch, where a run was resumed."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        assert isinstance(pl_module, CoTraining)
        place = pl_module.place
        for index in place.networks:
            network = pl_module.ensemble.networks[index]
            frozen = place.epoch < self._settings.frozen_epochs
            freeze(network, self._trained[index], frozen=frozen)
            for layer in network.modules() if self._settings.frozen_batch_norm else ():
                layer.train(layer.training and not has_statistics(layer))
        if self._cache is not None:
            self._keep_features(self._cache, trainer, pl_module)

    def _keep_features(
        self, cache: FeatureCache, trainer: lightning.Trainer, module: CoTraining
    ) -> None:
        """Fill the cache before the frozen epochs, and give it back after them."""
        if module.place.epoch >= self._settings.frozen_epochs:
            cache.clear()
        elif not cache.filled:
            loaders = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(loaders, Loaders)
            context = trainer.precision_plugin.train_step_context
            cache.fill(module.ensemble, loaders.all_views, loaders.all_validation(), context)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """What is shipped counts its parameters as before."""
        assert isinstance(pl_module, CoTraining)
        for network, trained in zip(pl_module.ensemble.networks, self._trained, strict=True):
            freeze(network, trained, frozen=False)


def freeze(network: nn.Module, trained: Sequence[nn.Parameter], *, frozen: bool) -> None:
    """Train a network's head alone, its backbone being in evaluation mode; or all of it.

    Args:
        network: One of the S.
        trained: Its parameters that are trained where nothing is frozen.
        frozen: Whether to train the head alone.
    """
    network.train(not frozen)
    own = inner(network)
    heads = [own.get_submodule(name).train() for name in logit_layers(own)]
    kept = {each for head in heads for each in head.parameters()} if frozen else set(trained)
    for parameter in trained:
        parameter.requires_grad_(parameter in kept)
