"""Files come and go over HTTP, syncs are asked for, and jobs tell what became of that."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from indexer.database import writer_lock
from indexer.settings import Limits
from service import limits, writes
from service.app import create_app
from service.jobs import State
from service.keeper import Keeper
from service.limits import LONG
from service.search import Searcher
from tests.fakes import TextReaders
from tests.service.conftest import Library
from tests.service.test_keeper import HeldReaders, ended, kept, paths
from tests.service.test_limits import JSON, Answered, App, ask
from tests.service.test_schemas import refused_changes, valid

BOATS = b"Boats are painted in the harbour each spring."
SAILS = b"Sails are mended in the loft above the harbour."
FORM = [(b"content-type", b"multipart/form-data; boundary=cut")]
# What a browser sends of a field for files where none was chosen.
NOTHING_CHOSEN = b'--cut\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--cut--\r\n'


@dataclass(frozen=True)
class Service:
    """A service that may write."""

    app: App
    client: TestClient
    keeper: Keeper
    searcher: Searcher

    def upload(self, files: Mapping[str, bytes], **fields: str) -> Any:
        sent = [("file", (name, content)) for name, content in files.items()]
        return self.client.post("/v1/documents", files=sent, data=fields)

    def done(self, answer: Any) -> Any:
        """Wait for the job of an answer, and give it as the service tells it."""
        job = answer.json().get("job", answer.json())
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        ended(self.keeper, self.keeper.jobs.get(job["id"]))
        return valid("job", self.client.get(answer.headers["location"]).json())

    def found(self, words: str) -> list[str]:
        hits = self.client.get("/v1/search", params={"q": words, "mode": "lexical"}).json()["hits"]
        return [hit["citation"]["source"] for hit in hits]


def app_of(searcher: Searcher, keeper: Keeper | None, limits: Limits | None = None) -> App:
    """Make an application that is asked from the same machine, which may write where there are no keys."""
    app = create_app(searcher, limits=limits, keeper=keeper)

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("127.0.0.1", 50_000)}, receive, send)

    return asked


def client_of(app: App) -> TestClient:
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@contextmanager
def serving(library: Library, *, readers: TextReaders | None = None, **given: Any) -> Iterator[Service]:
    """Serve a library whose sources are its folder."""
    settings = library.settings.model_copy(update=given)
    with kept(settings, library.sources, readers=readers) as keeper:
        searcher = library.searcher()
        app = app_of(searcher, keeper, settings.limits)
        yield Service(app, client_of(app), keeper, searcher)


@pytest.fixture
def service(library: Library) -> Iterator[Service]:
    """Give a service of the test's own."""
    with serving(library) as made:
        yield made


def test_an_upload_is_found_once_its_job_is_done(service: Service) -> None:
    """The answer names document and job; what was stated is in the document."""
    sent = service.upload({"boats.txt": BOATS}, title="Of boats", published="2020-02-01")
    document = sent.json()["documents"][0]
    assert document["name"] == "boats.txt"
    assert service.done(sent)["report"]["added"] == ["boats.txt"]
    assert service.found("boats painted") == ["boats.txt"]
    shown = service.client.get(f"/v1/documents/{document['doc_id']}").json()
    assert (shown["metadata"]["title"], shown["metadata"]["published"]) == ("Of boats", "2020-02-01")


def test_several_files_come_at_once(service: Service) -> None:
    """All of them are named, in their order; so are those that will be refused for what is in them."""
    sent = service.upload({"sails.txt": SAILS, "bad.txt": b"!", "boats.txt": BOATS})
    assert [one["name"] for one in sent.json()["documents"]] == ["sails.txt", "bad.txt", "boats.txt"]
    job = service.done(sent)
    assert (job["state"], job["report"]["added"]) == ("done", ["boats.txt", "sails.txt"])
    assert [refused["path"] for refused in job["report"]["refused"]] == ["bad.txt"]


def test_another_file_of_the_name_is_refused_unless_it_is_to_replace(service: Service) -> None:
    """The old one answers until then."""
    service.done(service.upload({"boats.txt": BOATS}))
    again = service.upload({"boats.txt": SAILS})
    assert "send `replace=true`" in again.json()["detail"]
    assert service.done(service.upload({"boats.txt": SAILS}, replace="true"))["report"]["updated"] == ["boats.txt"]
    assert service.found("boats painted") == []


