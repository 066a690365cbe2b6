"""The converted model: the same vectors as torch, kept whole or not at all, and nothing said to anybody."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import current_thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.encoder import SentenceEncoder, openvino_network
from indexer.encoder.openvino_network import PARTS_AT_ONCE, TOKENS_AT_ONCE, OpenVinoNetwork, _batches
from indexer.errors import ModelError
from indexer.settings import Settings
from tests.indexer.test_encoder import make_model, pooling

TEXTS = ["children are safe", "not", "are children not safe " * 6]
PARTS = [[(0, 8), (9, 17)], [], [(0, 12), (13, 21), (4, 8)]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("made"), pooling())


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "indexer.encoder")


def asked(model: Path, cache: Path, **settings: Any) -> SentenceEncoder:
    """Make an encoder and have it load what runs its model."""
    encoder = SentenceEncoder(Settings(model=str(model), cache=cache, **settings))
    encoder.encode_queries(["are children safe"])
    return encoder


def kept(cache: Path) -> list[Path]:
    return sorted((cache / "models").iterdir())


@pytest.fixture
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a conversion fail the test."""
    monkeypatch.setattr(openvino_network, "_converted", lambda _: pytest.fail("the model was converted"))


@given(
    texts=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30)), max_size=60),
)
def test_batches_hold_each_text_once_and_stay_small(texts: list[tuple[int, int]]) -> None:
    """Batches go from long to short texts and pass their limits only where one text alone does."""
    counts = [count for count, _ in texts]
    parts: Sequence[Sequence[tuple[int, int]]] = [[(0, 1)] * some for _, some in texts]

    batches = _batches(counts, parts)

    assert sorted(row for rows in batches for row in rows) == list(range(len(texts)))
    lengths = [counts[row] for rows in batches for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    for rows in batches:
        if len(rows) > 1:
            assert len(rows) * (max(counts[row] for row in rows) + 2) <= TOKENS_AT_ONCE
            assert sum(1 + len(parts[row]) for row in rows) <= PARTS_AT_ONCE


@pytest.mark.e2e
@pytest.mark.parametrize("prompt", ["", "query: "])
def test_vectors_are_those_of_torch(model: Path, tmp_path: Path, prompt: str) -> None:
    """Questions, passages and parts get the vectors that torch gives, also in several batches."""
    settings: dict[str, Any] = {
        "model": str(model),
        "cache": tmp_path,
        "query_prompt": prompt,
        "passage_prompt": prompt,
    }
    fast = SentenceEncoder(Settings(**settings, backend="openvino"))
    slow = SentenceEncoder(Settings(**settings, backend="torch"))
    texts, parts = TEXTS * 30, PARTS * 30
    assert len(_batches(slow.count(texts), parts)) > 2

    for one, other in zip(fast.encode_passages(texts, parts), slow.encode_passages(texts, parts), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert fast.encode_queries(TEXTS) == pytest.approx(slow.encode_queries(TEXTS), abs=1e-5)
    assert fast.fingerprint == slow.fingerprint


@pytest.mark.e2e
def test_conversion_is_kept(model: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The second encoder finds the converted model, whole and alone, in the cache."""
    before = asked(model, tmp_path).encode_queries(TEXTS)
    (folder,) = kept(tmp_path)
    assert {path.name for path in folder.iterdir()} == {"model.xml", "model.bin", "manifest.json"}

    request.getfixturevalue("no_conversion")
    assert asked(model, tmp_path).encode_queries(TEXTS) == pytest.approx(before, abs=1e-6)


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["model.xml", "model.bin", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "foreign"])
def test_damage_is_found_before_the_model_is_read(
    model: Path, tmp_path: Path, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A kept model that was altered in any way is converted anew and put in its place."""
    before = asked(model, tmp_path).encode_queries(TEXTS)
    (folder,) = kept(tmp_path)
    data = bytearray((folder / name).read_bytes())
    whole = bytes(data)
    match damage:
        case "flip":
            data[len(data) // 2] ^= 4
        case "cut":
            del data[len(data) // 2 :]
        case "foreign":
            data[:] = b'{"model.xml": 3}'
    (folder / name).unlink()
    if damage != "gone":
        (folder / name).write_bytes(data)

    assert asked(model, tmp_path).encode_queries(TEXTS) == pytest.approx(before, abs=1e-6)
    assert kept(tmp_path) == [folder]
    assert (folder / name).read_bytes() == whole or name != "model.bin"
    assert any("converting it anew" in text for text in caplog.messages) or (damage, name) == ("gone", name)


@pytest.mark.e2e
def test_cache_that_cannot_be_written(model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a place to keep it the model is converted and used all the same, and this is said."""
    (tmp_path / "cache").write_text("a file")

    assert asked(model, tmp_path / "cache").encode_queries(TEXTS).shape == (3, 16)
    assert any("cannot be kept" in text for text in caplog.messages)


@pytest.mark.e2e
def test_first_text_is_run_by_itself(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that both run their first could wait for each other for ever, in OpenVINO."""
    ran: list[tuple[str, str]] = []
    run = OpenVinoNetwork._run

    def noted(self: OpenVinoNetwork, compiled: Any, texts: list[str], *rest: Any) -> Any:
        ran.append((texts[0], current_thread().name))
        return run(self, compiled, texts, *rest)

    encoder = asked(model, tmp_path)  # which has converted the model, and asked
    monkeypatch.setattr(OpenVinoNetwork, "_run", noted)
    monkeypatch.setattr(openvino_network, "TOKENS_AT_ONCE", 1)  # so that each text is a batch
    encoder.encode_passages(TEXTS, [[]] * len(TEXTS))

    assert ran[0] == ("ready", current_thread().name)
    assert {name for _, name in ran[1:]} != {current_thread().name}
    assert sorted(text for text, _ in ran[1:]) == sorted(TEXTS)


@pytest.mark.e2e
def test_change_of_the_model_is_another_conversion(model: Path, tmp_path: Path) -> None:
    """A model whose configuration changes is converted again, and so is one with another prompt."""
    asked(model, tmp_path)
    asked(model, tmp_path, query_prompt="query: ")
    config = model / "config.json"
    before = config.read_text()
    try:
        config.write_text(json.dumps(json.loads(before) | {"layer_norm_eps": 1e-6}))
        asked(model, tmp_path)
    finally:
        config.write_text(before)
    assert len(kept(tmp_path)) == 3


@pytest.mark.e2e
@pytest.mark.parametrize("fault", ["conversion", "vectors"])
def test_model_that_openvino_cannot_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """Torch runs what OpenVINO cannot, or gets wrong; who insists on OpenVINO gets an error. Nothing is kept."""
    expected = asked(model, tmp_path, backend="torch").encode_queries(TEXTS)
    if fault == "conversion":
        message = "cannot be converted for OpenVINO"
        monkeypatch.setattr(openvino_network, "load_model", lambda *_, **__: object())
    else:
        message = "gives other vectors than torch"
        monkeypatch.setattr(OpenVinoNetwork, "_run", lambda self, compiled, texts, prompt, parts: np.eye(
            len(texts) + sum(map(len, parts)), 16, dtype=np.float32
        ))  # fmt: skip

    assert asked(model, tmp_path).encode_queries(TEXTS) == pytest.approx(expected, abs=1e-6)
    assert any(message in text and "torch runs it instead" in text for text in caplog.messages)
    with pytest.raises(ModelError, match=message):
        asked(model, tmp_path, backend="openvino")
    assert not (tmp_path / "models").exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("capable", "seconds", "cosine", "wanted"),
    [
        (False, {"bfloat16": 1.0, "float32": 9.0}, 1.0, "float32"),
        (True, {"bfloat16": 1.0, "float32": 2.0}, 0.9999, "bfloat16"),
        (True, {"bfloat16": 1.0, "float32": 1.1}, 0.9999, "float32"),
        (True, {"bfloat16": 1.0, "float32": 9.0}, 0.99, "float32"),
    ],
)
def test_arithmetic_is_measured_once(  # noqa: PLR0917
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capable: bool,
    seconds: dict[str, float],
    cosine: float,
    wanted: str,
) -> None:
    """The processor's own bfloat16 is taken where it is much faster and nearly the same; the answer is kept."""
    core = pytest.importorskip("openvino").Core
    given = {"OPTIMIZATION_CAPABILITIES": ["FP32", "BF16"] if capable else ["FP32"], "FULL_DEVICE_NAME": "made"}
    used: list[str] = []
    make = OpenVinoNetwork.__init__

    def noted(self: OpenVinoNetwork, model: Any, cutter: Any, precision: str, threads: int) -> None:
        used.append(precision)
        make(self, model, cutter, "float32", threads)

    asked(model, tmp_path, precision="float32")
    monkeypatch.setattr(core, "get_property", lambda self, device, name: given[name])
    monkeypatch.setattr(OpenVinoNetwork, "__init__", noted)
    monkeypatch.setattr(openvino_network, "_least_cosine", lambda *_: cosine)
    asked_for: list[int] = []

    def timed(_: object) -> float:
        asked_for.append(1)
        return seconds["bfloat16" if len(asked_for) == 1 else "float32"]

    monkeypatch.setattr(openvino_network, "_seconds", timed)
    encoder = asked(model, tmp_path)
    assert used[-1] == wanted
    assert encoder.fingerprint.precision == "float32"
    assert used[:-1] == (["float32", "bfloat16"] if capable else [])

    used.clear()
    asked(model, tmp_path)
    assert used == [wanted]


@pytest.mark.e2e
def test_kept_model_needs_neither_torch_nor_a_network(model: Path, tmp_path: Path) -> None:
    """A question is encoded without torch and transformers, and OpenVINO tells nobody that it is used."""
    expected = asked(model, tmp_path).encode_queries(["are children safe"])
    code = """
import os, sys
seen = []
told = ("socket.", "subprocess.", "os.fork")
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(told) else None)
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
vector = SentenceEncoder(Settings()).encode_queries(["are children safe"])[0]
heavy = {name for name, module in sys.modules.items() if module} & {"torch", "transformers", "openvino_telemetry"}
print(*seen, *sorted(heavy), "|", *vector)
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"CITEWELL_MODEL": str(model), "CITEWELL_CACHE": str(tmp_path), "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    before, _, numbers = done.stdout.partition("|")
    assert before.strip() == ""
    assert np.array(numbers.split(), float) == pytest.approx(expected[0], abs=1e-5)
    assert list(home.iterdir()) == []
