"""The same model converted for OpenVINO, which on processors runs it two to three times as fast as torch does.

Converting takes torch and a few seconds, once; the result is kept in the user's cache and needs neither torch nor
transformers, so that a search from a shell starts in well under a second. It is only used where it gives the same
vectors as torch.
"""

import json
import logging
import shutil
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.encoder.files import ModelFiles, file_sha256
from indexer.encoder.network import Network
from indexer.encoder.tokens import Cutter, Part
from indexer.encoder.torch_network import load_model
from indexer.errors import ModelError
from indexer.settings import Settings

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
MODEL_FILE = "model.xml"  # with model.bin beside it
CONVERSION = 1  # counts up whenever models come to be converted differently
FASTEST = "fastest.json"
LEAST_COSINE = 0.9999  # between the converted model and torch, or it is not used
LEAST_COARSE_COSINE = 0.999  # likewise of bfloat16, where nobody asked for it
WORTHWHILE = 0.8  # of the time that float32 takes; else its digits are not given up
MOST_STREAMS = 8  # batches at once; each takes memory
TOKENS_AT_ONCE = 2048  # of a batch, padding included; more are no faster and take more memory
PARTS_AT_ONCE = 96  # of a batch: each holds a copy of its text's tokens while it is pooled
# Texts that the converted model is tried on: long and short, several in a batch, with parts.
TRIALS = (
    "Social workers visit children often.",
    "The board met twice. It agreed a budget of 1,300 — and “a plan”, naïve or not. " * 4,
    "?",
)
TRIAL_PARTS: tuple[tuple[Part, ...], ...] = (((0, 14),), ((0, 20), (21, 79)), ())


class OpenVinoNetwork:
    """A converted model; threads may share it."""

    def __init__(self, model: Any, cutter: Cutter, precision: str, threads: int) -> None:
        """Take an openvino.Model whose inputs are `owners`, `masks` and some of the arrays of `Tokens`, by name."""
        self._cutter = cutter
        self._model = model
        self._precision = precision
        self._threads = threads
        self._streams = min(threads, MOST_STREAMS)
        self._compiling = Lock()
        # So that one batch is cut into tokens while others are computed.
        self._pool = ThreadPoolExecutor(self._streams, thread_name_prefix="encoder")

    @classmethod
    def of(cls, files: ModelFiles, cutter: Cutter, settings: Settings, *, reference: Network) -> "OpenVinoNetwork":
        """Read the converted model from the cache, or convert it and keep it there.

        Raises ModelError where it cannot be converted, or gives other vectors than the reference.
        """
        prompts = settings.query_prompt, settings.passage_prompt
        folder = settings.cache / "models" / _key(files, prompts)
        model = _read(folder)
        if model is None:
            model = _converted(files)
            exact = cls(model, cutter, "float32", settings.threads)
            least = min(_least_cosine(exact, reference, prompt) for prompt in prompts)
            if least < LEAST_COSINE:
                raise ModelError(
                    f"OpenVINO gives other vectors than torch for model {files.model} (cosine {least:.4f})"
                )
            _keep(model, folder)
        precision: str = settings.precision
        if precision == "auto":
            precision = _fastest(model, cutter, settings.threads, folder / FASTEST)
        return cls(model, cutter, precision, settings.threads)

    def vectors(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], *, is_question: bool
    ) -> NDArray[np.float32]:
        """Shape (texts + parts, dim), see `Network`."""
        with self._compiling:
            compiled = self._for_questions if is_question else self._for_passages
        # A question must not wait for the longer one beside it.
        batches = [[row] for row in range(len(texts))] if is_question else _batches(self._cutter.count(texts), parts)

        def run(rows: Sequence[int]) -> NDArray[np.float32]:
            return self._run(compiled, [texts[row] for row in rows], prompt, [parts[row] for row in rows])

        made = list(map(run, batches) if is_question else self._pool.map(run, batches))
        starts = len(texts) + np.cumsum([0, *(len(some) for some in parts)])
        places = [
            [*rows, *(int(starts[row]) + at for row in rows for at in range(len(parts[row])))] for rows in batches
        ]
        vectors = np.empty((int(starts[-1]), made[0].shape[1]), np.float32)
        vectors[np.concatenate(places)] = np.concatenate(made)
        return vectors

    @cached_property
    def _for_passages(self) -> Any:
        # One thread for each of several batches does more than several threads for one.
        return self._compiled(self._streams)

    @cached_property
    def _for_questions(self) -> Any:
        # All threads for one question: measured on two cores, 16 tokens take 5.6 ms so, and 9 with one thread.
        return self._compiled(streams=1)

    def _compiled(self, streams: int) -> Any:
        options = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": streams,
            # Said also for float32: where the processor has bfloat16, OpenVINO would take that by itself.
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[self._precision],
        }
        compiled = _openvino().Core().compile_model(self._model, "CPU", options)
        # Two threads that run their first texts at once can wait for each other for ever: one does what the binding
        # of OpenVINO does once only, and wants Python's lock; the other holds that, and waits for it to be done.
        self._run(compiled, ["ready"], "", [()])
        return compiled

    def _run(
        self, compiled: Any, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]]
    ) -> NDArray[np.float32]:
        tokens = self._cutter.cut([prompt + text for text in texts])
        owners, masks = self._cutter.masks(texts, prompt, parts, tokens.attention)
        given = {
            "owners": np.concatenate([np.arange(len(texts)), owners]),
            "masks": np.concatenate([tokens.attention, masks]),
            "input_ids": tokens.ids,
            "attention_mask": tokens.attention,
            "token_type_ids": tokens.types,
        }
        inputs = {name: given[name] for name in (one.any_name for one in compiled.inputs)}
        found: NDArray[np.float32] = compiled.create_infer_request().infer(inputs)[0]
        return np.array(found, np.float32)


