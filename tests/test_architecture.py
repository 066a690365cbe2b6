"""Who may import whom, and what may happen where: rules of the code, each with an invented text that breaks it."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE = 420  # lines

# What the modules of `indexer` may import of `indexer`: base modules one another, steps the base modules and their
# own package, and only those that join them the steps. A new module finds its place here first.
BASE = (
    "errors records settings address collection contents dates sentences disk durable finding hashes manifests"
    " originals paragraphs database repetition snapshots where words"
).split()
STEPS = (
    "sources extract furniture metadata judgements recommendations passages encoder reranker store dense lexical"
    " journal milvus outlines"
).split()
JOINING = "bulk cluster embedded encoding backup doctor making moving opening shards sync".split()
ERRORS_ALONE = "records address".split()  # the vocabulary that everything else is written in

# The pages that know of requests.
WEB = "about adding checking find grades library pageview site state threads times trouble".split()

# The only modules that know of a library; everybody else could do with another one.
OWNERS = {
    "torch": "indexer.encoder.torch_network indexer.encoder.openvino_network",
    "openvino": "indexer.encoder.openvino_network",
    "sentence_transformers": "indexer.encoder.torch_network indexer.reranker",
    "transformers": "indexer.encoder.torch_network indexer.reranker",
    "tokenizers": "indexer.encoder.tokens",
    "huggingface_hub": "indexer.encoder.files",
    "faiss": "indexer.dense.nearest",
    "tantivy": "indexer.lexical indexer.lexical.queries indexer.lexical.stems",
    "sqlite3": "indexer.database "
    + " ".join(f"indexer.store.{name}" for name in "store reader rows salvage writer".split()),
    "filelock": "indexer.database",
    "pymilvus": "indexer.milvus.connection",
    "grpc": "indexer.milvus.connection",
    "pypdfium2": "indexer.extract.pdf indexer.extract.picture",
    "PIL": "indexer.extract.picture",
    "pypdf": "indexer.extract.pdf",
    "trafilatura": "indexer.extract.html",
    "lxml": "indexer.extract.html indexer.extract.docx",
    "docx": "indexer.extract.docx",
    "markdown_it": "indexer.extract.markdown",
    "frontmatter": "indexer.extract.markdown",
    "yaml": "indexer.extract.markdown",
    "charset_normalizer": "indexer.extract.encoding",
    "pydantic_settings": "indexer.settings",
    "fastapi": "service.app service.cli.serve service.overviews service.receipting service.routes service.server"
    " service.writes " + " ".join(f"service.web.{name}" for name in WEB),
    "jinja2": "service.web.site",
    "markupsafe": "service.web.site",
    "starlette": "service.access service.app service.limits service.watching",
    "limits": "service.access",
    "watchfiles": "service.following",
    "uvicorn": "service.server",
    "prometheus_client": "service.metrics",
    "typer": "service.cli "
    + " ".join(
        f"service.cli.{name}"
        for name in "command backup check doctor find judge keep keys measure move serve watch".split()
    ),
    "rich": "service.printing service.terminal",
    "mcp": "service.mcp",
    "dask": "indexer.cluster",
    "distributed": "indexer.cluster",
    "matplotlib": "service.evaluation.plots",
}

# Calls that make values and do nothing else, so they may stand outside functions.
PURE = frozenset(
    (
        "APIRouter All Area Argument BeforeValidator Caller Chance Depends Engine Finding Framework Kind Lineage "
        "Lock Long Option Path Query Struct Table TypeAdapter TypeVar Typer Weights bytes chr compile date enumerate "
        "fields fromkeys frozenset getLogger join maketrans normalize qn range replace resolve set sorted split "
        "timedelta tuple values with_name"
    ).split()
)
UNSAFE_MODULES = frozenset("pickle cPickle dill cloudpickle joblib marshal shelve".split())
UNSAFE_CALLS = frozenset("eval exec yaml.load yaml.unsafe_load os.system os.popen torch.load pickle.load".split())
UNSAFE_SWITCHES = frozenset("shell allow_pickle trust_remote_code".split())


@dataclass(frozen=True)
class Module:
    """A module's dotted name and text; `__init__` goes by the name of its package."""

    name: str
    text: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def product() -> list[Module]:
    """Read every module of the product."""
    made = []
    for path in sorted(path for package in ("indexer", "service") for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        made.append(Module(".".join(parts[:-1] if is_package else parts), path.read_text("utf-8"), is_package))
    return made


def imports(module: Module) -> Iterator[str]:
    """Give every dotted name that a module imports, wherever in it: `from a import b` gives both `a` and `a.b`."""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    """Write a name or a chain of attributes as in the source; other expressions in the chain become empty."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, name):
            return f"{dotted(value)}.{name}"
    return ""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


# --- the rules: each gives one complaint for each breach


def wrong_imports(modules: Sequence[Module]) -> Iterator[str]:
    """Check that imports of our own modules go one way."""
    names = {module.name for module in modules}
    for module in modules:
        for imported in sorted(set(imports(module))):
            if imported not in names or imported == module.name:
                continue
            if not _may_import(module.name, imported):
                yield f"{module.name} imports {imported}"


def _may_import(name: str, imported: str) -> bool:
    package, _, rest = name.partition(".")
    imported_package, _, imported_rest = imported.partition(".")
    if _is_command_line(imported) and not _is_command_line(name):
        return False
    if (package, imported_package) == ("indexer", "service"):
        return False
    if package == "service":
        return True
    step, imported_step = rest.split(".")[0], imported_rest.split(".")[0]
    if step in JOINING:
        return True
    if step in ERRORS_ALONE:
        return imported_step == "errors"
    if step in BASE:
        return imported_step in BASE and step != "errors"
    return imported_step in BASE or (step in STEPS and imported_step in {"", step})


def _is_command_line(name: str) -> bool:
    return f"{name}.".startswith("service.cli.")


def unplaced(modules: Sequence[Module]) -> Iterator[str]:
    """Check that each module of `indexer` is a base module, a step, or joins them."""
    for module in modules:
        parts = module.name.split(".")
        if parts[0] == "indexer" and parts[1:] and parts[1] not in {*BASE, *STEPS, *JOINING}:
            yield f"{module.name} is neither a base module nor a step"
        if parts[-1] in {"utils", "util", "helpers", "common", "misc"}:
            yield f"{module.name} has a name that says nothing"


def cycles(modules: Sequence[Module]) -> Iterator[str]:
    """Check that no module imports itself by way of others."""
    names = {module.name for module in modules}
    graph = {module.name: (set(imports(module)) & names) - {module.name} for module in modules if module.text}
    graph = {name: {one for one in used if not name.startswith(f"{one}.")} for name, used in graph.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " -> ".join(error.args[1])


def wrong_owners(modules: Sequence[Module]) -> Iterator[str]:
    """Check that each library is imported by its owners, and by nobody else."""
    for library, owners in OWNERS.items():
        found = {m.name for m in modules if any(name.split(".")[0] == library for name in imports(m))}
        yield from (f"{name} imports {library}" for name in sorted(found - set(owners.split())))
        yield from (f"{name} does not import {library}" for name in sorted(set(owners.split()) - found))


def wrong_exits(modules: Sequence[Module]) -> Iterator[str]:
    """Check that only the command line prints and exits."""
    for module in modules:
        if _is_command_line(module.name):
            continue
        for call in calls(module.tree):
            if dotted(call.func) in {"print", "sys.exit", "exit", "quit", "SystemExit"}:
                yield f"{module.name} line {call.lineno} calls {dotted(call.func)}"


def wrong_statuses(modules: Sequence[Module]) -> Iterator[str]:
    """Check that only `service.app` knows of HTTP status codes, beside what an endpoint says of its own success."""
    for module in modules:
        if module.name == "service.app":
            continue
        declared = {
            one
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for decorator in node.decorator_list
            for one in ast.walk(decorator)
        }
        for node in set(ast.walk(module.tree)) - declared:
            words = {getattr(node, name, None) for name in ("id", "attr", "name", "arg")}
            if found := words & {"HTTPStatus", "HTTPException", "status_code"}:
                yield f"{module.name} knows of {found.pop()}"


def unsafe(modules: Sequence[Module]) -> Iterator[str]:
    """Check that nothing is run that was meant to be data."""
    for module in modules:
        for name in imports(module):
            if name in UNSAFE_MODULES:
                yield f"{module.name} imports {name}"
        for call in calls(module.tree):
            if dotted(call.func) in UNSAFE_CALLS:
                yield f"{module.name} line {call.lineno} calls {dotted(call.func)}"
            for keyword in call.keywords:
                off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg in UNSAFE_SWITCHES and not off:
                    yield f"{module.name} line {call.lineno} switches on {keyword.arg}"


def long_modules(modules: Sequence[Module]) -> Iterator[str]:
    """Check that every module can be read in one go."""
    for module in modules:
        if (count := len(module.text.splitlines())) > LONGEST_MODULE:
            yield f"{module.name} has {count} lines"


def import_effects(modules: Sequence[Module]) -> Iterator[str]:
    """Check that importing a module only defines things."""
    for module in modules:
        for statement in module.tree.body:
            match statement:
                case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    continue
                case ast.Expr(ast.Constant(str())):
                    continue
                case ast.Expr(ast.Call(ast.Attribute(ast.Name("app"), "add_typer"))):  # as decorators add commands
                    continue
                case ast.If(ast.Name("TYPE_CHECKING") | ast.Compare(ast.Name("__name__"))):
                    continue
                case ast.Assign() | ast.AnnAssign():
                    bad = [call for call in calls(statement) if _last_name(call.func) not in PURE]
                    yield from (f"{module.name} line {one.lineno} calls {_last_name(one.func)}" for one in bad)
                case _:
                    yield f"{module.name} line {statement.lineno} does something"


def _last_name(node: ast.expr) -> str:
    """Give the name of what is called, whatever it is called on."""
    return node.attr if isinstance(node, ast.Attribute) else dotted(node)


RULES = (
    wrong_imports,
    unplaced,
    cycles,
    wrong_owners,
    wrong_exits,
    wrong_statuses,
    unsafe,
    long_modules,
    import_effects,
)
Rule = Callable[[Sequence[Module]], Iterator[str]]


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    """The docstring of each rule says what is checked."""
    assert list(rule(product())) == []


@pytest.mark.parametrize(
    ("rule", "name", "text", "complaint"),
    [
        (wrong_imports, "indexer.metadata", "import service.search", "imports service.search"),
        (wrong_imports, "indexer.sync", "from service import search", "imports service.search"),
        (wrong_imports, "indexer.metadata", "from indexer.store import Store", "imports indexer.store"),
        (wrong_imports, "indexer.metadata", "from indexer import store", "imports indexer.store"),
        (wrong_imports, "indexer.metadata", "from . import store", "imports indexer.store"),
        (wrong_imports, "indexer.metadata", "from .store import Store", "imports indexer.store"),
        (wrong_imports, "indexer.extract.pdf", "from ..store import Store", "imports indexer.store"),
        (wrong_imports, "indexer.extract.pdf", "def f():\n import indexer.dense", "imports indexer.dense"),
        (wrong_imports, "indexer.database", "from indexer.store import Store", "imports indexer.store"),
        (wrong_imports, "indexer.address", "from indexer.records import Page", "imports indexer.records"),
        (wrong_imports, "indexer.errors", "from indexer.records import Page", "imports indexer.records"),
        (wrong_imports, "indexer.records", "from indexer.dense import Dense", "imports indexer.dense"),
        (wrong_imports, "service.routes", "from service.cli import app", "imports service.cli"),
        (unplaced, "indexer.ranking", "", "is neither"),
        (unplaced, "service.utils", "", "says nothing"),
        (cycles, "indexer.store", "import indexer.dense", "indexer.dense -> indexer.store"),
        (wrong_owners, "indexer.store", "from faiss import IndexFlatIP", "indexer.store imports faiss"),
        (wrong_owners, "service.search", "def f():\n import torch.nn", "service.search imports torch"),
        (wrong_owners, "indexer.dense.nearest", "", "indexer.dense.nearest does not import faiss"),
        (wrong_exits, "indexer.sync", "print('done')", "calls print"),
        (wrong_exits, "service.app", "def f():\n sys.exit(3)", "calls sys.exit"),
        (wrong_exits, "service.app", "raise SystemExit(3)", "calls SystemExit"),
        (wrong_statuses, "service.routes", "from http import HTTPStatus", "HTTPStatus"),
        (wrong_statuses, "service.routes", "raise fastapi.HTTPException(404)", "HTTPException"),
        (wrong_statuses, "service.routes", "Response(status_code=404)", "status_code"),
        (unsafe, "indexer.store", "import pickle", "imports pickle"),
        (unsafe, "indexer.store", "eval('1')", "calls eval"),
        (unsafe, "indexer.store", "yaml.load(text)", "calls yaml.load"),
        (unsafe, "indexer.store", "run('ls', shell=True)", "switches on shell"),
        (unsafe, "indexer.store", "np.load(path, allow_pickle=wanted)", "switches on allow_pickle"),
        (unsafe, "indexer.store", "Model(trust_remote_code=1)", "switches on trust_remote_code"),
        (long_modules, "indexer.store", "x = 1\n" * (LONGEST_MODULE + 1), "lines"),
        (import_effects, "indexer.store", "STORE = open('x')", "calls open"),
        (import_effects, "indexer.store", "X: int = load()", "calls load"),
        (import_effects, "indexer.store", "connect()", "does something"),
        (import_effects, "indexer.store", "for x in y: pass", "does something"),
        (import_effects, "indexer.store", "if x: connect()", "does something"),
    ],
)
def test_each_rule_finds_what_breaks_it(rule: Rule, name: str, text: str, complaint: str) -> None:
    """One invented module among a few that import nothing, or each other, is enough for a complaint."""
    others = {"indexer.dense": "import indexer.store", "indexer.errors": "", "indexer.records": "", "service.cli": ""}
    texts = {**others, "indexer.store": "", "service.search": "", name: text}
    assert any(complaint in one for one in rule([Module(*item) for item in texts.items()]))


@pytest.mark.parametrize(
    "text",
    [
        'app = typer.Typer()\napp.add_typer(commands, name="keys")',
        '"""Words."""\nimport os\nX = re.compile("a")\nY = "a b".split()\nif TYPE_CHECKING:\n    import store',
        "def f():\n    connect()\n\nclass A:\n    x = Field(1)\n",
        'if __name__ == "__main__":\n    main()',
    ],
)
def test_definitions_are_no_effects_of_an_import(text: str) -> None:
    """What every module has is not complained of."""
    assert list(import_effects([Module("indexer.store", text)])) == []


# --- what an import loads

READERS = "pypdfium2 PIL pypdf trafilatura lxml docx markdown_it yaml charset_normalizer".split()
MODEL = "torch openvino transformers sentence_transformers tokenizers huggingface_hub".split()
SERVER = "fastapi starlette uvicorn".split()


def loaded(names: Sequence[str], libraries: Sequence[str]) -> set[str]:
    """Import modules in a new process and tell which of the libraries that has loaded."""
    code = f"import sys, {', '.join(names)}; print(*({list(libraries)!r} & sys.modules.keys()))".replace("[", "{")
    code = code.replace("]", "}")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


LIGHT = [
    name for name in BASE if name not in {"collection", "contents", "repetition", "where"}
]  # which count with numpy
LIGHT += "sources extract furniture metadata passages".split()


@pytest.mark.parametrize(
    ("names", "libraries"),
    [
        (["indexer", "service"], ["numpy", "faiss", "pydantic", "sqlite3", *MODEL, *READERS, *SERVER]),
        ([f"indexer.{name}" for name in LIGHT], ["numpy", "faiss", *MODEL, *READERS]),
        (["indexer.encoder", "indexer.reranker"], ["faiss", "sqlite3", *MODEL, *READERS]),
        (["indexer.sync"], [*MODEL, *READERS, *SERVER]),
        (["service.app", "service.terminal"], [*MODEL, *READERS]),
        (["service.cli"], ["numpy", "faiss", "pydantic", "sqlite3", *MODEL, *READERS, *SERVER]),
    ],
)
def test_libraries_are_loaded_only_where_they_are_used(names: Sequence[str], libraries: Sequence[str]) -> None:
    """Help comes at once, and a command that needs no model loads none."""
    assert loaded(names, libraries) == set()


def test_loaded_libraries_are_noticed() -> None:
    """The dense index cannot do without FAISS, which the check sees."""
    assert loaded(["indexer.dense"], ["faiss", "torch"]) == {"faiss"}
