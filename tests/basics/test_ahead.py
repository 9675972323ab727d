"""One item more is made than its caller has; tensors travel while others are made."""

import pytest
import torch

from cotrain.basics.ahead import Sent, one_ahead


@pytest.mark.parametrize("count", [0, 1, 4])
def test_an_item_is_there_after_the_next_one_has_been_made(count: int) -> None:
    log: list[str] = []

    def items():
        for number in range(count):
            log.append(f"made {number}")
            yield number

    for number in one_ahead(items()):
        log.append(f"had {number}")
    made = [f"made {number}" for number in range(count)]
    had = [f"had {number}" for number in range(count)]
    expected = [*made[:1], *(each for pair in zip(made[1:], had, strict=False) for each in pair)]
    assert log == [*expected, *had[-1:]]


def test_what_is_on_the_cpu_is_there() -> None:
    tensor = torch.arange(3)
    assert Sent(tensor).arrived() is tensor


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_a_gpu_is_waited_for_when_the_tensor_is_asked_for() -> None:
    tensor = torch.arange(1000.0, device="cuda")
    torch.empty(1, pin_memory=True)  # the first one may wait
    torch.cuda.synchronize()
    try:
        torch.cuda.set_sync_debug_mode("error")
        sent = Sent(tensor * 2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(sent.arrived(), torch.arange(1000.0) * 2)
    assert not sent.arrived().is_pinned()
