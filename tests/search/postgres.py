"""A PostgreSQL server for the tests, in a folder, run by an unprivileged user."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
REASON = "PostgreSQL is not installed (Debian: postgresql)"


class Postgres:
    """A server that can be started and stopped.

    Args:
        folder: An empty folder that the server's user can write to.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.bin = INSTALLED[-1].parent
        self.user = "nobody" if os.getuid() == 0 else getpass.getuser()
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data = self.folder / "data"
        options = "-U search -A trust -E UTF8 --no-sync"
        self._run("initdb", "-D", self.data, *options.split())

    @property
    def url(self):
        return f"postgresql+psycopg://search@127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        self._run(
            "pg_ctl", "-D", self.data, "-o", options, "-l", self.folder / "log", "-w", "start"
        )

    def stop(self):
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def _run(self, program, *arguments):
        options = {}
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            entry = pwd.getpwnam(self.user)
            options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        command = [str(self.bin / program), *map(str, arguments)]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            timeout=120,
            **options,
        )