def test_a_deleted_document_answers_no_more(service: Service) -> None:
    """The answer comes when its sync is done; a second time there is no such document."""
    sent = service.upload({"boats.txt": BOATS, "bad.txt": b"!"})
    service.done(sent)
    for document in sent.json()["documents"]:
        gone = service.client.delete(f"/v1/documents/{document['doc_id']}")
        assert valid("job", gone.json()["job"])["state"] == "done"
        assert service.client.delete(f"/v1/documents/{document['doc_id']}").status_code == 404
    assert service.found("boats painted") == []
    assert list(service.keeper.settings.uploads.iterdir()) == []


def test_a_deletion_that_lasts_is_answered_before_it_is_done(library: Library) -> None:
    """The job tells the rest."""
    with serving(library, limits=Limits(answer_s=0.5)) as service:
        sent = service.upload({"boats.txt": BOATS})
        service.done(sent)
        with writer_lock(library.settings.index):
            gone = service.client.delete(f"/v1/documents/{sent.json()['documents'][0]['doc_id']}")
            assert gone.json()["job"]["state"] == "queued"
        assert service.done(gone)["report"]["removed"] == ["boats.txt"]


def test_documents_of_other_folders_are_not_deleted(service: Service, library: Library) -> None:
    """The answer says where they come from, and the file stays."""
    found = service.client.get("/v1/documents").json()["documents"]
    doc_id = next(document["doc_id"] for document in found if document["path"] == "loose.txt")
    detail = service.client.delete(f"/v1/documents/{doc_id}").json()["detail"]
    assert f"`loose.txt` comes from `{library.sources}`; remove the file there" in detail
    assert (library.sources / "loose.txt").exists()


def test_a_sync_can_be_asked_for(service: Service, library: Library) -> None:
    """It takes what has changed in the sources."""
    library.write("boats.txt", BOATS.decode())
    asked = service.client.post("/v1/sync")
    assert valid("job", asked.json())["kind"] == "sync"
    assert service.done(asked)["report"]["added"] == ["boats.txt"]


def test_jobs_are_listed_newest_first_without_reports(service: Service) -> None:
    """Reports can be long, so they are where one job is asked for."""
    made = [service.done(service.client.post("/v1/sync"))["id"] for _ in range(3)]
    listed = service.client.get("/v1/jobs").json()["jobs"]
    assert [(job["id"], job["report"]) for job in listed] == [(one, None) for one in reversed(made)]
    assert len(service.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"]) == 1
    assert service.client.get("/v1/jobs", params={"limit": 101}).status_code == 422


def test_a_failed_job_says_why(service: Service, library: Library) -> None:
    """A folder that is not there is no reason to remove what the index holds of it."""
    library.sources.rename(library.sources.with_name("moved"))
    job = service.done(service.client.post("/v1/sync"))
    assert (job["state"], job["report"]) == ("failed", None)
    assert job["error"] == f"`{library.sources}` does not exist; nothing was changed"
    assert "loose.txt" in paths(library.settings)


def test_the_schema_of_a_job_notices_every_field(service: Service) -> None:
    """Whatever field comes or goes, at whatever depth, the schema refuses it."""
    assert refused_changes("job", service.done(service.client.post("/v1/sync"))) == 10 + 4 + 13 + 2


@pytest.mark.parametrize("path", ["/v1/jobs/x", f"/v1/jobs/{'0' * 12}-{'0' * 16}", "/v1/jobs/x/events"])
def test_an_unknown_job_is_not_found(service: Service, path: str) -> None:
    """Also where its events are asked for."""
    answer = service.client.get(path)
    assert answer.status_code == 404
    assert "there is no job" in valid("problem", answer.json())["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/documents"),
        ("DELETE", "/v1/documents/x"),
        ("POST", "/v1/sync"),
        ("GET", "/v1/jobs"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/jobs/x/events"),
    ],
)
def test_a_service_that_only_reads_says_so(shelf: Library, method: str, path: str) -> None:
    """Nothing that writes is offered where there is nobody to do it."""
    answer = client_of(app_of(shelf.searcher(), None)).request(method, path)
    assert answer.status_code == 404
    assert "without the right to write" in valid("problem", answer.json())["detail"]