def _batches(counts: Sequence[int], parts: Sequence[Sequence[Part]]) -> list[list[int]]:
    """Put texts of like length together, the longest first, so that little is filled up and the last end together."""
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = rows = 0
    for row in sorted(range(len(counts)), key=lambda row: -counts[row]):
        longest = longest or counts[row] + 2
        rows += 1 + len(parts[row])
        if batch and ((len(batch) + 1) * longest > TOKENS_AT_ONCE or rows > PARTS_AT_ONCE):
            batches.append(batch)
            batch, longest, rows = [], counts[row] + 2, 1 + len(parts[row])
        batch.append(row)
    return [*batches, batch] if batch else batches


def _least_cosine(one: Network, other: Network, prompt: str) -> float:
    """Give the least cosine between vectors of the trials; -1 where they have no direction or another size."""
    least = 1.0
    for is_question in (True, False):
        some, others = (it.vectors(TRIALS, prompt, TRIAL_PARTS, is_question=is_question) for it in (one, other))
        if some.shape != others.shape:
            return -1.0
        norms = np.linalg.norm(some, axis=1) * np.linalg.norm(others, axis=1)
        cosines = np.divide((some * others).sum(axis=1), norms, out=np.full_like(norms, -1.0), where=norms > 0)
        least = min(least, float(cosines.min()))
    return least


def _fastest(model: Any, cutter: Cutter, threads: int, kept: Path) -> str:
    """Tell which arithmetic is to be used on this processor, from a short measurement that is kept in a file.

    Where a processor has bfloat16, it is two to three times as fast; where not, far slower.
    """
    core = _openvino().Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return "float32"
    processor = core.get_property("CPU", "FULL_DEVICE_NAME")
    with suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(kept.read_text("utf-8"))
        if known["processor"] == processor and known["precision"] in {"float32", "bfloat16"}:
            return str(known["precision"])
    exact, coarse = (OpenVinoNetwork(model, cutter, precision, threads) for precision in ("float32", "bfloat16"))
    is_near = _least_cosine(coarse, exact, "") >= LEAST_COARSE_COSINE
    found = "bfloat16" if is_near and _seconds(coarse) < WORTHWHILE * _seconds(exact) else "float32"
    with suppress(OSError):  # it is then measured again
        kept.write_text(json.dumps({"processor": processor, "precision": found}))
    return found


