"""Assistants: the real process and model behind the SDK's own client, while the index comes, changes and goes."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import TextContent

from tests.e2e import documents
from tests.e2e.command import CITEWELL, PATIENCE, WATCHED, citewell, environment

pytestmark = pytest.mark.e2e

FOSTER_QUESTION = "How many foster carers left Ambleford last year?"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder with documents and no index."""
    documents.write_documents(tmp_path / "documents")
    return tmp_path


@asynccontextmanager
async def assistant(home: Path, *command: str) -> AsyncIterator[Client]:
    """Start the server as assistants do, and leave what it writes to standard error in the file `errors`."""
    first, *rest = command or CITEWELL
    parameters = StdioServerParameters(command=first, args=[*rest, "mcp"], cwd=home, env=environment(home))
    with (home / "errors").open("w") as errors, anyio.fail_after(PATIENCE):
        async with Client(stdio_client(parameters, errlog=errors)) as client:
            yield client


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """Call a tool, and give its result, or the message where that is an error."""
    result = await client.call_tool(tool, arguments)
    (block,) = result.content
    assert isinstance(block, TextContent)
    if result.is_error:
        return block.text
    assert json.loads(block.text) == result.structured_content
    return result.structured_content


async def indexed(home: Path) -> None:
    """Run the command that makes or changes the index, in a process of its own."""
    done = await anyio.to_thread.run_sync(lambda: citewell("index", "documents", "--json", cwd=home))
    assert done.returncode == 5, done.stderr  # some of the documents are refused


def test_an_assistant_follows_the_index_from_before_it_is_there(home: Path) -> None:
    """One server says that there is no index, then answers with all four tools, and then of what was changed."""

    async def conversation() -> None:
        async with assistant(home, sys.executable, "-c", WATCHED) as client:
            listed = (await client.list_tools()).tools
            assert [tool.name for tool in listed] == ["search", "ask", "verify", "count", "thread", "grades", "show"]
            missing = "no index in `.citewell`; run `citewell index SOURCE` to make one"
            assert await called(client, "ask", q=FOSTER_QUESTION) == missing

            await indexed(home)
            answer = await called(client, "ask", q=FOSTER_QUESTION)
            quote = answer["quotes"][0]
            assert (answer["status"], answer["generation"], quote["text"]) == ("answered", 1, documents.FOSTER)
            (page, start, end) = quote["citation"]["spans"][0]
            doc_id = quote["citation"]["doc_id"]
            shown = await called(client, "show", document=doc_id, page=page, spans=f"{start}-{end}")
            assert page == documents.FOSTER_PAGE
            assert " ".join(shown["text"][start:end].split()) == documents.FOSTER
            found = await called(client, "search", q="Where can children borrow a violin?", k=1)
            assert found["hits"][0]["citation"]["title"] == "Libraries lend musical instruments"
            checked = await called(client, "verify", quote=documents.FOSTER.replace("nineteen", "ninety"))
            assert (checked["verdict"], checked["matches"][0]["text"]) == ("altered", documents.FOSTER[:-1])
            assert await called(client, "search", q="violin", k=0) == "k is 0; it must be from 1 to 100"
            assert "did you mean `Wold`?" in await called(client, "search", q="violin", body=["Wolt"])

            (home / "documents" / "libraries.md").write_text(documents.MARKDOWN.replace("violin", "harp"))
            (home / "documents" / "report.pdf").unlink()
            await indexed(home)
            found = await called(client, "search", q="Where can children borrow a violin?", k=1)
            assert (found["generation"], "borrow a harp" in found["hits"][0]["text"]) == (2, True)
            assert (await called(client, "verify", quote=documents.FOSTER))["verdict"] == "absent"
            assert "no document `" in await called(client, "show", document=doc_id)

    anyio.run(conversation)
    # All that came on standard error is what the watch says at the end, which comes since nobody had to kill it.
    (watched,) = (home / "errors").read_text().splitlines()
    assert json.loads(watched)["reached"] == []


@contextmanager
def running(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the server and wait until it has answered."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*CITEWELL, "mcp"], cwd=home, env=environment(home), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            assert process.stdout is not None
            send(process, HELLO)
            assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "citewell"
            yield process
        finally:
            process.kill()  # where it should have ended and has not


def send(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(f"{json.dumps(message)}\n" for message in messages))
    process.stdin.flush()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_signal_ends_it_quietly(home: Path, how: signal.Signals) -> None:
    """Being stopped is how a server ends well, also while it waits for a line."""
    with running(home) as process:
        process.send_signal(how)
        assert (process.wait(PATIENCE), *left(process)) == (0, "", "")


def test_an_input_that_ends_ends_it_quietly(home: Path) -> None:
    """An assistant that closes its end has nothing more to ask."""
    with running(home) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert (process.wait(PATIENCE), *left(process)) == (0, "", "")


def test_an_output_that_nobody_reads_ends_it_quietly(home: Path) -> None:
    """So does one that has gone without a word."""
    with running(home) as process:
        assert process.stdout is not None
        process.stdout.close()
        send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"}, LIST)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def left(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Give what is left to read on standard output and standard error."""
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.read(), process.stderr.read()
