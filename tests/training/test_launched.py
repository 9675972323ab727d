"""What has started the processes is held against the settings, before any waits for another."""

from types import SimpleNamespace
from typing import Any

import pytest
from pytorch_lightning.utilities import rank_zero_only

from cotrain.basics.errors import ConfigError
from cotrain.config import Hardware
from cotrain.training.launched import check_launched, first_where_alone


def trainer(devices: int, world_size: int) -> Any:
    return SimpleNamespace(
        num_devices=devices, world_size=world_size, strategy=SimpleNamespace(cluster_environment=0)
    )


@pytest.mark.parametrize(("devices", "nodes", "makes"), [("auto", 1, 1), (4, 1, 4), (1, 3, 3)])
def test_as_many_processes_as_torchrun_has_started(monkeypatch, devices, nodes, makes):
    """With one device each process would train all by itself, and write what the other writes."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    hardware = Hardware(devices=devices, num_nodes=nodes)
    with pytest.raises(
        ConfigError, match=rf"^torchrun has started 2 .*devices={devices} on .* makes {makes}: give"
    ):
        check_launched(hardware, trainer(makes // nodes, 2))
    check_launched(Hardware(devices=2), trainer(2, 2))
    check_launched(Hardware(num_nodes=2), trainer(1, 2))
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    check_launched(Hardware(), trainer(1, 1))


def test_a_port_is_a_number(monkeypatch):
    monkeypatch.setenv("MASTER_PORT", "abc")
    with pytest.raises(ConfigError, match=r"^MASTER_PORT=abc is no port: give a number such as"):
        check_launched(Hardware(devices=2), trainer(2, 2))
    check_launched(Hardware(), trainer(1, 1))


@pytest.mark.parametrize(
    ("hardware", "variables", "rank"),
    [
        (Hardware(accelerator="cpu"), {}, 0),
        (Hardware(devices=1), {}, 0),
        (Hardware(devices=2), {}, 3),
        (Hardware(num_nodes=2), {}, 3),
        (Hardware(devices=1), {"RANK": "3"}, 3),  # of torchrun, which may not fit the settings
        (Hardware(devices=1), {"LOCAL_RANK": "3"}, 3),
    ],
)
def test_a_process_that_trains_alone_is_the_first(monkeypatch, hardware, variables, rank):
    """Lightning takes the number of a SLURM task for that of a process that trains with others."""
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 3, raising=False)
    with first_where_alone(hardware):
        assert rank_zero_only.rank == rank  # type: ignore[attr-defined]
    assert rank_zero_only.rank == 3  # type: ignore[attr-defined]
