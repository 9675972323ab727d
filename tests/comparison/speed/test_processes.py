"""Real processes: they answer together, say why they cannot, and end."""

import pytest

from cotrain import ConfigError
from cotrain.comparison.speed.processes import Processes, Work
from cotrain.comparison.speed.records import Case


def test_processes_answer_refuse_and_end(tiny_spec):
    loop = Case(target="two", into=2, strategy="loop", level="light")
    graphs = Case(target="two", into=2, strategy="cuda_graphs", level="none")
    with Processes(Work(networks=(tiny_spec,) * 2, threads=1, device="cpu")) as processes:
        processes.prepare(loop, (3, 3, 8, 8))
        assert 0 < processes.seconds(loop) < float("inf")
        with pytest.raises(ConfigError, match=r"^processes: strategy='cuda_graphs'"):
            processes.prepare(graphs, (3, 3, 8, 8))
        assert 0 < processes.seconds(loop) < float("inf")  # they go on
        workers = list(processes.workers)
        workers[1].terminate()
        workers[1].join()
        with pytest.raises(ConfigError, match="processes: one has died"):
            processes.seconds(loop)
    assert [worker.is_alive() for worker in workers] == [False, False]
