"""Whether a picture can be read: nothing is cut off, and texts and panels do not overlap."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def check_apart(figure: Figure) -> None:
    """Panels with their titles and labels, legend and title of the whole, each in its own place."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    titles = [text for text in figure.texts if text.get_text()]
    parts = [*figure.axes, *figure.legends, *titles]
    boxes = [part.get_tightbbox(renderer) for part in parts]
    assert len(figure.legends) == 1
    for box in boxes:
        assert box is not None
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
