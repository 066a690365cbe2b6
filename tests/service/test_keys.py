"""The file of API keys: what is kept, who may read it, and how soon a change counts."""

import json
import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from service.keys import Key, Keys, KeysError, Role
from service.sessions import COOKIE, LASTS_S, Sessions

A_KEY = f"cw_{'0' * 16}_{'A' * 43}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_without_a_file_there_are_no_keys(path: Path) -> None:
    """Nothing is found, and looking makes no file."""
    keys = Keys(path)
    assert (keys.any, keys.list(), keys.find("cw_0123456789abcdef_x"), keys.known("x")) == (False, (), None, None)
    assert not path.exists()


def test_a_key_is_found_by_its_text_and_id(path: Path) -> None:
    """Two keys are told apart, by the object that made them and by any other."""
    made = Keys(path)
    one, text = made.add("one", Role.READ)
    two, other = made.add("two", Role.WRITE)
    for keys in (made, Keys(path)):
        assert keys.any
        assert keys.list() == (one, two)
        assert (keys.find(text), keys.find(other)) == (one, two)
        assert (keys.known(one.id), keys.known(two.id)) == (one, two)
    assert (one.role, two.role) == (Role.READ, Role.WRITE)


def test_the_file_holds_hashes_and_belongs_to_its_user_alone(path: Path) -> None:
    """The secret is 32 random bytes, and is not in the file, whatever the umask is."""
    before = os.umask(0)
    try:
        key, text = Keys(path).add("one", Role.READ)
    finally:
        os.umask(before)
    start, _, secret = text.partition(f"{key.id}_")
    assert (start, len(secret)) == ("cw_", 43)
    assert secret not in path.read_text()
    assert json.loads(path.read_text())["keys"][0]["sha256"] == sha256(secret.encode()).hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_not_wholly_a_key_is_none(path: Path) -> None:
    """Nor is a good secret with another key's id, or a key's hash in place of its secret."""
    keys = Keys(path)
    one, text = keys.add("one", Role.WRITE)
    two, other = keys.add("two", Role.READ)
    mixed = text.replace(one.id, two.id)
    bad = ["", "cw", "cw__", f"cw_{one.id}_", text[:-1], text + "x", text + "\n", " " + text, text.upper(), mixed]
    bad += [f"cw_{one.id}_{one.sha256}", text + "\ud800", text + "é", text * 1000, text.replace("cw_", "")]
    assert [one for one in bad if keys.find(one)] == []
    assert keys.find(text) == one
    assert keys.find(other) == two


@given(st.text())
def test_no_text_is_a_key_by_chance(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever is sent, it is looked at without an error."""
    assert Keys(tmp_path_factory.getbasetemp() / "none.json").find(text) is None
    assert Sessions(b"secret").key_id(f"{COOKIE}={text}") is None
    assert Sessions(b"secret").key_id(text) is None


def test_a_removed_key_is_none_at_once(path: Path) -> None:
    """Another object, as in a running service, sees it at its next look, and a new one as well."""
    ours, theirs = Keys(path), Keys(path)
    key, text = ours.add("one", Role.READ)
    for _ in range(20):
        assert theirs.find(text)
        assert ours.remove("one") == key
        assert theirs.find(text) is None
        assert not theirs.any
        key, text = ours.add("one", Role.READ)


def test_a_key_is_removed_by_its_id_too(path: Path) -> None:
    """The others stay; what is not there cannot be removed."""
    keys = Keys(path)
    one, _ = keys.add("one", Role.READ)
    two, _ = keys.add("two", Role.READ)
    assert keys.remove(one.id) == one
    assert keys.list() == (two,)
    with pytest.raises(InputError, match=r"no key 'one'; `citewell keys list`"):
        keys.remove("one")


def test_the_file_is_read_only_when_it_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is older than a step of the file system's clock, a look at its times is enough."""
    Keys(path).add("one", Role.READ)
    keys = Keys(path)
    read: list[object] = []
    parsed = Keys._parsed

    def counted(self: Keys, content: bytes, mode: int) -> tuple[Key, ...]:
        read.append(content)
        return parsed(self, content, mode)

    monkeypatch.setattr(Keys, "_parsed", counted)
    assert keys.any
    assert keys.any
    assert len(read) == 2  # it was written just now
    later = time.time_ns() + 10 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    for _ in range(5):
        assert keys.any
    assert len(read) == 3
    content, times = path.read_bytes(), path.stat()
    path.write_bytes(content.replace(b'"read"', b'"wide"'))  # in place, as long, and of the old time
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(KeysError, match="is damaged"):
        keys.list()


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\n", "a\tb", "\x1b[1m", "a\u202eb", "x" * 81, "a\u200b"])
def test_a_name_that_could_do_harm_is_refused(path: Path, name: str) -> None:
    """Names are printable, of 80 characters at most; nothing is written otherwise."""
    with pytest.raises(InputError, match="1 to 80 printable characters"):
        Keys(path).add(name, Role.READ)
    assert not path.exists()


def test_names_are_unique(path: Path) -> None:
    """No name is given twice, nor is an id a name."""
    keys = Keys(path)
    key, _ = keys.add("Ærø – é", Role.READ)
    for name in (key.name, key.id):
        with pytest.raises(InputError, match="already"):
            keys.add(name, Role.WRITE)
    assert keys.list() == (key,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff\xfe",
        b'{"format": 2, "keys": []}',
        b'{"format": 1}',
        b'{"format": 1, "keys": [], "more": 1}',
        b'{"format": 1, "keys": [{"id": "x"}]}',
    ],
)
def test_a_damaged_file_is_an_error_and_never_no_keys(path: Path, content: bytes) -> None:
    """It names the file and what to do, and the file is left as it is."""
    path.touch(mode=0o600)
    path.write_bytes(content)
    keys = Keys(path)
    looks: list[Callable[[], object]] = [lambda: keys.any, keys.list, lambda: keys.find(A_KEY)]
    looks += [lambda: keys.known("x"), lambda: keys.add("one", Role.READ), lambda: keys.remove("one")]
    for look in looks:
        with pytest.raises(KeysError, match=rf"`{path}` is damaged; put back a copy"):
            look()
    assert path.read_bytes() == content


def test_two_keys_of_one_name_are_damage(path: Path) -> None:
    """Or removing one would leave the other."""
    Keys(path).add("one", Role.READ)
    content = json.loads(path.read_text())
    content["keys"] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(KeysError, match="is damaged"):
        Keys(path).list()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
def test_a_file_that_others_could_use_is_an_error(path: Path, mode: int) -> None:
    """Also if it is opened to them later, and no longer once that is mended."""
    keys = Keys(path)
    _, text = keys.add("one", Role.READ)
    assert keys.find(text)
    path.chmod(mode)
    with pytest.raises(KeysError, match=rf"is open to other users of this machine; run `chmod 600 {path}`"):
        keys.find(text)
    path.chmod(0o600)
    assert keys.find(text)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A folder is no file of keys, and neither is what lies below a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "keys.json"):
        with pytest.raises(KeysError, match=f"`{path}` cannot be read"):
            assert Keys(path).any


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """No folder is made for a key."""
    with pytest.raises(KeysError, match="cannot be written"):
        Keys(tmp_path / "nowhere" / "keys.json").add("one", Role.READ)
    assert list(tmp_path.iterdir()) == []


