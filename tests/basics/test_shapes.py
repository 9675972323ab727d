"""The tests check the shapes in signatures; for users they are the tensor's type and a note."""

import subprocess
import sys

import jaxtyping
import pytest
import torch

from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.losses import CoTrainingLoss


def test_a_shape_that_does_not_fit_its_signature_fails():
    with pytest.raises(jaxtyping.TypeCheckError, match="S B C"):
        combine_logits(torch.zeros(2, 3))


def test_axes_of_one_name_have_one_size():
    logits = torch.zeros(2, 5, 3)
    assert CoTrainingLoss()(logits, torch.zeros(5, dtype=torch.int64)).total.shape == ()
    with pytest.raises(jaxtyping.TypeCheckError, match="B=5"):
        CoTrainingLoss()(logits, torch.zeros(4, dtype=torch.int64))


def test_users_have_neither_the_checks_nor_their_library():
    code = (
        "import sys\n"
        "from typing import Annotated, get_type_hints\n"
        "from torch import Tensor\n"
        "from cotrain.ensemble.combining import combine_logits as function\n"
        "hints = get_type_hints(function, include_extras=True)\n"
        "assert hints['logits'] == Annotated[Tensor, 'S B C']\n"
        "assert 'jaxtyping' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
