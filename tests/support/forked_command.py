"""The command without its start: forked from a process that has imported everything.

``forked_commands`` has a server of this module at a socket, and a ``cotrain`` that asks there. The
command runs in the folder, with the variables and with the files of whoever calls it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

_CLIENT = """#!{python} -IS
import json, os, socket, sys
words = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({at!r})
    socket.send_fds(server, [len(words).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(words)
    answer = server.recv(4)
sys.exit(int.from_bytes(answer, "big") if answer else 1)
"""


@contextmanager
def forked_commands(folder: Path) -> Iterator[Path]:
    """A folder with a ``cotrain`` that starts at once."""
    at = folder / "socket"
    client = folder / "cotrain"
    client.write_text(_CLIENT.format(python=sys.executable, at=str(at)))
    client.chmod(0o755)
    words = [sys.executable, __file__, str(at)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield folder
        server.terminate()


def _serve(at: str) -> None:
    import cotrain

    for each in walk_packages(cotrain.__path__, "cotrain."):
        if not each.name.endswith("__main__"):
            import_module(each.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(at)
        server.listen()
        os.write(1, b"ready\n")
        while True:
            connection, _ = server.accept()
            with connection:
                if not os.fork():
                    server.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _answer(connection)
                    os._exit(0)


def _answer(connection: socket.socket) -> None:
    """Run one command, and send its exit code."""
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    words = b""
    while len(words) < int.from_bytes(size, "big"):
        words += connection.recv(65536)
    child = os.fork()
    if not child:
        connection.close()
        _become(files, *json.loads(words))
    _, status = os.waitpid(child, 0)
    connection.sendall((os.waitstatus_to_exitcode(status) & 255).to_bytes(4, "big"))


def _become(files: list[int], arguments: list[str], folder: str, variables: dict[str, str]) -> None:
    """Be the command, to its end."""
    from cotrain.cli.command import main

    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = [str(Path(sys.executable).with_name("cotrain")), *arguments]
    code: object = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve(sys.argv[1])
