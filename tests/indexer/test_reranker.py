"""Question and text read together: which models are taken, what they are given, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.encoder import locate_model
from indexer.errors import InputError, ModelError
from indexer.reranker import CrossEncoderReranker
from indexer.settings import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LIMIT = 24  # tokens of a pair

QUESTION = "Who feeds the otters?"
TEXTS = [
    "Keepers feed the otters at noon.",
    "The otters sleep.",
    "Nobody feeds the gulls, who help themselves.",
    "A bridge was painted green.",
    "",
]


def make_cross_encoder(folder: Path, texts: Sequence[str], *, labels: int = 1) -> Path:
    """Make a whole CrossEncoder of random weights that knows the words of these texts, as older versions saved it."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast
    from transformers.utils import logging

    words = dict.fromkeys([*SPECIAL, *(word for text in texts for word, _ in Whitespace().pre_tokenize_str(text))])
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=LIMIT
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=LIMIT, initializer_range=0.5,
    )  # fmt: skip
    config.num_labels = labels
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def cross_encoder(folder: Path) -> "CrossEncoder":
    """Load a model as Sentence Transformers alone does."""
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model: CrossEncoder = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return model


def predicted(folder: Path, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """Score each pair by itself, as Sentence Transformers alone does: shape (n,)."""
    model = cross_encoder(folder)
    return np.array([model.predict((question, text)) for text in texts], np.float32)


def reranker_of(folder: Path, **settings: Any) -> CrossEncoderReranker:
    return CrossEncoderReranker(folder, Settings(rerank=str(folder), **settings))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("tiny"), [QUESTION, *TEXTS])


def stated(folder: Path, **files: Any) -> Path:
    """Make a folder that states what kind of model it is, and holds none."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


# --- which models are taken, without loading one


def test_there_is_none_unless_it_is_asked_for() -> None:
    """Reranking is off by default, and its depth is at least one hit and at most as many as a query gives."""
    assert (Settings().rerank, Settings().rerank_depth) == ("", 20)
    for depth in (0, 101):
        with pytest.raises(InputError, match="rerank_depth"):
            Settings.load(rerank_depth=depth)


@pytest.mark.parametrize(
    "files",
    [
        {"config_sentence_transformers": {"model_type": "CrossEncoder"}, "modules": []},
        {
            "config_sentence_transformers": {"model_type": "CrossEncoder"},
            "config": {"architectures": ["XForCausalLM"]},
        },
        {"config": {"architectures": ["XForSequenceClassification"]}},
    ],
)
def test_cross_encoders_old_and_new_are_known_by_their_files(tmp_path: Path, files: dict[str, Any]) -> None:
    """What says that it is a CrossEncoder is one, and so is a plain classifier; nothing is loaded to see it."""
    reranker_of(stated(tmp_path, **files))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({"config": {}}, ""),
        ({"config": {"architectures": None}}, ""),
        ({"config": {"architectures": ["XModel"]}}, " but a XModel"),
        ({"config": {"architectures": ["XForCausalLM"]}}, " but a XForCausalLM"),
        ({"config_sentence_transformers": {"model_type": "SparseEncoder"}}, " but a SparseEncoder"),
        ({"modules": [], "config": {"architectures": ["XForSequenceClassification"]}}, " but a SentenceTransformer"),
    ],
)
def test_other_models_are_refused(tmp_path: Path, files: dict[str, Any], found: str) -> None:
    """A model of another kind, which would be given a random last layer, is an error that says what to do."""
    with pytest.raises(ModelError, match=f"which is no CrossEncoder{found}; give the folder of one, or leave"):
        reranker_of(stated(tmp_path, **files))


def test_the_embedding_model_is_refused() -> None:
    """The bundled encoder's own name is an easy slip, and no reranker."""
    with pytest.raises(ModelError, match=f"names {DEFAULT_MODEL}, which is no CrossEncoder"):
        CrossEncoderReranker(locate_model(DEFAULT_MODEL, "rerank"), Settings(rerank=DEFAULT_MODEL))


def test_a_model_that_is_not_there_is_said_with_its_setting() -> None:
    """The remedy names the setting that holds the name."""
    with pytest.raises(ModelError, match=r"neither a folder nor in the local .* as the setting `rerank`"):
        locate_model("nobody/no-such-model", "rerank")


def test_no_texts_need_no_model(tmp_path: Path) -> None:
    """Nothing is scored without loading the model, which this folder does not hold."""
    reranker = reranker_of(stated(tmp_path, config={"architectures": ["XForSequenceClassification"]}))

    scores = reranker.scores(QUESTION, [])
    assert (scores.shape, scores.dtype.name) == ((0,), "float32")


# --- with models made here


