"""What each network would see, as a picture."""

from matplotlib.figure import Figure

from cotrain.training.first_views import FirstViews

_NETWORKS = 8  # shown side by side, at most


def views_picture(found: FirstViews) -> Figure:
    """A row an image: as it is, then the view of each network, at most 8 of them."""
    columns = {"original": found.originals}
    columns |= {f"network {place}": view for place, view in enumerate(found.views[:_NETWORKS])}
    rows = len(found.originals)
    size = (1.3 * len(columns), 1.3 * rows + 0.3)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(rows, len(columns), squeeze=False)
    for place, (title, images) in enumerate(columns.items()):
        panels[0, place].set_title(title, fontsize=9)
        for axes, image in zip(panels[:, place], images, strict=True):
            axes.imshow(image.permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
    return figure
