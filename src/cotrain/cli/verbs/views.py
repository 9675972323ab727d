"""``cotrain views``: what each network would see, before anything is trained."""

from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_file
from cotrain.config import Experiment


def views(*, output: str = "views.png", images: int = 8, **settings: Any) -> None:
    """Draw what each network would see in the first step of a training, before it is trained.

    cotrain views digits --into 2 --views.padding 2 --output views.png

    Args:
        output: Picture to write: .png, .svg or .pdf. A row an image: as it is, then its views.
        images: How many, at most those of a batch.
    """
    from cotrain.data.datasets import check_outside_images
    from cotrain.data.settings import check_heeded
    from cotrain.report.pictures import kind_of_picture, write_picture
    from cotrain.report.views import views_picture
    from cotrain.training.first_views import first_views
    from cotrain.training.from_experiment import experiment_images

    if images < 1:
        raise ConfigError(f"images={images} is below 1: give at least 1")
    experiment, file = Experiment(**settings), output_file(output)
    kind_of_picture(file)
    check_heeded(experiment.views, experiment.data)
    check_outside_images(file, experiment.data)
    splits = experiment_images(experiment)
    splits.show()
    write_picture(views_picture(first_views(experiment, splits, images)), file)
    print(f"views: {file}")
