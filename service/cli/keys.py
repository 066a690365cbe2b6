"""Commands about API keys: `keys add`, `keys list` and `keys remove`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.command import EXIT_CODES, FOUND, Index, Json, app, load_settings, print_json

if TYPE_CHECKING:
    from service.keys import Key, Keys

commands = typer.Typer(
    help="Make, list and remove the API keys of the service.", epilog=EXIT_CODES, no_args_is_help=True
)
app.add_typer(commands, name="keys")


@commands.command(epilog=EXIT_CODES)
def add(
    name: Annotated[str, typer.Argument(help="What you will know the key by.")],
    role: Annotated[Literal["read", "write"], typer.Option(help="What it is good for; write implies read.")] = "read",
    index: Index = None,
    json: Json = False,
) -> int:
    """Make a key and print it, this once only; a running service knows it at once."""
    from service.keys import Role
    from service.terminal import console, print_lines

    key, text = _keys(index).add(name, Role(role))
    if json:
        print_json({**_shown(key), "key": text})
    else:
        print_lines([text])
    console(stderr=True).print("keep it now: it is not stored and cannot be shown again", soft_wrap=True)
    return FOUND


@commands.command("list", epilog=EXIT_CODES)
def list_(index: Index = None, json: Json = False) -> int:
    """List the keys, oldest first: id, role, day of making, name."""
    from service.terminal import console, print_lines

    keys = _keys(index).list()
    if json:
        print_json({"keys": [_shown(key) for key in keys]})
    elif keys:
        print_lines([f"{key.id}  {key.role:5}  {key.created:%Y-%m-%d}  {key.name}" for key in keys])
    else:
        console(stderr=True).print("there are no keys; `citewell keys add NAME` makes one", soft_wrap=True)
    return FOUND


@commands.command(epilog=EXIT_CODES)
def remove(
    name: Annotated[str, typer.Argument(help="The name or the id of a key.")], index: Index = None, json: Json = False
) -> int:
    """Remove a key; a running service refuses it at once."""
    from service.terminal import console, print_lines

    keys = _keys(index)
    key = keys.remove(name)
    if json:
        print_json({"removed": _shown(key)})
    else:
        print_lines([f"removed {key.name} ({key.id})"])
    if not keys.any:
        why = "that was the last key: whoever reaches the service from this machine may read, and needs none"
        console(stderr=True).print(why, soft_wrap=True)
    return FOUND


def _keys(index: str | None) -> "Keys":
    """Give the keys of an index, or of the settings. Raises IndexMissingError where the folder is not there."""
    from indexer.errors import IndexMissingError
    from service.keys import Keys

    settings = load_settings(index)
    if settings.store:  # beside which nothing may lie yet on this machine
        settings.index.mkdir(parents=True, exist_ok=True)
    if settings.keys is None and not settings.index.is_dir():
        raise IndexMissingError(f"no index in `{settings.index}`; run `citewell index SOURCE` to make one")
    return Keys(settings.keys_file)


def _shown(key: "Key") -> dict[str, object]:
    return key.model_dump(mode="json", exclude={"sha256"})