def _seconds(network: Network) -> float:
    """Time the encoding of a few dozen passages, after a first go."""
    texts, parts = TRIALS * 16, TRIAL_PARTS * 16
    network.vectors(texts, "", parts, is_question=False)
    started = perf_counter()
    network.vectors(texts, "", parts, is_question=False)
    return perf_counter() - started


def _key(files: ModelFiles, prompts: Sequence[str]) -> str:
    """Name all that decides what a converted model is, and whether it was found to be right."""
    parts = [files.weights_sha256, files.configs_sha256, version("openvino"), CONVERSION, *prompts]
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _converted(files: ModelFiles) -> Any:
    """Convert a model: the tokens of texts in, and out the vector of each mask over them. Raises ModelError."""
    try:
        import torch  # noqa: PLC0415

        _openvino()
        from openvino.frontend import FrontEndManager  # noqa: PLC0415
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

        model = load_model(files.folder, "cpu", "float32", attention="eager")  # what OpenVINO knows to convert
        names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in _inputs(model)]

        class Whole(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, *rest = model
                self.rest = torch.nn.ModuleList(rest)

            def forward(self, owners: Any, masks: Any, *inputs: Any) -> Any:
                features = self.first(dict(zip(names, inputs, strict=True)))
                features = {"token_embeddings": features["token_embeddings"][owners], "attention_mask": masks}
                for module in self.rest:
                    features = module(features)
                return features["sentence_embedding"]

        ones = torch.ones((2, 16), dtype=torch.int64)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # about shapes taken for constants, which the check would show
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                Whole().eval(), (torch.arange(2), ones, *([ones] * len(names))), check_trace=False
            )
            frontend = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced)
            converted = frontend.convert(frontend.load(decoder))
        for given, name in zip(converted.inputs, ["owners", "masks", *names], strict=True):
            given.get_tensor().set_names({name})
    except Exception as error:
        raise ModelError(f"model {files.model} cannot be converted for OpenVINO ({error})") from error
    return converted


def _inputs(model: Any) -> list[str]:
    return list(model.tokenizer.model_input_names)


def _read(folder: Path) -> Any:
    """Give the model that was kept in a folder, or None where there is none or its files were altered."""
    return _openvino().Core().read_model(folder / MODEL_FILE) if _is_whole(folder) else None


def _is_whole(folder: Path) -> bool:
    try:
        digests = json.loads((folder / MANIFEST).read_text("utf-8"))
        with ThreadPoolExecutor() as pool:
            found = dict(zip(digests, pool.map(file_sha256, (folder / name for name in digests)), strict=True))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError) as error:
        log.warning("the converted model in %s cannot be read (%s); converting it anew", folder, error)
        return False
    if found != digests or MODEL_FILE not in digests:
        log.warning("the converted model in %s was altered; converting it anew", folder)
        return False
    return True


def _keep(model: Any, folder: Path) -> None:
    """Keep a converted model, whole or not at all. Where that is impossible it is converted again the next time."""
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(dir=folder.parent, prefix="making-"))
        _openvino().save_model(model, temporary / MODEL_FILE, compress_to_fp16=False)
        digests = {path.name: file_sha256(path) for path in sorted(temporary.iterdir())}
        (temporary / MANIFEST).write_text(json.dumps(digests))
        if folder.exists() and not _is_whole(folder):  # else another process has been faster
            shutil.rmtree(folder)
        if not folder.exists():
            temporary.rename(folder)
    except (OSError, RuntimeError) as error:
        log.warning(
            "the converted model cannot be kept in %s (%s); the next command converts it again", folder, error
        )
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _openvino() -> Any:
    """Import OpenVINO, which takes a third of a second, without letting it tell its makers.

    It sends them word of every import where the package openvino_telemetry is installed, as pip does with it.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # makes the import of it fail
    import openvino  # noqa: PLC0415

    return openvino