# --- forms that cannot be used


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"files": {"file": ("a.png", b"x")}}, "`a.png` is not of a kind that is read"),
        ({"files": {"other": ("a.txt", b"x")}}, "a file was sent as `other`; send each as `file`"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"replace": "maybe"}}, "`replace` is neither true nor false"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"title": ["a", "b"]}}, "`title` was sent twice"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"colour": "red"}}, "there is no field `colour`"),
        ({"files": [("file", (f"{n}.txt", b"x")) for n in range(21)]}, "21 files were sent; send 1 to 20"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"title": "x" * 10_001}}, "Part exceeded maximum size"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {f"f{n}": "x" for n in range(9)}}, "number of fields is 8"),
        ({"json": {"file": "a.txt"}}, "0 files were sent"),
        ({"data": {"file": "a.txt"}}, "there is no field `file`"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "Missing boundary"),
        (
            {"content": b"no form", "headers": {"content-type": "multipart/form-data; boundary=cut"}},
            "Invalid multipart data",
        ),
        (
            {
                "content": b'--cut\r\nContent-Disposition: form-data; name=file; filename=""\r\n\r\n\r\n--cut--\r\n',
                "headers": {"content-type": "multipart/form-data; boundary=cut"},
            },
            "0 files were sent",
        ),
    ],
)
def test_a_form_that_cannot_be_used_is_refused(service: Service, sent: Any, message: str) -> None:
    """The problem says what is wrong; nothing is kept and no sync is asked for."""
    answer = service.client.post("/v1/documents", **sent)
    assert 400 <= answer.status_code < 500
    assert message in valid("problem", answer.json())["detail"]
    assert not service.keeper.settings.uploads.exists() or not list(service.keeper.settings.uploads.iterdir())
    assert service.keeper.jobs.recent() == []


# --- uploads that are long or slow


def form(content: bytes, name: str = "a.txt") -> bytes:
    """Write a form with one file."""
    head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--cut--\r\n"


def chunks(body: bytes) -> list[bytes]:
    return [body[at : at + 50_000] for at in range(0, len(body), 50_000)]


def sending(service: Service, *arguments: Any, **named: Any) -> Answered:
    """Send an upload at the application itself."""
    return asyncio.run(ask(service.app, *arguments, path="/v1/documents", **named))


def test_a_file_is_longer_than_other_requests_may_be(library: Library) -> None:
    """Half a megabyte comes through, in chunks whose number was not known before."""
    with serving(library, max_file_mb=1) as service:
        content = b"Boats. " * 80_000
        assert sending(service, chunks(form(content)), headers=FORM).status < 300
        assert (service.keeper.settings.uploads / "a.txt").read_bytes() == content


@pytest.mark.parametrize("is_stated", [True, False])
def test_an_upload_over_the_limit_is_cut_off(library: Library, is_stated: bool) -> None:
    """At once where its length is stated, else when it is passed; nothing is kept."""
    with serving(library, max_file_mb=1) as service:
        sent = form(bytes(2_000_001))
        more = [(b"content-length", str(len(sent)).encode())] if is_stated else []
        answered = sending(service, chunks(sent), headers=[*FORM, *more])
    assert answered.status == 413
    assert answered.problem["detail"] == "the body is longer than 2,000,000 bytes"
    assert answered.headers["connection"] == "close"
    assert not service.keeper.settings.uploads.exists()


def test_a_silent_client_is_not_waited_for(library: Library) -> None:
    """Each chunk may take its time, and silence is an end; so is a client that leaves."""
    with serving(library, limits=Limits(receive_s=0.3, answer_s=0.1)) as service:
        body = form(BOATS)
        slow = [body[:50], body[50:100], body[100:]]
        assert sending(service, slow, headers=FORM, pause_s=0.15).status < 300
        silent = sending(service, slow, headers=FORM, pause_s=0.5)
        left = sending(service, [body[:50], None], headers=FORM)
    assert silent.status == 408
    assert silent.problem["detail"].startswith("nothing came within 0.3 s")
    assert left.status == 400
    assert left.problem["detail"] == "the client left before the upload was whole"


