"""Opens the index that the settings name, whatever engine it is on."""

from indexer.collection import Collection
from indexer.errors import IndexMissingError, InputError
from indexer.settings import Settings


def collection_of(settings: Settings) -> Collection:
    """Give the index that the settings name, which may not be there yet. Raises InputError for a wrong address.

    Each engine's libraries are loaded only where it is the one.
    """
    address = settings.address
    if address is None:
        from indexer.embedded import Embedded  # noqa: PLC0415 - see above

        return Embedded(settings.index)
    from indexer.lexical.stems import stems_in  # noqa: PLC0415
    from indexer.milvus import Milvus  # noqa: PLC0415

    return Milvus(address, settings.index, stems_in)


def existing(settings: Settings) -> Collection:
    """Give the index that the settings name, for reading.

    Raises IndexMissingError where there is none or it never finished, UnusableIndexError where it cannot be used,
    InputError where its engine has no words and the settings want them.
    """
    collection = collection_of(settings)
    with collection.reading() as reader:
        if reader.version.generation == 0:
            raise IndexMissingError(
                f"the index in `{collection.name}` was never finished; run `citewell index SOURCE`"
            )
    if settings.require_words and not collection.engine.has_words:
        raise InputError(
            f"{collection.engine.name} cannot find passages by their words, which the setting `require_words` asks "
            "for; use Milvus 2.5 or later, or do without"
        )
    return collection
