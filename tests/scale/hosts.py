"""A Milvus cluster on several hosts that this machine plays: `python -m tests.scale.hosts FOLDER` starts one.

They share no folder: files are on host `a`, behind the protocol of S3.
"""

import argparse
import asyncio
import ctypes.util
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.scale import cluster as one_host
from tests.scale import networks
from tests.scale.cluster import Bucket, Cluster, Places, Role, running
from tests.scale.processes import Host

ROOT = Path(__file__).parents[2]
KEY, SECRET, BUCKET = "a-key", "a-secret-of-a-test", "milvus"


@dataclass(frozen=True)
class Hosts:
    """A running cluster on several hosts."""

    cluster: Cluster
    places: dict[str, Host]
    switch: Host

    @staticmethod
    @contextmanager
    def started(folder: Path) -> Iterator["Hosts"]:
        """Start a query node and a data node on each of hosts `a` and `b`, and all other roles on `a`.

        They end with the block, or where this process ends. Raises ClusterError where a role does not come up.
        """
        with ExitStack() as stack:
            switch = stack.enter_context(networks.switch())
            a, b = (stack.enter_context(networks.joined(switch, name, n)) for n, name in enumerate("ab", 1))
            places = Places(a, [a, b], [a, b])
            cluster = stack.enter_context(running(folder, places, _bucket(a, folder.resolve())))
            cluster.address = _brought_here(a, cluster)
            yield Hosts(cluster, {"a": a, "b": b}, switch)

    def kill(self, name: str) -> None:
        """End everything on a host at once, as `kill -9` does."""
        self.places[name].kill()

    def cut(self, name: str) -> None:
        """Pull a host's plug: the others do not even hear that their connections to it have ended."""
        networks.cut(self.switch, name)
        self.kill(name)


def missing() -> str | None:
    """Say what hosts need that is not there; None where everything is."""
    if needed := one_host.missing() or networks.refused():
        return needed
    if not find_spec("nanio"):
        return "nanio is not installed, which serves files as S3 does"
    return None if _cjson() else "libcjson is not installed; Debian has it in libcjson1"


# --- what runs on the hosts besides Milvus


def _bucket(place: Host, folder: Path) -> Bucket:
    port = place.free_port()
    (folder / "files" / BUCKET).mkdir(parents=True)
    command = [sys.executable, "-m", "nanio", "serve", "--data-dir", str(folder / "files"), "--no-access-log"]
    command += ["--host", place.ip, "--port", str(port)]
    env = {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
    server = Role("files", place, command, one_host.listens(place.ip, port), env)
    return Bucket(server, port, BUCKET, KEY, SECRET, _cjson())


def _cjson() -> str:
    """Find the library that Milvus otherwise borrows, for S3 alone, from the librdkafka that it brings."""
    return ctypes.util.find_library("cjson") or ""


def _brought_here(place: Host, cluster: Cluster) -> str:
    """Bring connections from a port of this machine to a cluster that it does not reach, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        place.spawn(
            [sys.executable, "-m", "tests.scale.hosts", "--bring", str(here.fileno()), cluster.address],
            cluster.folder / "way.log",
            {"PYTHONPATH": str(ROOT)},
            pass_fds=[here.fileno()],
        )
        return f"127.0.0.1:{here.getsockname()[1]}"


async def bring(here: socket.socket, address: str) -> None:
    """Bring connections from a socket to an address, which may be in another network than the socket."""
    ip, _, port = address.rpartition(":")

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass  # whoever is left hears of it by the end of the connection
        finally:
            target.close()

    async def connected(near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection(ip, int(port))
        await asyncio.gather(carry(near, to_far), carry(far, to_near))

    async with await asyncio.start_server(connected, sock=here) as server:
        await server.serve_forever()


def main() -> None:
    """Start the hosts, and end them when told to."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.hosts", description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder for the logs")
    given = parser.parse_args()
    begun = time.monotonic()
    with Hosts.started(given.folder) as hosts:
        one_host.tell(hosts.cluster, time.monotonic() - begun)
        input("Enter ends it.\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bring"]:
        asyncio.run(bring(socket.socket(fileno=int(sys.argv[2])), sys.argv[3]))
    else:
        main()