@pytest.mark.e2e
def test_scores_are_those_of_the_model(tiny: Path) -> None:
    """Each text has the score that Sentence Transformers gives it beside the question, whatever its company."""
    scores = reranker_of(tiny).scores(QUESTION, TEXTS * 8)

    assert (scores.shape, scores.dtype.name) == ((40,), "float32")
    assert scores == pytest.approx(np.tile(predicted(tiny, QUESTION, TEXTS), 8), abs=1e-5)
    assert len(np.unique(scores.round(4))) == len(TEXTS)


@pytest.mark.e2e
def test_a_model_saved_today_scores_the_same(tiny: Path, tmp_path: Path) -> None:
    """The format that Sentence Transformers writes now is taken like the older one."""
    cross_encoder(tiny).save_pretrained(str(tmp_path))

    assert (tmp_path / "modules.json").is_file()
    assert reranker_of(tmp_path).scores(QUESTION, TEXTS) == pytest.approx(reranker_of(tiny).scores(QUESTION, TEXTS))


@pytest.mark.e2e
def test_the_question_is_read(tiny: Path) -> None:
    """Another question gives other scores."""
    reranker = reranker_of(tiny)

    assert np.abs(reranker.scores(QUESTION, TEXTS) - reranker.scores("painted green", TEXTS)).min() > 1e-3


@pytest.mark.e2e
def test_what_the_model_cannot_read_is_cut_at_the_end_of_the_text(tiny: Path) -> None:
    """A pair longer than the model reads is scored by its start; the shorter question stays whole."""
    reranker = reranker_of(tiny)
    fits = LIMIT - 3 - len("Who feeds the otters ?".split())

    whole, longer, shorter = reranker.scores(
        QUESTION, ["otters " * fits, "otters " * fits + "gulls " * 40, "otters " * (fits - 1)]
    )
    assert whole == pytest.approx(longer, abs=1e-6)
    assert abs(whole - shorter) > 1e-4


@pytest.mark.e2e
def test_precision_is_a_setting(tiny: Path) -> None:
    """In coarser arithmetic the scores are nearly, and not quite, the same."""
    exact, coarse = (reranker_of(tiny, precision=one).scores(QUESTION, TEXTS) for one in ("float32", "bfloat16"))

    assert coarse == pytest.approx(exact, abs=0.05)
    assert (coarse != exact).any()


@pytest.mark.e2e
def test_a_model_of_several_scores_is_refused(tmp_path: Path) -> None:
    """A classifier of three classes gives no order, and is an error when it is loaded."""
    reranker = reranker_of(make_cross_encoder(tmp_path, TEXTS, labels=3))

    with pytest.raises(ModelError, match="gives 3 scores for each text; the order of hits needs"):
        reranker.scores(QUESTION, TEXTS)


@pytest.mark.e2e
@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json"])
def test_an_incomplete_model_is_an_error(tmp_path: Path, missing: str) -> None:
    """A folder that lacks a file that is needed is an error that names the model."""
    (make_cross_encoder(tmp_path, TEXTS) / missing).unlink()

    with pytest.raises(ModelError, match=f"reranker {tmp_path} in {tmp_path} cannot be loaded"):
        reranker_of(tmp_path).scores(QUESTION, TEXTS)


@pytest.mark.e2e
def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    """Half a file of weights is an error that names the model."""
    weights = make_cross_encoder(tmp_path, TEXTS) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])

    with pytest.raises(ModelError, match=f"reranker {tmp_path} in {tmp_path} cannot be loaded"):
        reranker_of(tmp_path).scores(QUESTION, TEXTS)


@pytest.mark.e2e
def test_scores_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    """A model whose weights have run away cannot order anything."""
    from safetensors.numpy import load_file, save_file

    file = make_cross_encoder(tmp_path, TEXTS) / "model.safetensors"
    weights = load_file(file)
    weights["classifier.bias"] = np.array([np.nan], np.float32)
    save_file(weights, file, {"format": "pt"})

    with pytest.raises(ModelError, match=f"reranker {tmp_path} gave no usable scores for 'Who feeds"):
        reranker_of(tmp_path).scores(QUESTION, TEXTS)


@pytest.mark.e2e
def test_threads_may_rerank_at_once(tiny: Path) -> None:
    """Several threads may share a reranker from its first text on."""
    reranker = reranker_of(tiny)
    expected = predicted(tiny, QUESTION, TEXTS)
    wrong: list[object] = []

    def score() -> None:
        try:
            found = [reranker.scores(QUESTION, TEXTS) for _ in range(5)]
            wrong.extend(some for some in found if np.abs(some - expected).max() > 1e-5)
        except Exception as error:  # noqa: BLE001 - a thread's error must fail the test
            wrong.append(error)

    threads = [Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
