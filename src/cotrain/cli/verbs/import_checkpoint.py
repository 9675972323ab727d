"""``cotrain import-checkpoint``: weights of others as an ensemble."""

from typing import Literal

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_folder


def import_checkpoint(
    path: str,
    *,
    arch: str,
    dataset: str,
    output: str,
    into: int = 1,
    source: Literal["authors", "timm", "torchvision"] = "authors",
    variant: str | None = None,
    num_classes: int | None = None,
    image_size: int | None = None,
) -> None:
    """Make an ensemble of a checkpoint of the paper's authors, or of a large network of a library.

    Args:
        path: The file of the weights: model_best.pth.tar, or .pth or .safetensors of a library.
        arch: Name of the large network, such as wide_resnet28_10.
        dataset: What it was trained on: cifar10, cifar100, svhn or imagenet.
        output: Folder of the ensemble to write.
        into: S.
        source: Who saved the file (--from is the same): the paper's authors, timm or torchvision.
        variant: Which implementation, where the network has several: lightnet or lukemelas.
        num_classes: Classes; the data set's own if not given.
        image_size: Pixels; the data set's own if not given.
    """
    from cotrain.ensemble.importing import checkpoints as importing

    folder = output_folder(output)
    shape = {"num_classes": num_classes, "image_size": image_size}
    if source == "authors":
        ensemble = importing.import_checkpoint(
            arch, path, into=into, dataset=dataset, variant=variant, **shape
        )
    elif (into, dataset, variant) == (1, "imagenet", None):
        ensemble = importing.import_large(arch, path, library=source, **shape)
    else:
        raise ConfigError(
            f"--from {source} imports a large network for photos: "
            "give --dataset imagenet, and neither --into nor --variant"
        )
    licence = importing.AUTHORS_LICENCE if source == "authors" else None
    importing.ship(ensemble, folder, licence=licence)
    print(licence or f"licence: that of the weights, which {source} names")
    print(f"images: {ensemble.spec.preprocessing}")
    print(f"ensemble: {output}")
