"""What Prometheus reads, after requests whose number is known."""

import asyncio

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from tests.service.conftest import Library, client_of
from tests.service.test_limits import HeldEncoder, app_of, ask

SECRET = "geheimnis"


def figures(client: TestClient) -> dict[str, dict[tuple[str, ...], float]]:
    """Read every figure of our own: by name, then by the values of its labels in the order of their names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name != "le")
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_each_request_is_counted_by_its_endpoint_and_how_it_ended(shelf: Library) -> None:
    """The endpoint is named as the documentation writes it, so ids of documents and invented addresses are not."""
    client = client_of(shelf.searcher())
    for path in ("/healthz", "/v1/documents/0123/pages/7", "/v1/documents/4567/pages/8", f"/{SECRET}", "/nothing"):
        client.get(path)
    client.request(SECRET, "/healthz")
    assert figures(client)["citewell_request_seconds_count"] == {
        ("GET", "/healthz", "2xx"): 1,
        ("other", "/healthz", "4xx"): 1,
        ("GET", "/v1/documents/{doc_id}/pages/{number}", "4xx"): 2,
        ("GET", "other", "4xx"): 2,
    }
    assert figures(client)["citewell_request_seconds_count"]["GET", "/metrics", "2xx"] == 1


def test_each_stage_of_a_search_and_an_answer_is_timed(shelf: Library) -> None:
    """A search that was done before has none; one by words alone encodes nothing."""
    client = client_of(shelf.searcher())
    for _ in range(3):
        client.get("/v1/search?q=school")
    stages = {("understand",): 1, ("encode",): 1, ("gather",): 1, ("hits",): 1}
    assert figures(client)["citewell_stage_seconds_count"] == stages
    client.post("/v1/search", json={"q": "school", "mode": "lexical"})
    stages = {("understand",): 2, ("encode",): 1, ("gather",): 2, ("hits",): 2}
    assert figures(client)["citewell_stage_seconds_count"] == stages
    client.get("/v1/ask?q=school")
    client.post("/v1/verify", json={"quote": "the school budget"})
    found = figures(client)["citewell_stage_seconds_count"]
    assert (found["answer",], found["verify",]) == (1, 1)


def test_the_generation_is_that_served_last(library: Library) -> None:
    """The figures themselves do not look at the index, so that they are there when it is not."""
    client = client_of(library.searcher())
    assert figures(client)["citewell_generation"][()] == 0
    client.get("/readyz")
    assert figures(client)["citewell_generation"][()] == 1
    library.write("new.txt", "A heron stood in the pond.")
    library.sync()
    assert figures(client)["citewell_generation"][()] == 1
    client.get("/v1/search?q=heron")
    assert figures(client)["citewell_generation"][()] == 2
    library.settings.index.rename(library.settings.index.with_name("away"))
    assert figures(client)["citewell_generation"][()] == 2


def test_refusals_are_counted_by_their_kind(shelf: Library) -> None:
    """A kind is a word of our own; the rest of the problem document is for the client."""
    client = client_of(shelf.searcher())
    client.get("/v1/search")
    client.get("/v1/search?q=")
    client.get("/nothing")
    client.delete("/healthz")
    client.get("/healthz", headers={"host": "evil.example"})
    client.post("/v1/search", content=b" " * 70_000)
    client.get("/v1/documents/0123")
    assert figures(client)["citewell_refusals_total"] == {
        ("invalid",): 2,
        ("not_found",): 2,
        ("method_not_allowed",): 1,
        ("wrong_host",): 1,
        ("too_large",): 1,
    }


def test_a_busy_service_still_gives_its_figures(shelf: Library) -> None:
    """They need no turn; they tell who waits and who was sent away, and at which endpoint."""
    held = HeldEncoder()
    app = app_of(shelf, held, at_once=1, waiting=0)

    async def busy() -> str:
        search = asyncio.create_task(ask(app, query=b"q=school"))
        await asyncio.to_thread(held.begun.acquire)
        assert (await ask(app, query=b"q=bees")).status == 503
        answered = await ask(app, path="/metrics")
        held.go_on.set()
        await search
        return str(answered.messages[1]["body"], "utf-8")

    text = asyncio.run(busy())
    assert "citewell_requests_under_way 2.0" in text  # the search, and this one
    assert 'citewell_refusals_total{kind="busy"} 1.0' in text
    assert 'citewell_request_seconds_count{method="GET",route="/v1/search",status="5xx"} 1.0' in text


def test_figures_tell_nothing_of_what_was_asked(shelf: Library) -> None:
    """No label has anything that a client made up, wherever in the request it stands."""
    client = client_of(shelf.searcher())
    client.get(f"/v1/search?q={SECRET}&{SECRET}=1")
    client.get(f"/v1/ask?q={SECRET}", headers={"x-request-id": SECRET, "if-none-match": f'"{SECRET}"'})
    client.post("/v1/verify", json={"quote": SECRET, "document": SECRET})
    client.get(f"/v1/documents/{SECRET}/pages/1?spans={SECRET}")
    client.get(f"/{SECRET}", headers={"host": SECRET})
    text = client.get("/metrics").text
    assert SECRET not in text
    assert "redbrook" not in text.lower()


def test_applications_do_not_share_figures(shelf: Library) -> None:
    """Each has a registry of its own."""
    first, second = (TestClient(create_app(shelf.searcher()), base_url="http://localhost") for _ in range(2))
    first.get("/nothing")
    assert figures(first)["citewell_refusals_total"] == {("not_found",): 1}
    assert "citewell_refusals_total" not in figures(second)
