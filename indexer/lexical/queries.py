"""What Tantivy is asked: its fields, and words, phrases and conditions as its queries."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Query

from indexer.lexical.stems import analyzer
from indexer.where import EVERYTHING, All, Among, Either, Not, Published, Where
from indexer.words import Terms, readings


@cache
def schema() -> Any:
    """Give the fields of a passage."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_text_field("words", tokenizer_name="stems", index_option="freq")  # of context and text together
    for name in ("context", "text"):  # for phrases, where words stand as written
        builder.add_text_field(f"{name}_exact", tokenizer_name="words", index_option="position")
    for name in ("body", "kind"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("document", indexed=True)
    builder.add_integer_field("published", indexed=True, fast=True)  # proleptic day number
    return builder.build()


def any_of(terms: Sequence[str | int], field: str = "words") -> Any:
    """Ask for any of these terms."""
    return Query.boolean_query([(Occur.Should, Query.term_query(schema(), field, term)) for term in terms])


def phrases(terms: Terms) -> list[tuple[Occur, Any]]:
    """Ask for the phrases in the text, and for none of what is excluded in text or context."""
    required = [(Occur.Must, unscored(_occurs("text_exact", one))) for one in terms.phrases]
    fields = ("text_exact", "context_exact")
    return required + [(Occur.MustNot, _occurs(field, one)) for one in terms.excluded for field in fields]


def _occurs(field: str, phrase: str) -> Any:
    """Ask for a phrase word for word, with its hyphenated words either apart or joined."""
    queries = []
    for reading in readings(phrase):
        words = analyzer(stems=False).analyze(" ".join(reading))
        if len(words) > 1:
            queries.append(Query.phrase_query(schema(), field, words))
        elif words:  # of which Tantivy makes no phrase
            queries.append(Query.term_query(schema(), field, words[0]))
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def filters(condition: Where) -> list[tuple[Occur, Any]]:
    """Ask for what fits a condition."""
    return [] if condition == EVERYTHING else [(Occur.Must, unscored(_condition(condition)))]


def _condition(condition: Where) -> Any:
    """Compile a condition to Tantivy's queries."""
    match condition:
        case Among(field, values):
            return Query.term_set_query(schema(), field.value, sorted(values))
        case Published(first, last):
            days = (first.toordinal() if first else None, last.toordinal() if last else None)
            if first or last:
                return Query.range_query(schema(), "published", FieldType.Integer, *days)
            return Query.range_query(schema(), "published", FieldType.Integer, 0, None)
        case All(parts):
            every = [(Occur.Must, Query.all_query())]
            return Query.boolean_query(every + [(Occur.Must, _condition(part)) for part in parts])
        case Either(parts):
            if not parts:
                return Query.empty_query()
            return Query.boolean_query([(Occur.Should, _condition(part)) for part in parts])
        case Not(part):
            return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, _condition(part))])


def unscored(query: Any) -> Any:
    """Ask for the same without any weight."""
    return Query.const_score_query(query, 0.0)
