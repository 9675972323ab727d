"""``cotrain plan``: what to choose before anything big is trained."""

import json as json_format
from typing import Literal

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import write_json
from cotrain.basics.output import output_file
from cotrain.cli.verbs.arguments import checked_device, whole_numbers


def plan(
    network: str,
    *,
    num_classes: int,
    into: int | str = "2,4",
    image_size: int | None = None,
    by: Literal["params", "macs"] = "params",
    tolerance: float = 0.1,
    pretrained: bool = False,
    time: bool = False,
    device: str | None = None,
    output: str | None = None,
    json: bool = False,
) -> None:
    """List what could replace a large network at equal cost, before anything is trained.

    Each row has its cost, counted and not looked up, what is known of it (published, measured here,
    or no evidence) and the commands that run it. cotrain plan --pilot, which is cotrain pilot, has
    arguments of its own: a few short runs say which S is ahead on your images.

    cotrain plan timm:convnext_small --into 2,3,4 --num-classes 10 --pretrained

    Args:
        network: Name of the large network, such as wide_resnet28_10, timm:convnext_small or
            torchvision:resnet50; with --pretrained one of timm's, with the tag of its weights or
            without, which means the best.
        num_classes: Classes.
        into: S, or several such as 2,3,4.
        image_size: Pixels; the network's own if not given.
        by: The cost that is kept: params, or macs.
        tolerance: How far all S together may be from it, as a share.
        pretrained: List what starts from pretrained weights too, with its published accuracy.
        time: Measure how long one image takes.
        device: Where to measure: cpu or cuda; cpu if not given.
        output: File to write the rows to, as JSON.
        json: Print JSON instead of a table.
    """
    from cotrain.planning.shortlist import shortlist
    from cotrain.planning.times import with_times
    from cotrain.report.planning import shortlist_remarks, shortlist_table
    from cotrain.report.style import display

    if device is not None and not time:
        raise ConfigError(f"device={device!r} would be ignored: give --time too, or leave it out")
    file = None if output is None else output_file(output)
    device = checked_device(device or "cpu")
    found = shortlist(
        network,
        into=whole_numbers("into", into),
        num_classes=num_classes,
        image_size=image_size,
        by=by,
        tolerance=tolerance,
        pretrained=pretrained,
    )
    if time:
        found = with_times(found, device)
    if file is not None:
        write_json(file, found.to_dict())
    if json:
        print(json_format.dumps(found.to_dict(), indent=2))
        return
    display(shortlist_table(found))
    print(*shortlist_remarks(found), sep="\n")
