"""What the documents tell people to type is there, and what they show is what comes out."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from indexer.settings import Settings
from service.cli.command import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "corpus/README.md"]
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in DOCUMENTS}


def commands(text: str) -> list[list[str]]:
    """Give the words of every `citewell` command in the code of a document."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    lines = [re.split(r"(?:^|/)citewell(?: |$)", line, maxsplit=1) for line in code]
    return [line[1].split() for line in lines if len(line) == 2]


def undocumented(words: list[str]) -> list[str]:
    """Give the words of a command that are no sub-command or option of `citewell`."""
    command: Any = get_command(app)
    rest = words
    while hasattr(command, "commands"):
        name, *rest = rest or [""]
        if name.startswith("-") or not name:
            return []
        if name not in command.commands:
            return [name]
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts}
    return [word for word in rest if word.startswith("-") and word != "-" and word not in options]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_the_documents_exists(name: str) -> None:
    """Each `citewell` command that a document names exists, with the options it names."""
    assert [words for words in commands(TEXTS[name]) if undocumented(words)] == []


def test_the_readme_names_every_command() -> None:
    """No command is missing from the README."""
    named = {words[0] for words in commands(TEXTS["README.md"]) if words}

    assert set(get_command(app).commands) <= named  # type: ignore[attr-defined]


def test_a_command_that_does_not_exist_is_noticed() -> None:
    """The check can fail."""
    assert commands("run `citewell serch --fast x`") == [["serch", "--fast", "x"]]
    assert undocumented(["serch"]) == ["serch"]
    assert undocumented(["search", "--fast"]) == ["--fast"]
    assert undocumented(["keys", "give"]) == ["give"]
    assert undocumented(["keys", "add", "me", "--forever"]) == ["--forever"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_and_file_in_the_documents_exists(name: str) -> None:
    """Targets of `make` and links to files lead somewhere."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"`make ([a-z]+)`|^\$ make ([a-z]+)", TEXTS[name], re.MULTILINE)
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXTS[name])

    assert [t for pair in targets for t in pair if t and not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_modules_of_the_code_map_are_those_there_are() -> None:
    """ARCHITECTURE.md names every module and package of the product, and none that is gone."""
    table = "\n".join(line for line in TEXTS["ARCHITECTURE.md"].splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)(?:\.py|/)`", table))
    modules = [p for folder in ("indexer", "service") for p in (ROOT / folder).iterdir()]
    there = {p.stem for p in modules if p.suffix == ".py" or (p / "__init__.py").exists()} - {"__init__"}

    assert named == there


def test_the_settings_file_in_the_readme_is_valid_and_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path rule of the README gives body and date for the path it names."""
    from indexer.metadata import stated_by_path

    (toml,) = re.findall(r"```toml\n(.*?)```", TEXTS["README.md"], re.DOTALL)
    (path,) = re.findall(r"laid out as\n`([^`]+)`", TEXTS["README.md"])
    (tmp_path / "citewell.toml").write_text(toml)
    monkeypatch.chdir(tmp_path)
    stated = stated_by_path(path, Settings.load().path_rules)

    assert (stated.body, str(stated.published), stated.publisher) == ("Oxfordshire", "2018-05-22", "Ofsted")


@pytest.mark.e2e
def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """The output in the README is that of the commands of `make demo`, up to ids and times."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (question,) = re.findall(r"^QUESTION := (.+)$", makefile, re.MULTILINE)
    (shown,) = re.findall(r"```text\n(.*?)```", TEXTS["README.md"], re.DOTALL)

    index = citewell("index", "corpus", "--index", str(tmp_path / "index"))
    answer = citewell("ask", question, "--index", str(tmp_path / "index"))

    assert masked(index + answer) == masked(shown)


@pytest.mark.e2e
def test_the_session_of_the_readme_runs(tmp_path: Path) -> None:
    """Its commands, as they stand but for the port, ask, verify, add, follow and delete."""
    (session,) = re.findall(r"```sh\n(.*?)```", TEXTS["README.md"], re.DOTALL)
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    (tmp_path / "corpus").symlink_to(ROOT / "corpus")
    (tmp_path / "citewell").write_text(f'#!/bin/sh\nexec {sys.executable} -m service.cli "$@"\n')
    (tmp_path / "citewell").chmod(0o755)
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-m", "-e", "-c", session.replace("8000", str(port))],  # with jobs, as a person's shell has them
        cwd=tmp_path,
        env={**os.environ, **paths, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ready, answer, verified, *told, asked, deleted = json_in(done.stdout)
    assert ready["status"] == "ready"
    assert "seven of them" in answer["quotes"][0]["text"]
    assert verified["verdict"] == "altered"
    assert (told[-1]["state"], told[-1]["report"]["added"]) == ("done", ["hostel.txt"])
    assert "58 beds" in asked["quotes"][0]["text"]
    assert deleted["job"]["report"]["removed"] == ["hostel.txt"]


def json_in(text: str) -> list[Any]:
    """Read the JSON objects in a text, which may follow each other without a line between."""
    found, at = [], text.find("{")
    while at >= 0:
        value, end = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at = text.find("{", end)
    return found


def citewell(*arguments: str) -> str:
    command = [sys.executable, "-m", "service.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def masked(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{16}\b", "ID", text)
    return re.sub(r"\d+\.\d s\b", "TIME", text)