def test_an_upload_does_not_last_for_ever(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a little again and again is cut off as well."""
    monkeypatch.setattr(limits, "UPLOAD_S", 0.3)
    body = form(BOATS)
    answered = sending(service, [bytes([sign]) for sign in body], headers=FORM, pause_s=0.05)
    assert answered.status == 408


def test_long_requests_take_no_turn_but_are_counted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While uploads come others are answered; over the number that may come at once, the next is sent away."""
    app = app_of(service.searcher, service.keeper, Limits(at_once=1, waiting=0))
    monkeypatch.setattr(limits, "LONG", (replace(LONG[0], most=2), *LONG[1:]))

    async def all_at_once() -> list[Answered]:
        first = [
            asyncio.create_task(ask(app, [form(BOATS)], path="/v1/documents", headers=FORM, pause_s=1.0))
            for _ in range(2)
        ]
        await asyncio.sleep(0.2)
        third = await ask(app, [form(BOATS)], path="/v1/documents", headers=FORM)
        read = await ask(app, [b'{"q": "school"}'], headers=JSON)
        assert not any(task.done() for task in first)
        return [third, read, *await asyncio.gather(*first)]

    third, read, *first = asyncio.run(all_at_once())
    assert third.status == 503
    assert third.problem["detail"].startswith("2 requests of this kind are under way")
    assert [read.status, *(one.status < 300 for one in first)] == [200, True, True]


# --- events


def events(text: str) -> list[tuple[str, Any]]:
    """Read a stream of events."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":")]
    assert all(len(lines) == 2 for lines in blocks)
    return [
        (lines[0].removeprefix("event: "), valid("job", json.loads(lines[1].removeprefix("data: "))))
        for lines in blocks
    ]


def test_events_of_an_ended_job_are_its_end(service: Service) -> None:
    """There is one event, and the stream ends."""
    job = service.done(service.client.post("/v1/sync"))
    answer = service.client.get(f"/v1/jobs/{job['id']}/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert events(answer.text) == [("done", job)]


def test_events_tell_how_a_job_goes_on(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes is told, that there is no news is told too, longer than an answer may take; then the end."""
    monkeypatch.setattr(writes, "ALIVE_S", 0.1)
    monkeypatch.setattr(writes, "LOOK_S", 0.02)
    library.write("boats.txt", BOATS.decode())
    readers = HeldReaders()
    with serving(library, readers=readers, limits=Limits(answer_s=0.2, at_once=1, waiting=0)) as service:
        job = service.client.post("/v1/sync").json()
        assert readers.begun.wait(20)

        async def follow() -> Answered:
            asyncio.get_running_loop().call_later(0.6, readers.go_on.set)
            return await stream(service.app, f"/v1/jobs/{job['id']}/events")

        answered = asyncio.run(follow())
    text = b"".join(message.get("body", b"") for message in answered.messages).decode()
    told = events(text)
    assert ": no news\n\n" in text
    assert [name for name, _ in told] == ["progress"] * (len(told) - 1) + ["done"]
    assert told[0][1]["state"] == "running"
    assert told[-1][1]["report"]["added"] == ["boats.txt"]


async def stream(app: App, path: str) -> Answered:
    """Read a stream to its end, as a client that stays."""
    is_asked = False

    async def receive() -> dict[str, Any]:
        nonlocal is_asked
        if is_asked:
            await asyncio.Event().wait()
        is_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    answered = Answered()
    await app(scope, receive, answered)
    return answered


def test_events_end_when_the_service_does(library: Library) -> None:
    """A stream of a job that another process runs does not keep the service from ending."""
    with serving(library) as service, writer_lock(library.settings.index):
        job = service.keeper.jobs.new("sync")

        async def follow() -> Answered:
            asyncio.get_running_loop().call_later(0.3, service.keeper._stop.set)
            return await stream(service.app, f"/v1/jobs/{job.id}/events")

        answered = asyncio.run(follow())
    assert [name for name, _ in events(answered.messages[1]["body"].decode())] == ["progress"]


def test_so_many_streams_are_open_at_most(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is sent away."""
    monkeypatch.setattr(limits, "LONG", (*LONG[:2], replace(LONG[2], most=1)))
    app = app_of(service.searcher, service.keeper)
    job = service.keeper.jobs.new("sync")

    async def two() -> Answered:
        first = asyncio.create_task(stream(app, f"/v1/jobs/{job.id}/events"))
        await asyncio.sleep(0.1)
        second = await stream(app, f"/v1/jobs/{job.id}/events")
        service.keeper.jobs.put(replace(job, state=State.DONE))
        await first
        return second

    assert asyncio.run(two()).status == 503


def test_everything_is_in_the_documentation(service: Service) -> None:
    """The form of an upload is described with its fields, though it is read by hand."""
    described = service.client.get("/v1/openapi.json").json()["paths"]
    content = described["/v1/documents"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert set(content["schema"]["properties"]) >= {"file", "replace", "title", "published", "licence"}
    assert set(described["/v1/documents/{doc_id}"]) >= {"get", "delete"}
