"""Many files at once: their sizes, their damage."""

import pytest
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.folders import folder_source
from cotrain.data.reading import common_size


def test_common_size(write_images):
    source = folder_source(str(write_images(size=(17, 17))))
    assert common_size(list(source.images)) == 17


@pytest.mark.parametrize("size", [(12, 13), (13, 13)])
def test_different_sizes_are_for_the_user_to_settle(write_images, size):
    root = write_images()
    Image.new("RGB", size).save(root / "ant" / "000.png")
    with pytest.raises(ConfigError, match=r"2 different sizes\): .* --data.image_size"):
        common_size(list(folder_source(str(root)).images))