def test_keys_added_at_once_are_all_kept(path: Path) -> None:
    """Each change waits for the one before, so none overwrites what another has just added."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: Keys(path).add(f"key {number}", Role.READ), range(40)))
    assert {key for key, _ in made} == set(Keys(path).list())
    assert all(Keys(path).find(text) == key for key, text in made)


# --- sessions


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(b"a secret of the service")


def test_a_session_names_its_key_and_does_not_tell_it(path: Path, sessions: Sessions) -> None:
    """The cookie is for no script and no other site, and among other cookies it is found."""
    key, text = Keys(path).add("one", Role.READ)
    cookie, *attributes = sessions.cookie(key, secure=False).split("; ")
    assert attributes == ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"]
    assert sessions.cookie(key, secure=True).endswith("; Secure")
    assert text.rpartition(f"{key.id}_")[2] not in cookie
    for cookies in (cookie, f"a=b; {cookie}", f"{cookie};a=b", f"{COOKIE}=old; {cookie}", f'x="; {cookie}'):
        assert sessions.key_id(cookies) == key.id


def test_a_session_lasts_twelve_hours(path: Path, sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the browser keeps the cookie for longer."""
    key, _ = Keys(path).add("one", Role.READ)
    now = int(time.time())
    monkeypatch.setattr(time, "time", lambda: now)
    cookie = sessions.cookie(key, secure=False)
    assert LASTS_S == 12 * 3600
    monkeypatch.setattr(time, "time", lambda: now + LASTS_S - 0.1)
    assert sessions.key_id(cookie) == key.id
    monkeypatch.setattr(time, "time", lambda: now + LASTS_S)
    assert sessions.key_id(cookie) is None


def test_an_altered_session_is_none(path: Path, sessions: Sessions) -> None:
    """Whatever part of it is changed, and if it was signed with another secret."""
    key, _ = Keys(path).add("one", Role.READ)
    name, _, value = sessions.cookie(key, secure=False).partition(";")[0].partition("=")
    key_id, expiry, signature = value.split(".")
    altered = [f"{'0' * 16}.{expiry}.{signature}", f"{key_id}.{int(expiry) + 1}.{signature}", f"{key_id}.{expiry}."]
    altered += [f"{key_id}.{expiry}.{'0' * 64}", f"{key_id}.{expiry}.{signature.upper()}", f"{key_id}.{expiry}", ""]
    altered += [f"{key_id}.{signature}", f"{value}é", value[:-1], f".{value}"]
    assert [one for one in altered if sessions.key_id(f"{name}={one}")] == []
    assert sessions.key_id(f"other={value}") is None
    assert Sessions(b"another secret").key_id(f"{name}={value}") is None
    assert sessions.key_id(f"{name}={value}") == key.id


def test_signing_out_clears_the_cookie(sessions: Sessions) -> None:
    """The browser drops it at once; what it would send is no session."""
    assert sessions.clearing() == f"{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
    assert sessions.key_id(f"{COOKIE}=") is None
