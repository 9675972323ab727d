"""The image classifiers that torchvision builds."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.libraries.library import Library, Native, constructor_parameters
from cotrain.networks.foreign.spec import ForeignSpec

# Training GoogLeNet and Inception also needs side outputs, unless they are switched off; both ask
# to say how weights are drawn.
_DEFAULTS: dict[str, dict[str, Any]] = {
    name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")
}
# The others take images of any size.
_SIZED = "vit_"


def _names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


def _accepts(name: str, _: Mapping[str, Any]) -> Collection[str]:
    from torchvision import models

    return constructor_parameters(models.get_model_builder(name))


def _native(name: str, _: Mapping[str, Any]) -> Native | None:
    from torchvision import models

    images = models.get_model_weights(name)["DEFAULT"].transforms()
    size = images.crop_size[0]
    return Native(
        image_size=size,
        mean=tuple(images.mean),
        std=tuple(images.std),
        margin=images.resize_size[0] / size,
    )


def _build(spec: ForeignSpec) -> nn.Module:
    from torchvision import models

    if spec.in_channels != 3:
        raise ConfigError(
            f"in_channels={spec.in_channels}: torchvision's networks take images of 3 channels: "
            "use timm's network of this kind"
        )
    name = spec.arch.partition(":")[2]
    size = {"image_size": spec.image_size} if name.startswith(_SIZED) else {}
    arguments = {**_DEFAULTS.get(name, {}), **size, **spec.kwargs}
    return models.get_model(name, weights=None, num_classes=spec.num_classes, **arguments)


def _recognize(module: nn.Module) -> Sequence[ForeignSpec]:
    from torchvision import models

    home = type(module).__module__
    return [
        ForeignSpec(
            arch=f"torchvision:{name}",
            source="torchvision",
            num_classes=list(module.parameters())[-1].shape[0],
            image_size=int(getattr(module, "image_size", 224)),
        )
        for name in _names()
        if models.get_model_builder(name).__module__ == home
    ]


LIBRARY = Library(
    package="torchvision",
    names=_names,
    knows=lambda name, _: name in _names(),
    accepts=_accepts,
    native=_native,
    build=_build,
    recognize=_recognize,
)
