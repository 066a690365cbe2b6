"""`citewell keys`: what is printed, and what a running service would then find."""

import json
from pathlib import Path

import pytest

from service.keys import Keys, Role
from tests.service.conftest import Citewell, Ran


@pytest.fixture
def index(tmp_path: Path) -> tuple[str, Path]:
    """Give the option for the folder of an index."""
    folder = tmp_path / "index"
    folder.mkdir()
    return "--index", folder


@pytest.mark.parametrize(
    ("options", "role"), [((), "read"), (("--role", "read"), "read"), (("--role", "write"), "write")]
)
def test_a_new_key_is_printed_once(
    citewell: Citewell, index: tuple[str, Path], options: tuple[str, ...], role: str
) -> None:
    """Alone on stdout, so that a script can take it; stderr says that it is not shown again, and it never is."""
    ran = citewell("keys", "add", "alice's laptop", *options, *index)
    keys = Keys(index[1] / "keys.json")
    key = keys.find(ran.out.removesuffix("\n"))
    assert ran.code == 0
    assert key is not None
    assert (key.name, key.role) == ("alice's laptop", role)
    assert "cannot be shown again" in ran.err
    secret = ran.out.strip().partition(f"{key.id}_")[2]
    for more in ((), ("--json",)):
        listed = citewell("keys", "list", *more, *index)
        assert "alice's laptop" in listed.out
        assert secret not in listed.out + listed.err
        assert key.sha256 not in listed.out


def test_keys_as_json(citewell: Citewell, index: tuple[str, Path]) -> None:
    """One document on stdout each: the key when made, without its text when listed and removed."""
    assert json.loads(citewell("keys", "list", "--json", *index).out) == {"keys": []}
    made = json.loads(citewell("keys", "add", "a", "--role", "write", "--json", *index).out)
    keys = Keys(index[1] / "keys.json")
    (key,) = keys.list()
    assert keys.find(made.pop("key")) == key
    assert made == {
        "id": key.id,
        "name": "a",
        "role": "write",
        "created": key.created.isoformat().replace("+00:00", "Z"),
    }
    assert json.loads(citewell("keys", "list", "--json", *index).out) == {"keys": [made]}
    assert json.loads(citewell("keys", "remove", "a", "--json", *index).out) == {"removed": made}
    assert not keys.any


def test_keys_are_listed_in_lines(citewell: Citewell, index: tuple[str, Path]) -> None:
    """Oldest first, with what is needed to remove one; where there are none, it says how to make one."""
    ran = citewell("keys", "list", *index)
    assert (ran.code, ran.out) == (0, "")
    assert "`citewell keys add NAME` makes one" in ran.err
    keys = Keys(index[1] / "keys.json")
    one, two = keys.add("one", Role.READ)[0], keys.add("two", Role.WRITE)[0]
    days = [f"{key.created:%Y-%m-%d}" for key in (one, two)]
    lines = [f"{one.id}  read   {days[0]}  one", f"{two.id}  write  {days[1]}  two"]
    assert citewell("keys", "list", *index).out.splitlines() == lines


def test_a_removed_key_is_gone(citewell: Citewell, index: tuple[str, Path]) -> None:
    """By name or id; with the last one it says what that means."""
    keys = Keys(index[1] / "keys.json")
    one, two = keys.add("one", Role.READ)[0], keys.add("two", Role.WRITE)[0]
    assert citewell("keys", "remove", "one", *index) == Ran(0, f"removed one ({one.id})\n", "")
    assert keys.list() == (two,)
    ran = citewell("keys", "remove", two.id, *index)
    assert (ran.code, keys.any) == (0, False)
    assert "that was the last key" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("remove", "nobody"), 2, "there is no key 'nobody'; `citewell keys list` names those there are"),
        (("add", "taken"), 2, "there is a key 'taken' already; choose another name"),
        (("add", ""), 2, "a key's name has 1 to 80 printable characters"),
        (("add", "x\ny"), 2, "a key's name has 1 to 80 printable characters"),
        (("add", "x\udcff"), 2, "a key's name has 1 to 80 printable characters"),
        (("add", "x", "--role", "admin"), 2, "'admin' is not one of 'read', 'write'"),
        (("add",), 2, "Missing argument"),
        (("bogus",), 2, "No such command 'bogus'"),
        (("list", "--index", "nowhere"), 3, "no index in `nowhere`; run `citewell index SOURCE`"),
        (("add", "x", "--index", "nowhere"), 3, "no index in `nowhere`; run `citewell index SOURCE`"),
    ],
)
def test_what_cannot_be_done_says_why(
    citewell: Citewell, index: tuple[str, Path], arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Stdout stays empty, and the keys as they were."""
    keys = Keys(index[1] / "keys.json")
    before = (keys.add("taken", Role.READ)[0],)
    ran = citewell("keys", *arguments, *(() if "--index" in arguments else index))
    assert (ran.code, ran.out) == (code, "")
    assert message in " ".join(ran.err.split())
    assert keys.list() == before
    assert not Path("nowhere").exists()


def test_a_damaged_file_is_told_with_its_name(citewell: Citewell, index: tuple[str, Path]) -> None:
    """And is left as it is."""
    path = index[1] / "keys.json"
    Keys(path).add("one", Role.READ)
    path.write_text("{")
    for arguments in (("list",), ("add", "x"), ("remove", "one")):
        ran = citewell("keys", *arguments, *index)
        assert (ran.code, ran.out) == (2, "")
        assert f"`{path}` is damaged" in ran.err
    assert path.read_text() == "{"


def test_the_file_can_be_elsewhere(citewell: Citewell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the setting says; then no index is needed."""
    monkeypatch.setenv("CITEWELL_KEYS", str(tmp_path / "own.json"))
    text = citewell("keys", "add", "one").out.strip()
    assert Keys(tmp_path / "own.json").find(text)


@pytest.mark.parametrize("command", ["add", "list", "remove"])
def test_every_command_has_help(citewell: Citewell, command: str) -> None:
    """With its options and the exit codes, on stdout."""
    ran = citewell("keys", command, "-h")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: citewell keys {command}")
    assert all(option in ran.out for option in ("--index INDEX", "--json", "5 finished"))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_without_keys_the_service_listens_on_this_machine_alone(
    citewell: Citewell, index: tuple[str, Path], host: str
) -> None:
    """The message says how to make a key; with one, an address must only be told by its names or be one."""
    ran = citewell("serve", "--host", host, *index)
    assert (ran.code, ran.out) == (2, "")
    assert f"listens on this machine only, not on {host}" in ran.err
    assert "`citewell keys add NAME --role write`" in ran.err
    Keys(index[1] / "keys.json").add("one", Role.READ)
    ran = citewell("serve", "--host", host, *index)
    if host == "192.0.2.7":
        assert (ran.code, "no index in" in ran.err) == (3, True)
    else:
        assert (ran.code, "the setting `hosts`" in ran.err) == (2, True)
