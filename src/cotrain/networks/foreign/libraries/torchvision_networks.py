"""The image classifiers that torchvision builds."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.libraries.library import Library, Native, constructor_parameters
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.heads import load_but_head

# Training GoogLeNet and Inception also needs side outputs, unless they are switched off; both ask
# to say how weights are drawn.
_DEFAULTS: dict[str, dict[str, Any]] = {
    name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")
}
# Their weights know images of mean and std 0.5, which they make of ImageNet's themselves.
_CHANGES_IMAGES = "transform_input"
# The others take images of any size.
_SIZED = "vit_"


def _names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


def _knows(name: str, _: Mapping[str, Any]) -> bool:
    """``resnet50``, or with the name of weights ``resnet50@IMAGENET1K_V2``."""
    from torchvision import models

    network, *weights = name.split("@")
    if network not in _names():
        return False
    return all(each in models.get_model_weights(network).__members__ for each in weights)


def _accepts(name: str, _: Mapping[str, Any]) -> Collection[str]:
    from torchvision import models

    return constructor_parameters(models.get_model_builder(name.partition("@")[0]))


def _arguments(name: str) -> dict[str, Any]:
    return {_CHANGES_IMAGES: True} if name.partition("@")[0] in _DEFAULTS else {}


def _weights(name: str) -> Any:
    """The weights that a name says, else torchvision's best."""
    from torchvision import models

    network, _, weights = name.partition("@")
    return models.get_model_weights(network)[weights or "DEFAULT"]


def _native(name: str, _: Mapping[str, Any]) -> Native | None:
    images = _weights(name).transforms()
    size = images.crop_size[0]
    return Native(
        image_size=size,
        mean=tuple(images.mean),
        std=tuple(images.std),
        margin=images.resize_size[0] / size,
        interpolation=images.interpolation.value,
    )


def _build(spec: ForeignSpec) -> nn.Module:
    from torchvision import models

    if spec.in_channels != 3:
        raise ConfigError(
            f"in_channels={spec.in_channels}: torchvision's networks take images of 3 channels: "
            "use timm's network of this kind"
        )
    name = _name(spec).partition("@")[0]
    size = {"image_size": spec.image_size} if name.startswith(_SIZED) else {}
    arguments = {**_DEFAULTS.get(name, {}), **size, **spec.kwargs}
    return models.get_model(name, weights=None, num_classes=spec.num_classes, **arguments)


def _name(spec: ForeignSpec) -> str:
    return spec.arch.partition(":")[2]


def _fetch(spec: ForeignSpec) -> nn.Module:
    state = _weights(_name(spec)).get_state_dict(progress=True, check_hash=True)
    network = _build(spec)
    own = network.state_dict()  # without the side outputs, which are trained only
    load_but_head(network, {name: each for name, each in state.items() if name in own})
    return network


def _recognize(module: nn.Module) -> Sequence[ForeignSpec]:
    from torchvision import models

    home = type(module).__module__
    own = {name: each for name, each in vars(module).items() if name == _CHANGES_IMAGES}
    return [
        ForeignSpec(
            arch=f"torchvision:{name}",
            source="torchvision",
            num_classes=list(module.parameters())[-1].shape[0],
            image_size=int(getattr(module, "image_size", 224)),
            kwargs=own,
        )
        for name in _names()
        if models.get_model_builder(name).__module__ == home
    ]


LIBRARY = Library(
    package="torchvision",
    names=_names,
    knows=_knows,
    accepts=_accepts,
    native=_native,
    build=_build,
    recognize=_recognize,
    arguments=_arguments,
    fetch=_fetch,
    source=lambda spec: f"they are kept at {_weights(_name(spec)).url}",
)
