"""PyTorch's .pt2 archives: a graph (``torch-export``), or machine code (``aot``).

``torch.export.load`` unpickles, without limits, whatever an archive marks as pickled. Ours hold no
pickle, and an archive that holds one is refused before torch sees it.
"""

import io
import json
import os
import re
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import torch
from torch import Tensor
from torch.export import ExportedProgram

from cotrain.basics.errors import ConfigError
from cotrain.export.description import RECORD, Description
from cotrain.export.formats.exporters import reason, silenced


def to_graph(traced: ExportedProgram, description: Description) -> bytes:
    """The file that ``torch.export.load`` reads."""
    traced.example_inputs = None  # they would be pickled
    buffer = io.BytesIO()
    with silenced():
        torch.export.save(traced, buffer, extra_files={RECORD: description.to_json()})
    return buffer.getvalue()


def to_machine_code(traced: ExportedProgram, description: Description) -> bytes:
    """The file that ``torch._inductor.aoti_load_package`` reads, for the CPU of this machine.

    Raises:
        ConfigError: It cannot be compiled, as without a C++ compiler.
    """
    buffer = io.BytesIO()
    try:
        with silenced():
            torch._inductor.aoti_compile_and_package(traced, package_path=buffer)
    except Exception as error:  # compilers fail in many ways
        raise ConfigError(
            f"format='aot' cannot be compiled ({reason(error)}): "
            "install a C++ compiler, or use --format torch-export"
        ) from error
    # The compiler takes no extra files; the archive is a zip.
    with zipfile.ZipFile(buffer, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{root}/extra/{RECORD}", description.to_json())
    return buffer.getvalue()


def open_archive(path: Path, /, **_: object) -> tuple[str, Callable[[Tensor], dict[str, Tensor]]]:
    """The description (JSON) in the file, and what answers images on the CPU.

    It runs one operation after the other, with the threads of ``torch.set_num_threads``.

    Raises:
        ConfigError: The file is damaged, not from here, or holds a pickle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_pickles(archive, path)
            root = archive.namelist()[0].partition("/")[0]
            description = archive.read(f"{root}/extra/{RECORD}").decode()
            compiled = any("/data/aotinductor/" in name for name in archive.namelist())
        with silenced():
            run = _load_machine_code(path) if compiled else _load_graph(path)
    except ConfigError:
        raise
    except Exception as error:  # neither zipfile nor torch has one class for damaged archives
        raise ConfigError(
            f"{path} is not an exported ensemble, or damaged ({reason(error)}): export it again"
        ) from error

    def answers(images: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            return run(images)

    return description, answers


def _load_graph(path: Path) -> Callable[[Tensor], dict[str, Tensor]]:
    return torch.export.load(path).module()


def _load_machine_code(path: Path) -> Callable[[Tensor], dict[str, Tensor]]:
    folder = mkdtemp(prefix="cotrain-")
    try:
        with _unpacking_into(folder):
            loaded = torch._inductor.aoti_load_package(str(path))
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(loaded, rmtree, folder, ignore_errors=True)
    return loaded


@contextmanager
def _unpacking_into(folder: str) -> Iterator[None]:
    """Torch unpacks machine code inside ``folder``; of a load that fails it leaves the files."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


# All entries of our archives; others would send torch.export.load to the formats of old releases.
_ENTRY = re.compile(
    r"[^/]+/(models/model\.json|data/(weights|constants)/\w+(\.json)?|data/aotinductor/.+"
    r"|data/sample_inputs/model\.pt|extra/.+|archive_(format|version)|byteorder|\.data/\w+)"
)


def _refuse_pickles(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise ConfigError if torch could find anything to unpickle in the archive."""
    names = archive.namelist()
    suspects = [name for name in names if not _ENTRY.fullmatch(name)]
    suspects += {name for name in names if names.count(name) > 1}
    for entry in archive.infolist():
        if entry.filename.endswith(".pt") and entry.file_size:
            suspects.append(entry.filename)
        elif entry.filename.endswith(("weights_config.json", "constants_config.json")):
            suspects += _pickled(archive.read(entry))
    if suspects:
        raise ConfigError(
            f"{path} holds {suspects[0]}, which may run code when it is loaded: "
            "export the ensemble again"
        )


def _pickled(config: bytes) -> list[str]:
    """Those tensors of a list of weights or constants that are not plain bytes."""
    return [
        str(name)
        for name, each in json.loads(config)["config"].items()
        if each["use_pickle"] or not each["path_name"].startswith(("weight_", "tensor_"))
    ]
