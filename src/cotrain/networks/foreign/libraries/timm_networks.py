"""The networks that timm builds."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from cotrain.networks.foreign.libraries.library import Library, Native, constructor_parameters
from cotrain.networks.foreign.spec import ForeignSpec


def _names() -> list[str]:
    import timm

    return timm.list_models()


def _knows(name: str, _: Mapping[str, Any]) -> bool:
    import timm

    return timm.is_model(name.partition(".")[0])


def _accepts(name: str, _: Mapping[str, Any]) -> Collection[str]:
    import timm

    return constructor_parameters(timm.model_entrypoint(name.partition(".")[0]))


def _config(name: str) -> Any:
    """What timm says about a name, of which a part after a dot names weights; None if nothing."""
    import timm

    return timm.get_pretrained_cfg(name, allow_unregistered=True)


def _native(name: str, _: Mapping[str, Any]) -> Native | None:
    config = _config(name)
    if config is None:
        return None
    return Native(
        image_size=max(config.input_size[1:]),
        mean=tuple(config.mean),
        std=tuple(config.std),
        margin=1 / config.crop_pct,
        interpolation=config.interpolation,
        crop_mode=config.crop_mode,
    )


def _build(spec: ForeignSpec) -> nn.Module:
    return _create(spec, pretrained=False)


def _fetch(spec: ForeignSpec) -> nn.Module:
    return _create(spec, pretrained=True)


def _adapt(spec: ForeignSpec, state: Mapping[str, Tensor]) -> nn.Module:
    """With stem, position embeddings and the names of other programs as timm adapts them."""
    config = _config(spec.arch.partition(":")[2])
    heads = config.classifier if config else None
    heads = (heads,) if isinstance(heads, str) else heads or ()
    weights = [state[f"{head}.weight"] for head in heads if f"{head}.weight" in state]
    own = {
        "state_dict": dict(state),
        "source": "",
        "custom_load": False,
        "label_offset": 0,
        "num_classes": len(weights[0]) if weights else spec.num_classes,
    }
    return _create(spec, pretrained=True, pretrained_cfg_overlay=own)


def _source(spec: ForeignSpec) -> str:
    config = _config(spec.arch.partition(":")[2])
    if config is None or not (config.hf_hub_id or config.url):
        return "timm names no place that has them"
    hub = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
    return f"they are kept at {hub if config.hf_hub_id else config.url}"


def _create(spec: ForeignSpec, **weights: Any) -> nn.Module:
    import timm

    name = spec.arch.partition(":")[2]
    config, size = _config(name), {}
    # Networks of a fixed size are those whose constructor takes one.
    if config and config.fixed_input_size and max(config.input_size[1:]) != spec.image_size:
        size = {"img_size": spec.image_size}
    return timm.create_model(
        name,
        **weights,
        num_classes=spec.num_classes,
        in_chans=spec.in_channels,
        **{**size, **spec.kwargs},
    )


def _recognize(module: nn.Module) -> Sequence[ForeignSpec]:
    config: Any = getattr(module, "pretrained_cfg", None) or {}
    name = config.get("architecture") if isinstance(config, Mapping) else None
    if name is None or not _knows(name, {}):
        return ()
    embedding = getattr(module, "patch_embed", None)
    size: Any = getattr(embedding, "img_size", None) or config["input_size"][1:]
    return [
        ForeignSpec(
            arch=f"timm:{name}",
            source="timm",
            num_classes=int(getattr(module, "num_classes", config["num_classes"])),
            in_channels=in_channels,
            image_size=max(size) if isinstance(size, Sequence) else int(size),
            kwargs=kwargs,
        )
        for in_channels in (3, 1)
        for kwargs in _regularizations(module)
    ]


def _regularizations(module: nn.Module) -> list[dict[str, float]]:
    """Arguments that may have made the probabilities of dropping that the network has."""
    rates = {
        "drop_path_rate": max(getattr(layer, "drop_prob", 0) or 0 for layer in module.modules()),
        "drop_rate": float(getattr(module, "drop_rate", 0) or 0),
    }
    # They come from float32 tables: 0.1 reads 0.10000000149.
    given = {name: round(rate, 6) for name, rate in rates.items() if rate}
    return [{}, given] if given else [{}]


LIBRARY = Library(
    package="timm",
    names=_names,
    knows=_knows,
    accepts=_accepts,
    native=_native,
    build=_build,
    recognize=_recognize,
    fetch=_fetch,
    adapt=_adapt,
    source=_source,
)
