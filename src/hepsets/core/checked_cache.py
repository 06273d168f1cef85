"""Cache files of numba with a check: code that is damaged, or belongs to another call, is compiled anew."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
import pickle
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba.core.caching import Cache, IndexDataCacheFile

_DIGEST_BYTES = sha256().digest_size


def check_files(cache: Cache) -> None:
    """Have ``cache`` write after its code what the code is of, and read only code of what is asked for.

    numba numbers the files of a function's code. Two processes that compile it at once for different types
    may take the same number, and one that is killed before it writes may leave the number of an old file:
    the next process would run code of other types, or of a source that was edited since.
    """
    cache._cache_file.__class__ = _CheckedFile


class _CheckedFile(IndexDataCacheFile):
    """Behind the code, which numba alone can read too: source stamp and key, and a digest of all."""

    _key: Any

    def save(self, key: Any, data: Any) -> None:
        self._key = key
        super().save(key, data)

    def load(self, key: Any) -> Any:
        self._key = key
        return super().load(key)

    def _load_index(self) -> dict[Any, str]:
        index: dict[Any, str] = {}
        with suppress(Exception):  # damaged: whatever pickle makes of it; it is written anew
            index = super()._load_index()
        return index

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data) + self._dump((self._source_stamp, self._key))
        with self._open_for_write(self._data_path(name)) as file:
            file.write(content + sha256(content).digest())

    def _load_data(self, name: str) -> Any:
        kept = Path(self._data_path(name)).read_bytes()
        content, digest = kept[:-_DIGEST_BYTES], kept[-_DIGEST_BYTES:]
        if sha256(content).digest() != digest:
            return None
        stream = io.BytesIO(content)
        data, of = pickle.load(stream), pickle.load(stream)
        return data if of == (self._source_stamp, self._key) else None
